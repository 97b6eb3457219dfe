"""Runs in an object store: the bits of a run on a disk, and everything else one does with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from halocast.cycle.stopping import request_stop
from halocast.engines import make_engine
from halocast.engines.serial import SerialEngine
from halocast.errors import RunStopped
from halocast.runs import carry_out, create_run, run_scores
from halocast.sources.rows import make_rows
from halocast.stores.compare import compare_runs
from halocast.stores.forcing_store import Forcing
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import read_grid, same_grid, write_grid
from halocast.stores.observation_store import Observations, write_observations
from halocast.stores.open_run import open_run
from halocast.stores.places import locate
from halocast.stores.truth_store import Truth, write_truth
from object_cases import carry, small


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run on a disk."""
    folder = tmp_path_factory.mktemp("disk") / "run"
    create_run(small(), folder)
    carry(str(folder))
    return folder


def test_a_run_ended_and_resumed_there_has_the_bits_of_one_on_a_disk(s3, on_disk):
    create_run(small(), s3)
    assert carry(s3, until=3) == 3
    assert open_run(s3).attrs["committed"] == 3

    def ask(progress):
        if progress.cycle == 4:
            request_stop(s3)

    with pytest.raises(RunStopped):
        carry_out(s3, SerialEngine(), watch=ask)
    assert carry(s3) == 6
    assert compare_runs(s3, on_disk) is None
    assert run_scores(s3) == run_scores(on_disk)
    here, there = open_run(on_disk), open_run(s3)
    assert there.attrs["directory"] == s3
    for node in ("analysis/mean", "observations"):
        assert there[node].to_dataset().compute().identical(here[node].to_dataset().compute())
    last = [tree["checkpoints/analysis"].sel(checkpoint=6).values for tree in (here, there)]
    assert np.array_equal(*last)
    assert locate(s3).names() == locate(on_disk).names() == [
        "commits", "data.zarr", "record.json", "run.yaml", "run.zarr",
    ]  # fmt: skip


@pytest.mark.full
def test_workers_write_there_too(s3, on_disk):
    create_run(small(), s3)
    engine = make_engine("dask", 2)
    try:
        assert carry_out(s3, engine) == 6
    finally:
        engine.close()
    assert compare_runs(s3, on_disk) is None


def test_a_run_on_a_disk_with_its_data_there(s3, on_disk, tmp_path):
    create_run(small(), s3)
    settings = small("data.twin=null", f"data.store={s3}/data.zarr")
    create_run(settings, tmp_path / "run")
    carry(str(tmp_path / "run"))
    assert compare_runs(tmp_path / "run", on_disk) is None


@pytest.mark.parametrize("where", ["memory", "s3"])
def test_a_data_store_there(request, tmp_path, where):
    folder = f"memory://{tmp_path.name}" if where == "memory" else request.getfixturevalue("s3")
    path = f"{folder}/natl.zarr"
    model_grid = small_ocean()
    write_grid(path, model_grid)
    assert same_grid(read_grid(path), model_grid)
    for first in (0, 2):  # the second is merged with the first
        write_forcing(path, forcing(model_grid, first))
        assert write_observations(path, rows(first))["added"] == 3
    start = np.datetime64("2024-03-01T00:00:00")
    window = Forcing.open(path).window(start, start + np.timedelta64(4, "h"))
    assert window.fields["ssh"][:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert Observations.open(path).rows()["value"].values.tolist() == [0, 2, 0, 2, 0, 2]
    assert locate(path).read("observations/zarr.json").count(b"r0002") == 1
    assert (locate(path) / "observations").names() == ["r0002", "zarr.json"]
    layout = small_layout()
    state = np.arange(model_grid.n_cells, dtype=float).reshape(1, *model_grid.shape)
    for hour in (1, 2):
        write_truth(path, start + np.timedelta64(hour, "h"), hour * state, layout)
    assert np.array_equal(Truth.open(path).at(start + np.timedelta64(2, "h")), 2 * state)


def small_ocean():
    """A box of the Atlantic."""
    from halocast.grid import Grid

    return Grid.sphere(20.0, 22.0, 4, -60.0, -57.5, 5, np.full((4, 5), 4000.0))


def small_layout():
    """One field."""
    from halocast.state import Field, StateLayout

    return StateLayout((Field("ssh", None, "m", "sea-surface height"),))


def forcing(grid, first: int):
    """Three hours of forcing; its sea-surface height is the hour."""
    import xarray as xr

    hours = np.arange(first, first + 3)
    times = np.datetime64("2024-03-01T00:00:00", "ns") + hours * np.timedelta64(1, "h")
    values = np.broadcast_to(hours[:, None, None].astype(float), (3, *grid.shape))
    fields = {name: (("time", "y", "x"), values) for name in ("ssh", "u", "v", "t")}
    return xr.Dataset(fields, {"time": times})


def rows(value: float):
    """Three rows that are told apart by their value."""
    times = np.datetime64("2024-03-01T00:00:00", "ns") + np.arange(3) * np.timedelta64(1, "h")
    columns = {"time": times, "lat": 21.0, "lon": -58.0, "variable": 0, "error": 0.1}
    return make_rows({**columns, "value": value, "product": 1, "platform": int(value)})
