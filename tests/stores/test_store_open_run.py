"""A run as labelled data: names, units, places; only what was committed; lazily."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from halocast.errors import RunError
from halocast.stores.open_run import open_run
from halocast.stores.run_store import RunStore
from store_examples import HOUR, START, cycle_record, ocean_spec, plane_spec, run_cycle


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore.create(tmp_path / "run", ocean_spec(4))


def test_a_run_before_its_first_cycle(store):
    run = open_run(store.directory)
    assert run.attrs["committed"] == 0
    assert run.attrs["n_cycles"] == 4
    assert run["analysis/mean/ssh"].shape == (0, 6, 7)
    assert run["scores"].sizes == {"cycle": 0, "row": 0}
    assert run["observations"].sizes == {}


def test_a_live_run_shows_what_it_had_when_opened(store):
    run_cycle(store, 1, rows=5)
    early = open_run(store.directory)
    run_cycle(store, 2, rows=9)
    store.write_cycle(3, cycle_record(store.spec, 3, rows=700))
    late = open_run(store.directory)
    assert early["analysis/mean/ssh"].sizes["cycle"] == 1
    assert late["analysis/mean/ssh"].sizes["cycle"] == 2
    assert late["observations"].sizes == {"cycle": 2, "slot": 9}
    assert np.array_equal(late["observations/n"], [5, 9])
    first = early["analysis/mean/u"].compute()
    assert np.array_equal(first, late["analysis/mean/u"][:1], equal_nan=True)


def test_fields_are_labelled(store):
    run_cycle(store, 1)
    record = cycle_record(store.spec, 1)
    run = open_run(store.directory)
    mean = run["analysis/mean"].to_dataset()
    grid, names = store.spec.grid, store.spec.layout.names
    at = mean.sel(time=START + HOUR, lat=grid.y[4], lon=grid.x[5], method="nearest")
    state = record.groups["analysis/mean"][:, 4, 5]
    assert at["ssh"] == state[names.index("ssh")]
    assert at["u"].sel(layer=1) == state[names.index("u1")]
    assert at["h"].sel(layer=2) == state[names.index("h2")]
    assert np.isnan(at["h"].sel(layer=0))
    assert mean["ssh"].attrs == {
        "units": "m",
        "standard_name": "sea_surface_height_above_geoid",
        "long_name": "sea-surface height, mean, analysis",
        "cell_methods": "realization: mean",
        "location": "center",
    }
    assert mean["h"].attrs["long_name"] == "thickness, mean, analysis"
    assert mean["u"].attrs["location"] == "east"
    assert run["free_run/spread/t"].attrs["cell_methods"] == "realization: standard_deviation"
    assert mean["lat"].attrs["units"] == "degrees_north"
    assert np.allclose(mean["lon_east"], grid.coordinates_at("east")[1])


def test_land_is_nan_where_each_variable_lives(store):
    run_cycle(store, 1)
    mean = open_run(store.directory)["analysis/mean"].to_dataset()
    for variable, place in (("ssh", "center"), ("u", "east"), ("v", "north")):
        values = mean[variable].isel(cycle=0)
        values = values.sel(layer=0) if "layer" in values.dims else values
        assert np.array_equal(values.notnull(), store.spec.grid.wet_at(place))


def test_everything_is_lazy_one_chunk_a_cycle(store):
    for cycle in (1, 2, 3):
        run_cycle(store, cycle)
    run = open_run(store.directory)
    for node in run.subtree:
        for name, values in node.data_vars.items():
            if node.name not in ("grid", "scores"):
                assert isinstance(values.data, da.Array), name
    assert run["analysis/mean/u"].chunksizes["cycle"] == (1, 1, 1)


def test_times_and_tables(store):
    run_cycle(store, 1, rows=7)
    run_cycle(store, 2, rows=0)
    run = open_run(store.directory)
    record = cycle_record(store.spec, 1, rows=7)
    time = run["observations/time"]
    assert time.dtype == np.dtype("datetime64[ns]")
    assert np.array_equal(time[0], record.table["time"])
    assert np.isnat(time[1]).all()
    assert np.array_equal(run["observations/value"][0], record.table["value"])
    assert "assimilated" in run["observations/fate"].attrs["flag_meanings"]
    assert np.array_equal(run["fates/fate"][0], record.fates[1])
    assert run["fates/first_row"].values.tolist() == [1000, 2000]
    assert run["health/ess"].sizes == {"cycle": 2, "block": 12}


def test_scores_are_tidy(store):
    for cycle in (1, 2):
        run_cycle(store, cycle)
    leftover = cycle_record(store.spec, 3)
    store.write_cycle(3, leftover._replace(scores=[{**leftover.scores[0], "variable": "zz"}]))
    scores = open_run(store.directory)["scores"].to_dataset()
    assert scores["variable"].values.tolist() == ["ssh", "u"]
    table = scores.to_dataframe().reset_index()
    assert set(table.columns) >= {"cycle", "time", "what", "against", "variable", "rmse", "n"}
    expected = cycle_record(store.spec, 2).scores[1]["crps"]
    row = table[(table.cycle == 2) & (table.variable == "u")]
    assert row.crps.item() == expected


def test_members_at_the_checkpoints(store):
    run_cycle(store, 1)
    run_cycle(store, 2, checkpoint=False)
    run_cycle(store, 3)
    members = open_run(store.directory)["checkpoints"].to_dataset()
    assert members["checkpoint"].values.tolist() == [1, 3]
    picked = members["free"].sel(checkpoint=3, member=2, field="t1")
    state = store.read_checkpoint("free", 3, 2)
    assert np.array_equal(picked, state[store.spec.layout.index("t1")])
    store.prune_checkpoints(1)
    assert open_run(store.directory)["checkpoints/free"].sizes["checkpoint"] == 1


def test_what_was_run_is_attached(store):
    run = open_run(store.directory)
    assert run.attrs["config"] == "seed: 7\n"
    assert run.attrs["record"] == {"seed": 7}
    assert run["grid/depth"].attrs["units"] == "m"


def test_a_plane_has_its_own_coordinates(tmp_path):
    store = RunStore.create(tmp_path / "plane", plane_spec())
    run_cycle(store, 1)
    run = open_run(store.directory)
    assert "kalman_filter/mean" in [node.path[1:] for node in run.subtree]
    values = run["kalman_filter/mean"].to_dataset()["z"].sel(y=0.0, x=2.5)
    assert values == cycle_record(store.spec, 1).groups["kalman_filter/mean"][0, 2, 2]
    assert "layer" not in values.coords


def test_no_run(tmp_path):
    with pytest.raises(RunError, match="no run in this folder"):
        open_run(tmp_path)


def test_the_tree_can_be_taken_along(store, tmp_path):
    """Attributes and labels are such that the fields can be written as netCDF."""
    run_cycle(store, 1)
    mean = open_run(store.directory)["analysis/mean"].to_dataset()
    mean.to_netcdf(tmp_path / "mean.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "mean.nc", engine="h5netcdf") as again:
        assert np.array_equal(again["u"], mean["u"], equal_nan=True)
        assert np.array_equal(again["time"], mean["time"])
