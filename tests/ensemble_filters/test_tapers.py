"""Distances on the grid and by water, and the tapers made of them."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.ensemble.tapers import (
    distances,
    great_circle,
    schur,
    sea_distances,
)
from halocast.grid import EARTH_RADIUS, Grid


def test_great_circles() -> None:
    quarter = 0.5 * np.pi * EARTH_RADIUS
    found = great_circle(np.array([0.0, 90.0]), np.zeros(2), np.array([0.0]), np.array([90.0]))
    np.testing.assert_allclose(found, quarter, rtol=1e-14)
    across = great_circle(np.array([10.0]), np.array([179.0]), np.array([10.0]), np.array([-179.0]))
    near = great_circle(np.array([10.0]), np.array([0.0]), np.array([10.0]), np.array([2.0]))
    np.testing.assert_allclose(across, near, rtol=1e-13)
    opposite = great_circle(
        np.array([35.0]), np.array([20.0]), np.array([-35.0]), np.array([200.0])
    )
    np.testing.assert_allclose(opposite, np.pi * EARTH_RADIUS, rtol=1e-7)


def test_distances_on_a_plane_wrap_round() -> None:
    grid = Grid.plane(6, 10, 2.0, 3.0, periodic=(True, True))
    found = distances(grid, np.array([0]), np.array([9, 50, 5, 59]))
    np.testing.assert_allclose(found, [[3.0, 2.0, 15.0, np.hypot(2.0, 3.0)]], rtol=1e-15)


def test_the_sheet_s_values_of_the_taper() -> None:
    found = schur(np.array([[0.0, 0.5, 1.0, 1.5, 2.0, np.inf]]), 1.0)[0]
    np.testing.assert_allclose(
        found, [1.0, 0.68489583, 5 / 24, 0.01649306, 0.0, 0.0], rtol=0, atol=5e-9
    )


def test_tapers_are_positive_definite_where_a_step_is_not() -> None:
    grid = Grid.sphere(20.0, 30.0, 10, -80.0, -70.0, 10)
    cells = np.arange(100)
    apart = distances(grid, cells, cells)
    assert np.linalg.eigvalsh(schur(apart, 3e5)).min() > 0
    assert np.linalg.eigvalsh((apart < 3e5).astype(float)).min() < -1
    factors = np.array([[1.0, 0.3], [0.3, 1.0]])
    both, variable = np.tile(apart, (2, 2)), np.repeat([0, 1], 100)
    crossed = schur(both, 3e5, factors, variable, variable)
    assert np.linalg.eigvalsh(crossed).min() > 0
    np.testing.assert_allclose(crossed[:100, 100:], 0.3 * crossed[:100, :100], rtol=1e-15)


def test_distances_by_water() -> None:
    """A wall with a gap at the top: near across land is far by water."""
    depth = np.full((20, 21), 100.0)
    depth[:16, 10] = 0.0
    grid = Grid.plane(20, 21, 1000.0, 1000.0, depth)
    here, there, same_side = 2 * 21 + 8, 2 * 21 + 12, 6 * 21 + 5
    found = sea_distances(grid, np.array([here, 10]), np.array([there, same_side]))
    assert found[0, 1] == pytest.approx(5000.0, rel=1e-12)  # open water: straight
    assert found[0, 0] > 6 * 4000.0
    assert np.isinf(found[1]).all()  # land
    around = 2 * np.hypot(14.0, 2.0) * 1000
    assert found[0, 0] == pytest.approx(around, rel=0.15)


def test_basins_that_no_water_joins_are_infinitely_far() -> None:
    depth = np.full((5, 9), 100.0)
    depth[:, 4] = 0.0
    grid = Grid.plane(5, 9, 1.0, 1.0, depth)
    found = sea_distances(grid, np.array([20]), np.array([24]))
    assert np.isinf(found).all()
    assert schur(found, 10.0) == 0.0


def test_open_water_is_the_great_circle() -> None:
    grid = Grid.sphere(20.0, 30.0, 10, -80.0, -70.0, 12)
    cells = np.arange(0, 120, 7)
    np.testing.assert_allclose(
        sea_distances(grid, cells, cells), distances(grid, cells, cells), rtol=1e-12
    )


@pytest.mark.parametrize(
    "bad", [np.array([[1.0, 0.2], [0.3, 1.0]]), np.array([[1.0, -0.2], [-0.2, 1.0]])]
)
def test_bad_factors_and_radii(bad: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="factors"):
        schur(np.ones((1, 1)), 1.0, bad, np.zeros(1, int), np.zeros(1, int))
    with pytest.raises(ConfigError, match="radius"):
        schur(np.ones((1, 1)), 0.0)
