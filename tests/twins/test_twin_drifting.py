"""A twin's drifters: they follow the flow, and stay at sea."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from halocast.grid import EARTH_RADIUS, Grid
from halocast.sources.synthetic.gridded_ocean import GriddedOcean
from halocast.twins.drifting import drift

START = np.datetime64("2024-08-01T00:00:00", "s")
DEGREE = np.radians(1.0) * EARTH_RADIUS


def hours(n: int) -> np.ndarray:
    """Times from the start, n hours of them."""
    return START + np.arange(n + 1) * np.timedelta64(3600, "s")


def ocean(grid: Grid, times: np.ndarray, u: np.ndarray, v: np.ndarray) -> GriddedOcean:
    """An ocean with the steady velocity u, v (ny, nx)."""
    dims = ("time", "lat", "lon")
    fields = {
        name: (dims, np.broadcast_to(f, (times.size, *grid.shape)).copy())
        for name, f in (("ssh", 0 * u), ("u", u), ("v", v), ("t", 0 * u))
    }
    axes = {"time": times.astype("M8[ns]"), "lat": grid.y, "lon": grid.x}
    return GriddedOcean(xr.Dataset(fields, axes))


def test_a_uniform_current_carries_them_as_far_as_it_runs() -> None:
    grid = Grid.sphere(-0.5, 19.5, 20, -40, -20, 20)
    times = hours(5)
    still, north = np.zeros(grid.shape), np.full(grid.shape, 0.5)
    moved = drift(ocean(grid, times, still, north), grid, times, 50, seed=3)
    lasted = (moved.number == moved.number[0]).all(axis=0)
    assert lasted.sum() > 40
    travelled = (moved.lat[-1] - moved.lat[0])[lasted]
    np.testing.assert_allclose(travelled, 0.5 * 5 * 3600 / DEGREE, rtol=1e-9)
    np.testing.assert_array_equal(moved.lon[-1][lasted], moved.lon[0][lasted])


def test_the_midpoint_rule_is_of_second_order() -> None:
    """In a shear whose path is known: u = s y, v constant, so x grows with the square of time."""
    grid = Grid.sphere(-5, 5, 40, -30, -20, 40)
    y = np.broadcast_to(grid.y[:, None], grid.shape)
    u = 0.2 * y * np.cos(np.radians(y))  # degrees of longitude grow evenly
    times = hours(6)
    moved = drift(ocean(grid, times, u, np.full(grid.shape, 0.3)), grid, times, 60, seed=1)
    lasted = (moved.number == moved.number[0]).all(axis=0)
    speed, span = 0.3 / DEGREE, 6 * 3600.0
    start = moved.lat[0][lasted]
    # the velocity is bilinear between cells a quarter of a degree apart
    exact = 0.2 / DEGREE * (start * span + speed * span**2 / 2)
    np.testing.assert_allclose((moved.lon[-1] - moved.lon[0])[lasted], exact, atol=2e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_stay_at_sea_and_new_ones_have_new_numbers(seed: int) -> None:
    sea = np.ones((12, 14), bool)
    sea[4:7, 5:8] = False
    grid = Grid.sphere(30, 36, 12, -40, -33, 14, sea=sea)
    times = hours(40)
    u = np.where(sea, 1.5, np.nan)
    moved = drift(ocean(grid, times, u, 0.3 * u), grid, times, 30, seed=seed)
    assert moved.lat.shape == (41, 30)
    cell = grid.nearest("center", moved.lat, moved.lon)
    assert (cell >= 0).all()
    assert sea.ravel()[cell].all()
    born = moved.number[-1].max()
    assert born >= 30  # some left the domain or ran aground
    assert np.array_equal(np.unique(moved.number), np.arange(born + 1))
    for now, then in zip(moved.number[1:], moved.number[:-1]):
        assert np.unique(now).size == now.size
        changed = now != then
        assert (now[changed] > then.max()).all()  # no number comes back


def test_none_is_a_number_of_drifters_too() -> None:
    grid = Grid.sphere(30, 36, 12, -40, -33, 14)
    still = np.zeros(grid.shape)
    assert drift(ocean(grid, hours(2), still, still), grid, hours(2), 0, seed=1).lat.shape == (3, 0)
