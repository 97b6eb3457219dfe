"""HYCOM files of every family and layout give the ocean they show, and bad ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.grid import Grid
from halocast.sources.hycom import read_hycom, to_grid
from halocast.sources.synthetic.hycom_files import product_axes, write_hycom
from halocast.sources.synthetic.ocean import AnalyticOcean, GriddedOcean

BOX = (-50.0, -46.0, 37.0, 42.0)
START, STOP = np.datetime64("2024-08-02T00:00"), np.datetime64("2024-08-02T12:00")
OCEAN = AnalyticOcean(5)
BOTH = (BOX, START, STOP)
FAMILIES = [
    ("GLBy0.08", "hindcast"),
    ("GLBy0.08", "subset"),
    ("GLBv0.08", "subset"),
    ("GLBv0.08", "hindcast"),
    ("ESPC-D-V02", "variables"),
]


def island() -> xr.Dataset:
    lat, lon = np.arange(36.0, 43.0, 0.1), np.arange(-52.0, -44.0, 0.1)
    height = np.where(np.hypot(lat[:, None] - 39.0, lon + 48.0) < 0.5, 100.0, -4000.0)
    return xr.Dataset({"elevation": (("lat", "lon"), height)}, {"lat": lat, "lon": lon})


def write(folder: Path, **options: Any) -> list[Path]:
    given: dict[str, Any] = {"box": BOX, "stride": (2, 2), **options}
    return write_hycom(folder, OCEAN, START, STOP, **given)


def subset(folder: Path, **options: Any) -> xr.Dataset:
    """The raw content of one NCSS file, to be spoilt."""
    (path,) = write(folder, layout="subset", **options)
    with xr.open_dataset(path, engine="scipy", decode_cf=False) as ds:
        return ds.load()


@pytest.mark.parametrize(("family", "layout"), FAMILIES)
def test_what_was_written_is_read_to_the_packing(tmp_path: Path, family: Any, layout: Any) -> None:
    ds = read_hycom(write(tmp_path, family=family, layout=layout, levels=2), *BOTH)
    assert ds.sizes["time"] == 5
    truth = OCEAN.surface(
        ds.time.values[:, None, None], ds.lat.values[:, None], ds.lon.values[None, :]
    )
    for name in ("ssh", "u", "v", "t"):
        # half a unit of the packing, and float32
        np.testing.assert_allclose(ds[name].values, truth[name], atol=0.00055)
    for axis, low, high in ((ds.lon.values, *BOX[:2]), (ds.lat.values, *BOX[2:])):
        assert (np.diff(axis) > 0).all()
        assert axis[0] <= low < axis[1]
        assert axis[-2] < high <= axis[-1]
    assert {name: ds[name].attrs["units"] for name in ds.data_vars} == {
        "ssh": "m", "u": "m s-1", "v": "m s-1", "t": "K",
    }  # fmt: skip


def test_the_axes_are_those_of_the_products() -> None:
    whole = (0.0, 359.9, -80.0, 90.0)
    lat, lon = product_axes("GLBv0.08", whole)
    assert (lat.size, lon.size) == (3251, 4500)
    steps, middle = np.round(np.diff(lat), 3), 0.5 * (lat[1:] + lat[:-1])
    np.testing.assert_array_equal(steps, np.where(np.abs(middle) < 40.0, 0.08, 0.04))
    region = (-60.0, -20.0, 10.0, 45.0)
    assert [axis.size for axis in product_axes("GLBv0.08", region)] == [501, 501]
    assert [axis.size for axis in product_axes("GLBy0.08", region)] == [876, 501]
    assert lon[0] == 0.0
    assert (lat == lat.astype("f4")).all()
    assert (lat != np.round(lat, 2)).any()  # the products' float noise


def test_the_file_is_packed_as_the_product_is(tmp_path: Path) -> None:
    ds = subset(tmp_path, bathymetry=island())
    for name in ("surf_el", "water_u", "water_v", "water_temp"):
        assert ds[name].dtype == np.int16
        assert ds[name].attrs["scale_factor"].dtype == np.float32
        assert ds[name].attrs["_FillValue"] == -30000
        assert (ds[name] == -30000).any()
    assert ds.water_temp.attrs["add_offset"] == 20.0
    assert ds.tau.attrs["units"] == "hours since analysis"
    assert ds.time.attrs["units"] == "hours since 2000-01-01 00:00:00"
    assert float(ds.lon[0]) > 180.0
    with pytest.raises(ValueError, match="since analysis"):
        xr.decode_cf(ds)  # as the real files do


def test_land_is_missing_and_nothing_else(tmp_path: Path) -> None:
    ds = read_hycom(write(tmp_path, layout="subset", bathymetry=island()), *BOTH)
    distance = np.hypot(ds.lat - 39.0, ds.lon + 48.0)
    for name in ds.data_vars:
        missing = np.isnan(ds[name].isel(time=0))
        assert bool(missing.where(distance < 0.3, drop=True).astype(bool).all())
        assert not bool((missing & (distance > 0.7)).any())


def test_a_model_run_written_as_hycom_comes_back_to_its_grid(tmp_path: Path) -> None:
    """The points beyond the run's edge are fills; the grid does not miss them."""
    run = grid(40, 32)
    times = START + np.array([0, 12], "m8[h]")
    surface = OCEAN.surface(times[:, None, None], run.y[:, None], run.x)
    dims = ("time", "lat", "lon")
    fields = xr.Dataset(
        {name: (dims, values) for name, values in surface.items()},
        {"time": times.astype("M8[ns]"), "lat": run.y, "lon": run.x},
    )
    wider = (-50.1, -45.9, 36.9, 42.1)
    paths = write_hycom(
        tmp_path, GriddedOcean(fields), START, STOP, box=wider, stride=(1, 1), layout="subset"
    )
    ds = read_hycom(paths, *BOTH)
    assert np.isnan(ds.ssh.values[:, -1]).all()
    found = to_grid(ds, run)
    for name, tolerance in (("ssh", 0.02), ("u", 0.1), ("v", 0.1), ("t", 0.1)):
        error = found[name].values[0] - surface[name][0]
        assert np.sqrt(np.mean(error**2)) < tolerance, name


