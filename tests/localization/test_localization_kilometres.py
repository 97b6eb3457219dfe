"""What blocks see within halos in kilometres is what the definition says, found faster."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence, incidence, partition
from halocast.localization.distances import between, distances_in_metres
from halocast.localization.kilometres import seen_by_great_circle, seen_by_water, short_halo
from halocast.localization.taper import gaspari_cohn
from halocast.localization.water import Waters, by_water
from hypothesis import given, settings
from hypothesis import strategies as st


def weights(found: Incidence, p: int) -> np.ndarray:
    """Weights (B, p), 0 where nothing is seen."""
    out = np.zeros((found.start.size - 1, p))
    for b in range(out.shape[0]):
        here = slice(found.start[b], found.start[b + 1])
        assert np.all(np.diff(found.observation[here]) > 0)
        out[b, found.observation[here]] = found.weight[here]
    assert np.all((found.weight > 0) & (found.weight <= 1))
    return out


def defined(blocks: Blocks, far: np.ndarray, halo: float) -> np.ndarray:
    """Weights by the definition, of distances (cells, p) in metres."""
    nearest = np.stack(
        [
            far[blocks.cells[blocks.cell_start[b] : blocks.cell_start[b + 1]]].min(axis=0)
            for b in range(blocks.n_blocks)
        ]
    )
    inside = nearest < 1000 * halo
    return np.where(inside, gaspari_cohn(np.where(inside, nearest / (500 * halo), 2.0)), 0.0)


def grid_of(kind: str, shape: tuple[int, int], seed: int) -> Grid:
    sea = np.random.default_rng(seed).random(shape) > 0.2
    if kind == "globe":
        return Grid.sphere(-85.0, 85.0, shape[0], -180.0, 180.0, shape[1], sea=sea)
    if kind == "box":
        return Grid.sphere(30.0, 30.0 + shape[0], shape[0], 0.0, 1.0 * shape[1], shape[1], sea=sea)
    return Grid.plane(*shape, 8e4, 1e5, sea=sea, periodic=(kind == "torus", kind != "plane"))


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["globe", "box", "plane", "channel", "torus"]),
    shape=st.tuples(st.integers(2, 12), st.integers(2, 12)),
    block=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    reach=st.floats(1.01, 6.0),
    seed=st.integers(0, 99),
)
def test_the_incidence_is_the_definition(
    kind: str, shape: tuple[int, int], block: tuple[int, int], reach: float, seed: int
) -> None:
    grid, blocks = grid_of(kind, shape, seed), partition(shape, block)
    halo = min(reach * max(grid.dy, grid.dx.max()) / 1000, 1e4)
    if short_halo(halo, grid):
        return
    cells = np.random.default_rng(seed).integers(0, grid.n_cells, 9)
    straight = between(distances_in_metres(grid), np.arange(grid.n_cells), cells)
    found = weights(seen_by_great_circle(blocks, cells, halo, grid), 9)
    np.testing.assert_allclose(found, defined(blocks, straight, halo), rtol=0, atol=1e-12)
    wet = np.empty(straight.shape)
    ways = Waters(grid, 1000 * halo).around(cells)
    for o, k in enumerate(np.searchsorted(ways.source, cells)):
        wet[:, o] = [by_water(ways, k, cell) for cell in range(grid.n_cells)]
    round_land = weights(seen_by_water(blocks, cells, halo, grid), 9)
    np.testing.assert_allclose(round_land, defined(blocks, wet, halo), rtol=0, atol=1e-12)
    assert (round_land <= found).all()


@pytest.mark.parametrize("find", [seen_by_great_circle, seen_by_water])
def test_a_stretch_of_blocks_sees_what_it_sees_among_all(find) -> None:
    grid = grid_of("box", (11, 13), 4)
    blocks = partition((11, 13), (2, 3))
    cells = np.random.default_rng(2).integers(0, grid.n_cells, 40)
    whole = find(blocks, cells, 350.0, grid)
    first, last = 7, 19
    part = blocks._replace(
        rows=blocks.rows[first:last],
        columns=blocks.columns[first:last],
        cell_start=blocks.cell_start[first : last + 1],
    )
    some = find(part, cells, 350.0, grid)
    here = slice(whole.start[first], whole.start[last])
    np.testing.assert_array_equal(some.start, whole.start[first : last + 1] - whole.start[first])
    np.testing.assert_array_equal(some.observation, whole.observation[here])
    np.testing.assert_array_equal(some.weight, whole.weight[here])


@pytest.mark.parametrize("periodic", [(False, False), (False, True), (True, True)])
def test_on_a_plane_of_square_kilometres_kilometres_are_cells(periodic: tuple[bool, bool]) -> None:
    grid = Grid.plane(13, 17, 1000.0, 1000.0, periodic=periodic)
    blocks, cells = partition((13, 17), (3, 4)), np.arange(0, 221, 3)
    one = incidence(blocks, cells, halo=4.5, periodic=periodic)
    for other in (
        seen_by_great_circle(blocks, cells, 4.5, grid),
        seen_by_water(blocks, cells, 4.5, grid),
    ):
        np.testing.assert_array_equal(one.start, other.start)
        np.testing.assert_array_equal(one.observation, other.observation)
        np.testing.assert_allclose(one.weight, other.weight, rtol=0, atol=1e-14)


def test_a_halo_covers_more_columns_at_high_latitudes() -> None:
    grid = Grid.sphere(0.0, 80.0, 80, 0.0, 60.0, 60)
    blocks, cells = partition((80, 60), (1, 1)), np.arange(80 * 60)
    found = seen_by_great_circle(blocks, cells, 300.0, grid)

    def columns(row: int) -> int:
        b = row * 60 + 30
        seen = cells[found.observation[found.start[b] : found.start[b + 1]]]
        return int((seen // 60 == row).sum())

    assert columns(0) == 5  # 111 km a degree
    assert columns(60) == 11  # 54.8 km
    assert columns(75) == 21  # 27.8 km, and a great circle is shorter than the parallel


def test_a_halo_that_does_not_reach_the_next_cell_is_refused() -> None:
    grid = Grid.sphere(10.0, 45.0, 70, -60.0, -20.0, 80)
    blocks, none = partition((70, 80), (4, 4)), np.empty(0, np.int64)
    with pytest.raises(ConfigError, match=r"halo 6 km does not reach .* up to 55\.6 km apart"):
        seen_by_great_circle(blocks, none, 6.0, grid)
    with pytest.raises(ConfigError, match="139 km is usual"):
        seen_by_water(blocks, none, 55.0, grid)
    found = seen_by_water(blocks, none, 200.0, grid)
    assert found.start.tolist() == [0] * (blocks.n_blocks + 1)
    assert found.observation.size == found.weight.size == 0
