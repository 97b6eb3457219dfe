"""Bathymetries of every convention, their means over cells, and the synthetic sea floor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.sources.bathymetry import cell_means, read_bathymetry, sea_grid
from halocast.sources.regrid import average, midpoint_edges, overlap_weights
from halocast.sources.synthetic.bathymetry_files import sea_floor, write_bathymetry
from hypothesis import given, settings
from hypothesis import strategies as st

BOX = (-34.0, -22.0, 12.0, 20.0)
CONVENTIONS = {
    "etopo2022": 1e-3, "gebco": 0.51, "etopo5": 1e-3, "etopo1-nodes": 0.51, "etopo1-cells": 0.51,
}  # fmt: skip


def write(folder: Path, convention: Any = "etopo2022", **options: Any) -> Path:
    given: dict[str, Any] = {"box": (-36.0, -20.0, 10.0, 22.0), "minutes": 5, **options}
    return write_bathymetry(folder, convention=convention, **given)[0]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_each_convention_gives_the_sea_floor_it_shows(tmp_path: Path, convention: str) -> None:
    ds = read_bathymetry(write(tmp_path, convention), BOX)
    exact = sea_floor(ds.lat.values, ds.lon.values)
    np.testing.assert_allclose(ds.elevation.values, exact, atol=CONVENTIONS[convention])
    for axis, low, high in ((ds.lon.values, *BOX[:2]), (ds.lat.values, *BOX[2:])):
        assert (np.diff(axis) > 0).all()
        assert axis[0] <= low <= axis[1]
        assert axis[-2] <= high <= axis[-1]


def test_registrations_agree_on_cell_means(tmp_path: Path) -> None:
    edges = np.linspace(12.0, 20.0, 17), np.linspace(-34.0, -22.0, 25)
    pixels, nodes = (
        read_bathymetry(write(tmp_path, c, minutes=2), BOX) for c in ("etopo2022", "etopo1-nodes")
    )
    shifted = nodes.assign_coords(lat=nodes.lat + 1.0 / 60.0, lon=nodes.lon + 1.0 / 60.0)
    means = [cell_means(ds, *edges)[0] for ds in (pixels, nodes, shifted)]
    differences = [float(np.sqrt(np.mean((m - means[0]) ** 2))) for m in means[1:]]
    assert differences[0] < 2.0
    assert differences[1] > 5 * differences[0]  # what taking one for the other would cost


@pytest.mark.parametrize("convention", ["etopo1-nodes", "etopo5", "etopo2022"])
def test_a_global_file_is_cut_anywhere(tmp_path: Path, convention: str) -> None:
    # nodes repeat the meridian of 180; the cut may lie across it, or across Greenwich
    path = write(tmp_path, convention, box=(-180.0, 180.0, -90.0, 90.0), minutes=60)
    for west, east in ((-20.0, 20.0), (170.0, 190.0), (-190.0, -170.0), (300.0, 340.0)):
        ds = read_bathymetry(path, (west, east, 30.0, 50.0))
        assert (np.diff(ds.lon) > 0).all()
        assert np.diff(ds.lon).max() == pytest.approx(1.0)
        exact = sea_floor(ds.lat.values, ds.lon.values)
        np.testing.assert_allclose(ds.elevation.values, exact, atol=0.51)


def test_depth_counts_downwards_and_fills_are_missing(tmp_path: Path) -> None:
    lat, lon = np.arange(10.0, 23.0), np.arange(-36.0, -19.0)
    depth = np.full((lat.size, lon.size), 4000.0)
    depth[5, 5] = -1e34
    ds = xr.Dataset({"depth": (("lat", "lon"), depth, {"units": "m"})}, {"lat": lat, "lon": lon})
    path = tmp_path / "depth.nc"
    ds.to_netcdf(path, engine="h5netcdf")
    found = read_bathymetry(path, BOX).elevation
    assert int(np.isnan(found).sum()) == 1
    assert float(np.nanmax(found)) == -4000.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda ds: ds.rename(z="topo"), "no variable z, elevation, ROSE, depth"),
        (lambda ds: ds.assign(z=ds.z * 100), "beyond the Earth's relief"),
        (lambda ds: ds.assign(z=ds.z.assign_attrs(units="km")), "in 'km'; expected m"),
        (lambda ds: ds.drop_vars("lat"), "dimension lat of z has no axis"),
        (lambda ds: ds.rename(lat="row").assign_coords(row=ds.lat.values), "not a latitude"),
        (lambda ds: ds.assign_coords(lon=-ds.lon.values[::-1]), "do not reach over the box"),
        (lambda ds: ds.assign(z=ds.z * np.nan), "every value of z"),
        (
            lambda ds: ds.assign_coords(lon=np.roll(ds.lon.values, ds.lon.size // 2)),
            "longitude axis is not in order",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(tmp_path: Path, change: Any, says: str) -> None:
    with xr.open_dataset(write(tmp_path), engine="h5netcdf") as ds:
        bad = change(ds.load())
    path = tmp_path / "bad.nc"
    bad.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match=says) as caught:
        read_bathymetry(path, BOX)
    assert caught.value.remedy
    assert caught.value.where == str(path)


def test_a_truncated_file_and_a_web_page_are_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="truncated"):
        read_bathymetry(path, BOX)
    path.write_text("<html></html>")
    with pytest.raises(InputError, match="web page"):
        read_bathymetry(path, BOX)


def a_map(values: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> xr.Dataset:
    return xr.Dataset({"elevation": (("lat", "lon"), values)}, {"lat": lat, "lon": lon})


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    ny=st.integers(1, 9),
    nx=st.integers(1, 9),
    low=st.floats(0.0, 0.4),
)
def test_means_conserve_the_integral(seed: int, ny: int, nx: int, low: float) -> None:
    """Σ mean · area over the cells = Σ value · area over the points, however they are cut."""
    rng = np.random.default_rng(seed)
    lat_edges = 20.0 + np.cumsum(rng.uniform(0.1, 1.0, 13))
    lon_edges = -40.0 + np.cumsum(rng.uniform(0.1, 1.0, 17))
    values = rng.normal(size=(12, 16))
    to_lat = np.linspace(lat_edges[0] + low, lat_edges[-1], ny + 1)
    to_lon = np.linspace(lon_edges[0] + low, lon_edges[-1], nx + 1)

    def area(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        return np.outer(np.diff(np.sin(np.deg2rad(lat))), np.diff(lon))

    fine, covered = average(values, lat_edges, lon_edges, to_lat, to_lon)
    np.testing.assert_allclose(covered, 1.0, atol=1e-12)
    whole, _ = average(values, lat_edges, lon_edges, to_lat[[0, -1]], to_lon[[0, -1]])
    total = (fine * area(to_lat, to_lon)).sum()
    assert total == pytest.approx(float(whole[0, 0] * area(to_lat[[0, -1]], to_lon[[0, -1]]).sum()))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_overlaps_fill_each_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = np.cumsum(rng.uniform(0.05, 1.0, 20))
    target = np.linspace(source[0], source[-1], rng.integers(2, 40))
    weights = overlap_weights(source, target).toarray()
    np.testing.assert_allclose(weights.sum(1), np.diff(target), atol=1e-12)
    np.testing.assert_allclose(weights.sum(0), np.diff(source), atol=1e-12)
    assert (weights >= 0).all()


def test_edges_lie_half_way() -> None:
    np.testing.assert_allclose(midpoint_edges(np.array([0.0, 1.0, 3.0])), [-0.5, 0.5, 2.0, 4.0])


def test_the_share_of_sea_is_that_of_the_area() -> None:
    lat, lon = np.arange(0.05, 2.0, 0.1), np.arange(0.05, 2.0, 0.1)
    heights = np.where(lon < 0.75, 50.0, -4000.0) * np.ones((20, 1))
    mean, sea = cell_means(
        a_map(heights, lat, lon), np.array([0.0, 1.0, 2.0]), np.array([0, 1, 2.0])
    )
    np.testing.assert_allclose(sea, [[0.3, 1.0], [0.3, 1.0]], atol=1e-9)  # seven of ten columns
    np.testing.assert_allclose(mean[:, 0], 0.7 * 50.0 - 0.3 * 4000.0, atol=1e-9)


def test_depths_are_means_of_the_wet_part_and_shallow_cells_are_land() -> None:
    lat, lon = np.arange(0.05, 2.0, 0.1), np.arange(0.05, 4.0, 0.1)
    heights = np.broadcast_to(
        np.select([lon < 0.35, lon < 1.0, lon < 2.0, lon < 2.6], [500.0, -4000, -90, 20], -3000.0),
        (20, 40),
    )
    grid = sea_grid(a_map(heights, lat, lon), 0.0, 2.0, 2, 0.0, 4.0, 4, minimum_depth=100.0)
    np.testing.assert_array_equal(grid.sea, [[True, False, False, True]] * 2)
    # not (0.35 · 500 − 0.65 · 4000): land is no part of a depth
    np.testing.assert_allclose(grid.depth, [[4000.0, 0.0, 0.0, 3000.0]] * 2, rtol=1e-9)


def test_cells_nothing_is_known_of_are_named() -> None:
    lat, lon = np.arange(0.05, 2.0, 0.1), np.arange(0.05, 2.0, 0.1)
    heights = np.full((20, 20), -4000.0)
    heights[10:, :10] = np.nan
    edges = np.array([0.0, 1.0, 2.0])
    with pytest.raises(InputError, match=r"nothing is known of cell \(1, 0\)"):
        cell_means(a_map(heights, lat, lon), edges, edges)
    with pytest.raises(InputError, match="nothing is known"):
        cell_means(a_map(heights, lat, lon), edges + 1.5, edges)


def test_a_grid_without_sea_is_refused() -> None:
    lat, lon = np.arange(0.05, 2.0, 0.1), np.arange(0.05, 2.0, 0.1)
    with pytest.raises(InputError, match="no cell of the grid is sea"):
        sea_grid(a_map(np.full((20, 20), -50.0), lat, lon), 0, 2, 2, 0, 2, 2, minimum_depth=100.0)


def test_the_synthetic_floor_has_its_ridge_plains_and_islands() -> None:
    lat, lon = np.arange(10.0, 45.01, 0.05), np.arange(-60.0, -19.99, 0.05)
    floor = sea_floor(lat, lon)
    assert -5300.0 < floor.mean() < -4300.0
    assert -7500.0 < floor.min() < -5800.0
    assert 0.0 < (floor > 0).mean() < 0.001
    row = floor[np.abs(lat - 25.0) < 1.0].mean(0)
    assert abs(lon[row.argmax()] + 45.1) < 1.5  # the ridge's crest
    islands = sea_floor(np.array([15.1]), np.array([-23.6])), sea_floor([38.5], [-28.2])
    assert min(h.item() for h in islands) > 0.0
    assert not np.array_equal(floor, sea_floor(lat, lon, seed=1))


def test_another_bathymetry_can_be_shown(tmp_path: Path) -> None:
    lat, lon = np.arange(10.0, 23.0, 0.5), np.arange(-37.0, -19.0, 0.5)
    plane = a_map(-4000.0 + 10 * lat[:, None] - 20 * lon, lat, lon)
    ds = read_bathymetry(write(tmp_path, elevation=plane), BOX)
    exact = -4000.0 + 10 * ds.lat.values[:, None] - 20 * ds.lon.values
    np.testing.assert_allclose(ds.elevation.values, exact, atol=1e-3)


def test_the_real_etopo5(real_data: Path) -> None:
    path = real_data / "bathymetry" / "etopo5_natl_75W-5W_0-60N.nc"
    region = (-60.0, -20.0, 10.0, 45.0)
    ds = read_bathymetry(path, region)
    inner = ds.elevation.sel(lat=slice(9.99, 45.01), lon=slice(-60.01, -19.99))
    assert inner.shape == (421, 481)
    assert float(inner.min()) == -6568.0
    assert float((inner >= 0).mean()) == pytest.approx(0.00013, abs=2e-5)
    grid = sea_grid(ds, 10.0, 45.0, 70, -60.0, -20.0, 80, minimum_depth=200.0)
    assert 0.99 < grid.sea.mean() < 1.0
    assert 4300.0 < grid.depth[grid.sea].mean() < 4600.0


def test_the_real_etopo20_is_its_coarser_sister(real_data: Path) -> None:
    region = (-60.0, -20.0, 10.0, 45.0)
    edges = np.linspace(10.0, 45.0, 36), np.linspace(-60.0, -20.0, 41)
    fine, coarse = (
        cell_means(read_bathymetry(real_data / "bathymetry" / name, region), *edges)[0]
        for name in ("etopo5_natl_75W-5W_0-60N.nc", "etopo20.cdf")
    )
    assert np.corrcoef(fine.ravel(), coarse.ravel())[0, 1] > 0.98
    assert abs(fine.mean() - coarse.mean()) < 50.0


def test_the_synthetic_floor_against_the_real_one(real_data: Path) -> None:
    path = real_data / "bathymetry" / "etopo5_natl_75W-5W_0-60N.nc"
    real = read_bathymetry(path, (-60.0, -20.0, 10.0, 45.0))
    floor = sea_floor(real.lat.values, real.lon.values)
    assert abs(floor.mean() - float(real.elevation.mean())) < 500.0
    edges = np.linspace(10.0, 45.0, 15), np.linspace(-60.0, -20.0, 17)
    ours = cell_means(a_map(floor, real.lat.values, real.lon.values), *edges)[0]
    theirs = cell_means(real, *edges)[0]
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.6