def test_missing_steps_are_recorded(tmp_path: Path) -> None:
    ds = read_hycom(write(tmp_path, layout="subset", missing=2, seed=3), *BOTH)
    assert ds.sizes["time"] == 3
    due = START + np.arange(5) * np.timedelta64(3, "h")
    missing = np.array(ds.attrs["missing_times"], "M8[s]")
    assert missing.size == 2
    np.testing.assert_array_equal(np.union1d(ds.time.values.astype("M8[s]"), missing), due)


def test_a_period_longer_than_the_files_shows_what_is_missing(tmp_path: Path) -> None:
    paths = write(tmp_path, layout="subset")
    longer = np.timedelta64(4, "h")
    ds = read_hycom(paths, BOX, START - longer, STOP + longer)
    assert ds.attrs["missing_times"] == [
        "2024-08-01T18:00:00", "2024-08-01T21:00:00", "2024-08-02T15:00:00", "2024-08-02T18:00:00",
    ]  # fmt: skip


def test_a_period_between_steps_takes_the_steps_around_it(tmp_path: Path) -> None:
    paths = write(tmp_path)
    ds = read_hycom(paths, BOX, "2024-08-02T04:00", "2024-08-02T05:00")
    hours = (ds.time.values - START) / np.timedelta64(1, "h")
    np.testing.assert_array_equal(hours, [3, 6])
    assert ds.attrs["missing_times"] == []


def test_order_and_repetition_of_files_do_not_matter(tmp_path: Path) -> None:
    paths = write(tmp_path)
    expected = read_hycom(paths, *BOTH)
    shuffled = read_hycom([*paths[::-1], *paths[3:9]], *BOTH)
    assert shuffled.attrs.pop("duplicate_times") == 8
    assert expected.attrs.pop("duplicate_times") == 0
    xr.testing.assert_identical(shuffled, expected)


def test_unsorted_and_repeated_times_in_a_file(tmp_path: Path) -> None:
    good = subset(tmp_path)
    expected = read_hycom(good, *BOTH)
    mixed = read_hycom(good.isel(time=[3, 0, 4, 1, 2, 0]), *BOTH)
    np.testing.assert_array_equal(mixed.ssh.values, expected.ssh.values)
    assert mixed.attrs["duplicate_times"] == 4  # one step, four variables


def test_two_files_that_disagree_are_refused(tmp_path: Path) -> None:
    good = subset(tmp_path)
    other = good.copy(deep=True)
    other.surf_el[2] += 100
    with pytest.raises(InputError, match="two different fields of surf_el at 2024-08-02T06"):
        read_hycom([good, other], *BOTH)


