"""Ways by water: round land, never shorter than the great circle, and the same there and back."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.localization import water
from halocast.localization.distances import between, distances_in_metres
from halocast.localization.water import Waters, Ways, by_water
from hypothesis import given, settings
from hypothesis import strategies as st


def dense(grid: Grid, ways: Ways, halo: float) -> np.ndarray:
    """Distances (cells, sources), infinite beyond the halo."""
    out = np.empty((grid.n_cells, ways.source.size))
    for k in range(ways.source.size):
        assert np.all(np.diff(ways.cell[ways.start[k] : ways.start[k + 1]]) > 0)
        for cell in range(grid.n_cells):
            out[cell, k] = by_water(ways, k, cell)
    return np.where(out < halo, out, np.inf)


def all_ways(grid: Grid, halo: float) -> np.ndarray:
    return dense(grid, Waters(grid, halo).around(np.arange(grid.n_cells)), halo)


def lattice_ways(grid: Grid, passable: np.ndarray) -> np.ndarray:
    """Shortest lattice ways between all cells, relaxed until nothing changes."""
    n, (ny, nx) = grid.n_cells, grid.shape
    way = np.full((n, n), np.inf)
    np.fill_diagonal(way, np.where(passable.ravel(), 0.0, np.inf))
    steps = []
    for cell in range(n):
        j, i = divmod(cell, nx)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                k, h = j + down, i + right
                inside = (grid.periodic[0] or 0 <= k < ny) and (grid.periodic[1] or 0 <= h < nx)
                k, h = k % ny, h % nx
                if inside and all(passable[a, b] for a in (j, k) for b in (i, h)):
                    width = 0.5 * (grid.dx[j] + grid.dx[k])
                    steps.append((cell, k * nx + h, np.hypot(down * grid.dy, right * width)))
    for _ in range(n):
        before = way.copy()
        for here, there, far in steps:
            way[:, there] = np.minimum(way[:, there], way[:, here] + far)
        if (way == before).all():
            break
    return way


@settings(deadline=None, max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(2, 6)),
    land=st.lists(st.integers(0, 35), max_size=12),
    wraps=st.booleans(),
    halo=st.floats(2e4, 3e5),
)
def test_ways_are_the_definition(
    shape: tuple[int, int], land: list[int], wraps: bool, halo: float
) -> None:
    depth = np.full(shape[0] * shape[1], 100.0)
    depth[[k for k in land if k < depth.size]] = 0.0
    grid = Grid.plane(*shape, 3e4, 2e4, depth.reshape(shape), periodic=(False, wraps))
    cells = np.arange(grid.n_cells)
    wet, free = lattice_ways(grid, grid.sea), lattice_ways(grid, np.ones_like(grid.sea))
    with np.errstate(invalid="ignore"):
        longer = np.where(free > 0, wet / free, np.where(np.isfinite(wet), 1.0, np.inf))
        expected = between(distances_in_metres(grid), cells, cells) * longer
    expected[~np.isfinite(longer)] = np.inf
    found = all_ways(grid, halo)
    near = expected < halo * (1 - 1e-6)
    np.testing.assert_allclose(found[near], expected[near], rtol=1e-6)
    assert np.isinf(found[expected > halo * (1 + 1e-6)]).all()


def coast(seed: int) -> Grid:
    rng = np.random.default_rng(seed)
    sea = rng.random((14, 17)) > 0.2
    return Grid.sphere(40.0, 68.0, 14, -30.0, 4.0, 17, sea=sea)


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_is_the_same_and_no_shorter_than_the_great_circle(seed: int) -> None:
    grid = coast(seed)
    found, cells = all_ways(grid, 9e5), np.arange(grid.n_cells)
    np.testing.assert_array_equal(found, found.T)
    straight = between(distances_in_metres(grid), cells, cells)
    assert (found >= straight).all()
    detours = np.isfinite(found) & (found > straight)
    assert 0 < detours.sum() < np.isfinite(found).sum()
    land = ~grid.sea.ravel()
    assert np.isinf(found[land]).all()
    assert np.isinf(found[:, land]).all()


def test_open_water_is_the_great_circle_bit_by_bit() -> None:
    for grid in (
        Grid.sphere(20.0, 75.0, 14, -80.0, -40.0, 12),
        Grid.plane(9, 2, 4e4, 5e4, periodic=(False, True)),  # joined on both sides
        Grid.sphere(60.0, 88.0, 14, -180.0, 180.0, 36),
    ):
        cells = np.arange(grid.n_cells)
        if grid.shape[1] == 36:  # round the pole, but not across the date line
            cells = cells[(cells % 36 >= 12) & (cells % 36 <= 24)]
        straight = between(distances_in_metres(grid), cells, cells)
        found = all_ways(grid, 8e5)[np.ix_(cells, cells)]
        np.testing.assert_array_equal(found, np.where(straight < 8e5, straight, np.inf))


def test_a_wall_with_a_gap_at_the_top() -> None:
    depth = np.full((20, 21), 100.0)
    depth[:16, 10] = 0.0
    grid = Grid.plane(20, 21, 1000.0, 1000.0, depth)
    here, there, same_side = 2 * 21 + 8, 2 * 21 + 12, 6 * 21 + 5
    found = all_ways(grid, 9e4)
    assert found[here, same_side] == 5000.0  # open water: straight
    assert found[here, there] == pytest.approx(2 * np.hypot(14.0, 2.0) * 1000, rel=0.15)
    assert np.isinf(all_ways(grid, 2e4)[here, there])


def test_basins_that_no_water_joins_are_infinitely_far() -> None:
    depth = np.full((5, 9), 100.0)
    depth[:, 4] = 0.0
    found = all_ways(Grid.plane(5, 9, 1.0, 1.0, depth), 100.0)
    west = np.arange(45) % 9 < 4
    assert np.isinf(found[np.ix_(west, ~west)]).all()
    assert np.isfinite(found[np.ix_(west, west)]).all()


def test_what_is_kept_and_who_asked_first_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = coast(1)
    expected = all_ways(grid, 5e5)
    monkeypatch.setattr(water, "_KEPT", 3000)
    monkeypatch.setattr(water, "_AT_ONCE", 5 * grid.n_cells)
    waters, rng = Waters(grid, 5e5), np.random.default_rng(0)
    for _ in range(6):
        cells = rng.integers(0, grid.n_cells, 30)
        ways = waters.around(cells)
        np.testing.assert_array_equal(ways.source, np.unique(cells))
        np.testing.assert_array_equal(dense(grid, ways, 5e5), expected[:, ways.source])
    assert waters._bytes <= 3000
    assert waters.around(np.empty(0, np.int64)).start.tolist() == [0]
