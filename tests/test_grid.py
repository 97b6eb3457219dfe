"""The C grid: places, metrics, masks and finding the nearest point."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.grid import EARTH_RADIUS, Grid
from hypothesis import given, settings
from hypothesis import strategies as st

PLACES = ("center", "east", "north")


def atlantic(sea=None) -> Grid:
    return Grid.sphere(10, 45, 70, -60, -20, 80, sea=sea)


def test_sphere_is_divided_evenly():
    grid = atlantic()
    assert grid.shape == (70, 80)
    assert grid.n_cells == 5600
    assert grid.spacing == pytest.approx((0.5, 0.5))
    assert grid.edges == pytest.approx((10, 45, -60, -20))


def test_metrics_add_up_to_the_area_of_the_sphere():
    globe = Grid.sphere(-90, 90, 360, -180, 180, 720)
    assert globe.area.sum() * 720 == pytest.approx(4 * np.pi * EARTH_RADIUS**2, rel=1e-4)
    assert globe.dy == pytest.approx(np.pi * EARTH_RADIUS / 360)
    assert globe.dx_north[-1] == pytest.approx(0, abs=1e-6)  # the pole


def test_coriolis_of_sphere_and_plane():
    grid = atlantic()
    assert grid.coriolis_at(np.array(30.0)) == pytest.approx(7.292115e-5)
    plane = Grid.plane(5, 5, 1e3, 1e3, coriolis=1e-4, beta=2e-11)
    np.testing.assert_allclose(plane.coriolis_at(np.array([0.0, 1e5])), [1e-4, 1.02e-4])
    assert plane.y[2] == 0


def test_places_are_half_a_cell_apart():
    grid = atlantic()
    y, x = grid.coordinates_at("center")
    for place, dy, dx in (("east", 0.0, 0.25), ("north", 0.25, 0.0)):
        there = grid.coordinates_at(place)
        np.testing.assert_allclose(there[0] - y, dy)
        np.testing.assert_allclose(there[1] - x, dx)


@pytest.mark.parametrize("place", PLACES)
def test_every_point_is_nearest_to_itself(place):
    grid = atlantic()
    y, x = np.meshgrid(*grid.coordinates_at(place), indexing="ij")
    inside = (y < 45) & (x < -20)  # the last faces are the domain's edge, which belongs to nobody
    cells = grid.nearest(place, y.ravel(), x.ravel())
    np.testing.assert_array_equal(cells[inside.ravel()], np.flatnonzero(inside))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(PLACES), st.floats(10.0, 44.999), st.floats(-60.0, -20.001))
def test_nearest_is_nearest(place, lat, lon):
    grid = atlantic()
    y, x = grid.coordinates_at(place)
    cell = int(grid.nearest(place, np.array([lat]), np.array([lon]))[0])
    j, i = divmod(cell, 80)
    assert abs(y[j] - lat) <= np.abs(y - lat).min() + 1e-9
    assert abs(x[i] - lon) <= np.abs(x - lon).min() + 1e-9


def test_outside_is_outside():
    grid = atlantic()
    lat = np.array([9.99, 45.0, 30.0, 30.0, np.nan, np.inf, 30.0])
    lon = np.array([-40.0, -40.0, -60.01, -20.0, -40.0, -40.0, np.nan])
    for place in PLACES:
        assert (grid.nearest(place, lat, lon) == -1).all()


def test_periodic_axes_have_no_outside():
    grid = Grid.plane(4, 5, 1.0, 2.0, periodic=(False, True))
    x = np.array([1.0, 11.0, -9.0, 21.0])
    np.testing.assert_array_equal(grid.nearest("center", np.zeros(4), x) % 5, 0)
    assert (
        grid.nearest("east", np.zeros(1), np.array([0.4]))[0] % 5 == 4
    )  # the last joins the first
    assert grid.nearest("center", np.array([2.5]), np.array([1.0]))[0] == -1


def test_faces_are_wet_between_two_sea_cells():
    sea = np.ones((4, 5), bool)
    sea[1, 2] = False
    grid = Grid.plane(4, 5, 1, 1, sea=sea)
    east, north = grid.wet_at("east"), grid.wet_at("north")
    np.testing.assert_array_equal(grid.wet_at("center"), sea)
    assert not east[1, 1]
    assert not east[1, 2]
    assert not east[:, -1].any()  # closed edge
    assert east.sum() == 4 * 4 - 2
    assert not north[0, 2]
    assert not north[1, 2]
    assert not north[-1].any()
    assert north.sum() == 3 * 5 - 2
    ring = Grid.plane(4, 5, 1, 1, sea=sea, periodic=(True, True))
    assert ring.wet_at("east").sum() == 20 - 2
    assert ring.wet_at("north").sum() == 20 - 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.booleans(), st.booleans())
def test_faces_by_brute_force(seed, wrap_y, wrap_x):
    sea = np.random.default_rng(seed).random((5, 6)) < 0.7
    grid = Grid.plane(5, 6, 1, 1, sea=sea, periodic=(wrap_y, wrap_x))
    for j in range(5):
        for i in range(6):
            east = sea[j, i] and sea[j, (i + 1) % 6] and (wrap_x or i < 5)
            north = sea[j, i] and sea[(j + 1) % 5, i] and (wrap_y or j < 4)
            assert grid.wet_at("east")[j, i] == east
            assert grid.wet_at("north")[j, i] == north
    np.testing.assert_array_equal(grid.sea, sea)


def test_default_sea_is_where_there_is_depth():
    depth = np.full((3, 4), 100.0)
    depth[0] = 0
    grid = Grid.sphere(0, 3, 3, 0, 4, 4, depth=depth)
    np.testing.assert_array_equal(grid.sea, depth > 0)


def test_bad_grids_are_refused():
    with pytest.raises(ConfigError, match="shape"):
        Grid.sphere(0, 3, 3, 0, 4, 4, depth=np.ones((4, 3)))
    ones = np.ones((3, 3))
    with pytest.raises(ConfigError, match="evenly spaced"):
        Grid(np.array([0.0, 1.0, 3.0]), np.arange(3.0), ones, ones > 0)
    with pytest.raises(ConfigError, match="evenly spaced"):
        Grid(np.arange(3.0), -np.arange(3.0), ones, ones > 0)