def test_steps_without_all_variables_are_left_out_and_told(tmp_path: Path) -> None:
    paths = [p for p in write(tmp_path) if p.name != "hycom_glby_930_2024080112_t018_uv3z.nc"]
    ds = read_hycom(paths, *BOTH)
    assert ds.attrs["unmatched_times"] == ["2024-08-02T06:00:00"]
    assert ds.attrs["missing_times"] == ["2024-08-02T06:00:00"]


def test_a_step_the_server_has_filled_is_a_missing_step(tmp_path: Path) -> None:
    ds = subset(tmp_path)
    ds.water_u[2] = -30000
    found = read_hycom(ds, *BOTH)
    assert found.attrs["missing_times"] == ["2024-08-02T06:00:00"]
    assert found.attrs["unmatched_times"] == ["2024-08-02T06:00:00"]
    assert np.isfinite(found.u.values).all()


def test_a_variable_may_come_more_often_than_the_others(tmp_path: Path) -> None:
    """ESPC has surface height every hour, the rest every three."""
    ds = subset(tmp_path)
    often = ds[["surf_el"]].interp(time=np.arange(ds.time.values[0], ds.time.values[-1] + 1))
    often = often.round().astype("i2")
    often.surf_el.attrs = ds.surf_el.attrs
    often.time.attrs = ds.time.attrs
    found = read_hycom([often, ds.drop_vars("surf_el")], *BOTH)
    expected = read_hycom(ds, *BOTH)
    xr.testing.assert_identical(found, expected)


def test_decoded_datasets_and_level_free_ones_are_read_too(tmp_path: Path) -> None:
    good = subset(tmp_path)
    expected = read_hycom(good, *BOTH)
    flat = xr.decode_cf(good.drop_vars("tau")).isel(depth=0, drop=True)
    flat["water_temp"] = (flat.water_temp + 273.15).assign_attrs(units="K")
    for name in ("surf_el", "water_u", "water_v"):
        flat[name].attrs["units"] = good[name].attrs["units"]
    found = read_hycom(flat, *BOTH)
    for name in expected.data_vars:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


def test_a_rolled_or_reversed_map_is_the_same_map(tmp_path: Path) -> None:
    good = subset(tmp_path)
    expected = read_hycom(good, *BOTH)
    west = good.assign_coords(lon=good.lon - 360.0).isel(lat=slice(None, None, -1))
    xr.testing.assert_allclose(read_hycom(west, *BOTH), expected)


def spoil(ds: xr.Dataset, how: str) -> xr.Dataset:
    ds = ds.copy(deep=True)
    if how == "variable":
        return ds.rename(water_u="current")
    if how == "units":
        ds.water_u.attrs["units"] = "cm/s"
    elif how == "no units":
        del ds.surf_el.attrs["units"]
    elif how == "range":
        ds.water_v.attrs["scale_factor"] = np.float32(1.0)
    elif how == "halves":
        half = ds.sizes["lon"] // 2
        return ds.assign_coords(lon=np.roll(ds.lon.values, half))
    elif how == "sign":
        return ds.assign_coords(lon=360.0 - ds.lon.values[::-1])
    elif how == "swapped axes":
        return ds.rename(lat="lon", lon="lat")
    elif how == "outside":
        return ds.assign_coords(lat=ds.lat + 30.0)
    elif how == "lat":
        return ds.assign_coords(lat=np.roll(ds.lat.values, 5))
    elif how == "nan axis":
        return ds.assign_coords(lat=np.where(np.arange(ds.sizes["lat"]) == 3, np.nan, ds.lat))
    elif how == "time units":
        ds.time.attrs["units"] = "hours since analysis"
    elif how == "deep":
        return ds.assign_coords(depth=ds.depth + 500.0)
    elif how == "all missing":
        ds.surf_el[:] = -30000
    elif how == "not hycom":
        return ds[["tau"]]
    elif how == "no time":
        return ds.rename(time="when")
    return ds


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("variable", "no variable water_u in any of 1 HYCOM files"),
        ("units", "water_u is in 'cm/s'; expected m/s"),
        ("no units", "surf_el has no units"),
        ("range", "water_v reaches"),
        ("halves", "longitude axis is not in order"),
        ("sign", "do not reach over the box"),
        ("swapped axes", "latitude and longitude are swapped"),
        ("outside", "latitudes .* do not reach over the box"),
        ("lat", "latitude axis is not in order"),
        ("nan axis", "not numbers"),
        ("time units", "times cannot be decoded"),
        ("deep", "shallowest level"),
        ("all missing", "every value of surf_el"),
        ("not hycom", "none of surf_el"),
        ("no time", "no axis 'time'"),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(tmp_path: Path, how: str, says: str) -> None:
    bad = spoil(subset(tmp_path, stride=(10, 10)), how)
    with pytest.raises(InputError, match=says) as caught:
        read_hycom(bad, *BOTH)
    assert caught.value.remedy


