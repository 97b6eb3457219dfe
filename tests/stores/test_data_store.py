"""The data store: grid, forcing and truth come back as they were, or not at all."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr
from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.state import StateLayout
from halocast.stores.forcing_store import UNITS, Forcing
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import read_grid, same_grid, write_grid
from halocast.stores.run_store import RunStore
from halocast.stores.truth_store import Truth, write_truth
from store_examples import HOUR, START, ocean_grid, ocean_layout, ocean_spec

VARIABLES = ("ssh", "u", "v", "t")


@pytest.fixture
def path(tmp_path):
    write_grid(tmp_path / "natl.zarr", ocean_grid())
    return tmp_path / "natl.zarr"


def forcing(hours, offset: float = 0.0, names=VARIABLES, **attrs) -> xr.Dataset:
    """Fields whose value is the hour, so that a step can be recognised."""
    hours = np.asarray(hours)
    field = np.broadcast_to(hours[:, None, None] + offset, (hours.size, 6, 7))
    data = {n: (("time", "y", "x"), field + i, {"units": UNITS[n]}) for i, n in enumerate(names)}
    time = (START + hours * HOUR).astype("datetime64[ns]")
    return xr.Dataset(data, {"time": time}, attrs)


# ---- grid


@pytest.mark.parametrize(
    "grid",
    [
        ocean_grid(),
        Grid.plane(4, 5, 1e3, 2e3, periodic=(True, False), coriolis=1e-4, beta=2e-11),
        Grid.sphere(-3, 3, 5, 170, 180, 4),
    ],
)
def test_a_grid_comes_back(tmp_path, grid):
    write_grid(tmp_path / "s.zarr", grid)
    assert same_grid(read_grid(tmp_path / "s.zarr"), grid)
    write_grid(tmp_path / "s.zarr", grid)  # the same one again is no change


def test_another_grid_is_refused(path):
    with pytest.raises(StoreError, match="another grid"):
        write_grid(path, ocean_grid(6, 8))
    assert read_grid(path).shape == (6, 7)


def test_no_store_no_grid(tmp_path, path):
    with pytest.raises(StoreError, match="no store here"):
        read_grid(tmp_path / "nowhere.zarr")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/notes.txt").touch()
    with pytest.raises(StoreError, match="not a zarr v3 store"):
        read_grid(tmp_path / "folder")
    for reader in (Forcing, Truth):
        with pytest.raises(StoreError, match="store holds no"):
            reader.open(path)


def test_a_run_is_no_data_store(tmp_path):
    run = RunStore.create(tmp_path / "run", ocean_spec())
    with pytest.raises(StoreError, match="says it is 'run'"):
        read_grid(run.directory / "run.zarr")


# ---- forcing


def test_a_window_has_the_steps_that_bracket_it(path):
    write_forcing(path, forcing([0, 3, 6, 9]))
    store = Forcing.open(path)
    for start, stop, expected in [
        (0, 0, [0]), (0, 1, [0, 3]), (3, 6, [3, 6]),
        (2, 7, [0, 3, 6, 9]), (4, 5, [3, 6]), (9, 9, [9]),
    ]:  # fmt: skip
        window = store.window(START + start * HOUR, START + stop * HOUR)
        assert np.array_equal(window.times, START + np.array(expected) * HOUR)
        for i, name in enumerate(VARIABLES):
            assert window.fields[name].dtype == np.float64
            assert np.array_equal(window.fields[name][:, 2, 3], np.array(expected) + i)


def test_windows_do_not_share_memory(path):
    write_forcing(path, forcing([0, 3]))
    store = Forcing.open(path)
    store.window(START, START + HOUR).fields["ssh"][:] = -1
    assert store.window(START, START + HOUR).fields["ssh"][0, 0, 0] == 0


def test_forcing_travels_by_its_path(path):
    write_forcing(path, forcing([0, 3]))
    store = Forcing.open(path, np.timedelta64(2, "h"))
    assert pickle.loads(pickle.dumps(store)).max_gap == np.timedelta64(2, "h")


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (8, 10), (20, 21)])
def test_outside_the_forcing(path, start, stop):
    write_forcing(path, forcing([0, 3, 6, 9]))
    with pytest.raises(StoreError, match="covers 2024-03-01T00:00:00 to 2024-03-01T09:00:00"):
        Forcing.open(path).window(START + start * HOUR, START + stop * HOUR)


def test_a_gap_names_the_missing_times(path):
    missing = ["2024-03-01T06:00:00", "2024-03-01T09:00:00"]
    write_forcing(path, forcing([0, 3, 12, 15], missing_times=missing))
    store = Forcing.open(path)
    assert store.window(START + 12 * HOUR, START + 14 * HOUR).times.size == 2
    with pytest.raises(StoreError, match="the product lacks 2024-03-01T06:00:00, 2024-03-01T09"):
        store.window(START + 2 * HOUR, START + 4 * HOUR)
    patient = Forcing.open(path, max_gap=np.timedelta64(9, "h"))
    assert patient.window(START + 4 * HOUR, START + 5 * HOUR).times.size == 2


def test_steps_are_merged_and_gaps_filled(path):
    missing = np.array(["2024-03-01T06:00", "2024-03-01T09:00"], "datetime64[m]")
    write_forcing(path, forcing([0, 3, 12], missing_times=missing, product="GLBy"))
    write_forcing(path, forcing([3, 6], offset=0.5))
    store = Forcing.open(path)
    assert np.array_equal(store.times, START + np.array([0, 3, 6, 12]) * HOUR)
    assert [store.step(i)["ssh"][0, 0] for i in range(4)] == [0.0, 3.5, 6.5, 12.0]
    assert store.attrs["missing_times"] == ["2024-03-01T09:00:00"]
    assert [p.name for p in (path / "forcing").iterdir() if p.is_dir()] == ["r0002"]


def test_an_ingest_under_a_reader_is_noticed(path):
    write_forcing(path, forcing([0, 3]))
    store = Forcing.open(path)
    write_forcing(path, forcing([6]))
    with pytest.raises(StoreError, match="changed by another ingest"):
        store.window(START, START + HOUR)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: ds.drop_vars("t"), r"missing \['t'\]"),
        (lambda ds: ds.assign(salt=ds["t"]), r"unknown \['salt'\]"),
        (lambda ds: ds.isel(time=[1, 0]), "not strictly rising"),
        (lambda ds: ds.isel(time=[0, 0]), "not strictly rising"),
        (lambda ds: ds.isel(time=[]), "without times"),
        (lambda ds: ds.drop_vars("time"), "without times"),
        (lambda ds: ds.isel(x=slice(5)), "not \\(time, y, x\\) of the grid"),
        (lambda ds: ds.transpose("time", "x", "y"), "interpolate"),
        (lambda ds: ds.assign(t=ds["t"].assign_attrs(units="degC")), "'degC', not 'K'"),
        (lambda ds: ds.assign_coords(lon=("x", 300.0 + np.arange(7) / 4)), "lon runs from 300"),
    ],
)
def test_forcing_that_does_not_fit_changes_nothing(path, change, message):
    write_forcing(path, forcing([0, 3]))
    with pytest.raises(StoreError, match=message):
        write_forcing(path, change(forcing([6, 9])))
    assert Forcing.open(path).times.size == 2


def test_other_variables_are_refused(path):
    write_forcing(path, forcing([0]))
    with pytest.raises(StoreError, match="ingest into a new store"):
        write_forcing(path, forcing([3], names=(*VARIABLES, "tau_x", "tau_y")))


def test_damaged_forcing_is_not_read(path):
    write_forcing(path, forcing([0, 3]))
    (path / "forcing/r0001/u/c.1.0.0").unlink()
    with pytest.raises(StoreError, match=r"a chunk of forcing/r0001/u cannot be read"):
        Forcing.open(path).window(START, START + HOUR)


# ---- truth


def test_truth_is_appended(path):
    layout = ocean_layout()
    states = np.random.default_rng(3).normal(size=(4, len(layout), 6, 7))
    write_truth(path, START, states[0], layout)
    write_truth(path, START + np.arange(1, 3) * HOUR, states[1:3], layout)
    write_truth(path, (START + 5 * HOUR).astype("datetime64[ns]"), states[3], layout)
    truth = pickle.loads(pickle.dumps(Truth.open(path)))
    assert truth.layout == layout
    for hour, state in zip([0, 1, 2, 5], states):
        assert np.array_equal(truth.at(START + hour * HOUR), state)
    with pytest.raises(StoreError, match="no truth at 2024-03-01T03"):
        truth.at(START + 3 * HOUR)


def test_truth_that_does_not_fit(path):
    layout = ocean_layout()
    state = np.zeros((len(layout), 6, 7))
    write_truth(path, START, state, layout)
    with pytest.raises(StoreError, match="do not rise"):
        write_truth(path, START, state, layout)
    with pytest.raises(StoreError, match="other fields"):
        write_truth(path, START + HOUR, state[:9], StateLayout(layout.fields[:9]))
    with pytest.raises(StoreError, match="is needed"):
        write_truth(path, START + HOUR, state[:, :3], layout)
    assert Truth.open(path).times.size == 1
