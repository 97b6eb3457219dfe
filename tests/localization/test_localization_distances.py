"""Distances on the grid: known ones, wrapped ones, and the same there and back."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import EARTH_RADIUS, Grid
from halocast.localization.distances import between, distances_in_cells, distances_in_metres
from hypothesis import given, settings
from hypothesis import strategies as st


def metres(grid: Grid, cells: list[int], others: list[int]) -> np.ndarray:
    return between(distances_in_metres(grid), np.array(cells), np.array(others))


def by_vectors(grid: Grid) -> np.ndarray:
    """Great circles between all cells, by the angle between unit vectors."""
    y, x = (np.deg2rad(a.ravel()) for a in np.meshgrid(grid.y, grid.x, indexing="ij"))
    v = np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=1)
    cross = np.linalg.norm(np.cross(v[:, None], v[None]), axis=2)
    return EARTH_RADIUS * np.arctan2(cross, v @ v.T)


def test_known_great_circles() -> None:
    grid = Grid.sphere(-90.0, 90.0, 180, -180.0, 180.0, 360)
    width, degree = 360, np.pi / 180 * EARTH_RADIUS
    south, north = 10 * width + 7, 100 * width + 7
    np.testing.assert_allclose(metres(grid, [south], [north]), 90 * degree, rtol=1e-14)
    # cells at 60.5 N, a degree apart: 2 R asin(cos(60.5) sin(0.5))
    row = 150 * width
    one = 2 * EARTH_RADIUS * np.arcsin(np.cos(np.deg2rad(60.5)) * np.sin(np.deg2rad(0.5)))
    np.testing.assert_allclose(metres(grid, [row], [row + 1, row + width - 1]), one, rtol=1e-13)
    # half round the globe along a parallel leads over the pole
    over = 2 * (90 - 60.5) * degree
    np.testing.assert_allclose(metres(grid, [row], [row + 180]), over, rtol=1e-12)


@pytest.mark.parametrize(
    "grid",
    [
        Grid.sphere(-80.0, 85.0, 11, -180.0, 180.0, 12),
        Grid.sphere(20.0, 30.0, 10, -80.0, -70.0, 12),
    ],
)
def test_great_circles_are_angles_between_vectors(grid: Grid) -> None:
    cells = np.arange(grid.n_cells)
    found = between(distances_in_metres(grid), cells, cells)
    np.testing.assert_allclose(found, by_vectors(grid), rtol=1e-9, atol=0.2)
    assert (np.diag(found) == 0.0).all()


def test_planes_wrap_round_and_cells_are_counted() -> None:
    grid = Grid.plane(6, 10, 2.0, 3.0, periodic=(True, True))
    cells, others = np.array([0]), np.array([9, 50, 5, 59])
    found = between(distances_in_metres(grid), cells, others)
    np.testing.assert_allclose(found, [[3.0, 2.0, 15.0, np.hypot(2.0, 3.0)]], rtol=1e-15)
    counted = between(distances_in_cells(grid), cells, others)
    np.testing.assert_array_equal(counted, np.sqrt([[1.0, 1.0, 25.0, 2.0]]))


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    periodic=st.tuples(st.booleans(), st.booleans()),
    sphere=st.booleans(),
)
def test_there_is_as_far_as_back_to_the_last_bit(
    shape: tuple[int, int], periodic: tuple[bool, bool], sphere: bool
) -> None:
    grid = Grid.plane(*shape, 700.0, 900.0, periodic=periodic)
    if sphere:
        grid = Grid.sphere(-70.0, 80.0, shape[0], -180.0, 170.0, shape[1])
    cells = np.arange(grid.n_cells)
    for tables in (distances_in_cells(grid), distances_in_metres(grid)):
        found = between(tables, cells, cells)
        np.testing.assert_array_equal(found, found.T)
        assert ((found == 0.0) == np.eye(cells.size, dtype=bool)).all()