def test_a_period_without_files_is_refused(tmp_path: Path) -> None:
    paths = write(tmp_path, layout="subset")
    with pytest.raises(InputError, match="nothing of surf_el between 2025-01-01"):
        read_hycom(paths, BOX, "2025-01-01", "2025-01-02")
    with pytest.raises(InputError, match="no HYCOM file"):
        read_hycom([], *BOTH)


def test_families_cannot_be_mixed(tmp_path: Path) -> None:
    old = write(tmp_path / "v", family="GLBv0.08", layout="subset")
    new = write(tmp_path / "y", family="GLBy0.08", layout="subset")
    with pytest.raises(InputError, match="different grids"):
        read_hycom([*old, *new], *BOTH)


def test_a_truncated_file_and_a_web_page_are_named(tmp_path: Path) -> None:
    paths = write(tmp_path)
    body = paths[4].read_bytes()
    paths[4].write_bytes(body[: len(body) // 2])
    with pytest.raises(InputError, match="truncated") as caught:
        read_hycom(paths, *BOTH)
    assert caught.value.where == str(paths[4])
    paths[4].write_text("<html><body>Too many requests</body></html>")
    with pytest.raises(InputError, match="web page"):
        read_hycom(paths, *BOTH)


def test_reading_changes_no_dataset(tmp_path: Path) -> None:
    ds = subset(tmp_path)
    before = ds.copy(deep=True)
    read_hycom(ds, *BOTH)
    xr.testing.assert_identical(ds, before)


def grid(ny: int = 10, nx: int = 8) -> Grid:
    west, east, south, north = BOX
    return Grid.sphere(south, north, ny, west, east, nx)


@pytest.mark.parametrize("family", ["GLBv0.08", "GLBy0.08"])
def test_cell_means_are_those_of_the_ocean(tmp_path: Path, family: Any) -> None:
    ds = read_hycom(write(tmp_path, family=family, layout="subset", stride=(1, 1)), *BOTH)
    found = to_grid(ds, grid())
    assert found.attrs["regridding"].startswith("area-weighted means")
    assert found.ssh.dims == ("time", "y", "x")
    fine = Grid.sphere(37.0, 42.0, 200, -50.0, -46.0, 160)
    truth = OCEAN.surface(START, fine.y[:, None], fine.x)
    for name in ("ssh", "u", "v", "t"):
        exact = truth[name].reshape(10, 20, 8, 20).mean((1, 3))
        np.testing.assert_allclose(found[name].values[0], exact, atol=0.005, err_msg=name)


def test_a_coarse_source_is_interpolated(tmp_path: Path) -> None:
    ds = read_hycom(write(tmp_path, layout="subset"), *BOTH)
    flat = xr.zeros_like(ds) + ds.lat + 2 * ds.lon
    found = to_grid(flat.astype("f8"), grid(100, 90))
    assert found.attrs["regridding"].startswith("bilinear")
    exact = found.y.values[:, None] + 2 * found.x.values
    np.testing.assert_allclose(found.ssh.values[1], exact, atol=1e-9)


def test_land_is_filled_from_the_nearest_sea(tmp_path: Path) -> None:
    ds = read_hycom(write(tmp_path, layout="subset", bathymetry=island()), *BOTH)
    for shape in ((10, 8), (100, 90)):
        found = to_grid(ds, grid(*shape))
        for name in found.data_vars:
            assert np.isfinite(found[name].values).all()
            assert float(found[name].min()) >= float(ds[name].min()) - 1e-9
            assert float(found[name].max()) <= float(ds[name].max()) + 1e-9
    assert to_grid(ds, grid(20, 16)).attrs["cells_filled"] >= 2


def test_fields_must_reach_over_the_grid(tmp_path: Path) -> None:
    ds = read_hycom(write(tmp_path, layout="subset"), *BOTH)
    with pytest.raises(InputError, match="do not reach over the grid"):
        to_grid(ds, Grid.sphere(30.0, 42.0, 24, -50.0, -46.0, 8))
    with pytest.raises(InputError, match="plane"):
        to_grid(ds, Grid.plane(4, 4, 1e3, 1e3))
