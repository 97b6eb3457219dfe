"""Blocks partition any grid; the incidence is what the definition says, found faster."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.localization.blocks import Blocks, incidence, partition
from halocast.localization.taper import Taper, gaspari_cohn
from hypothesis import given, settings
from hypothesis import strategies as st

sizes = st.integers(1, 13)


def cells_of(blocks: Blocks, b: int) -> np.ndarray:
    return blocks.cells[blocks.cell_start[b] : blocks.cell_start[b + 1]]


@given(st.tuples(sizes, sizes), st.tuples(sizes, sizes))
@settings(deadline=None)  # the first call compiles
def test_every_cell_is_in_one_block(shape: tuple[int, int], block: tuple[int, int]) -> None:
    blocks = partition(shape, block)
    assert np.array_equal(np.sort(blocks.cells), np.arange(shape[0] * shape[1]))
    for b in range(blocks.n_blocks):
        cells = cells_of(blocks, b)
        assert 0 < cells.size <= block[0] * block[1]
        assert np.all(np.diff(cells) > 0)
        assert np.all(blocks.number[cells] == b)
        j, i = np.divmod(cells, shape[1])
        assert [j.min(), j.max()] == blocks.rows[b].tolist()
        assert [i.min(), i.max()] == blocks.columns[b].tolist()


def test_a_block_without_cells_is_refused() -> None:
    with pytest.raises(ConfigError, match="no cells"):
        partition((4, 4), (0, 2))


def axis_distance(a: np.ndarray | float, b: np.ndarray, n: int, periodic: bool) -> np.ndarray:
    d = np.abs(a - b)
    return np.minimum(d, n - d) if periodic else d


def brute_force(
    blocks: Blocks, cells: np.ndarray, halo: float, taper: Taper, periodic: tuple[bool, bool]
) -> np.ndarray:
    """Weights (B, p) by the definition in the module's head."""
    shape = blocks.shape
    weight = np.zeros((blocks.n_blocks, cells.size))
    for b in range(blocks.n_blocks):
        own = cells_of(blocks, b)
        for o, cell in enumerate(cells):
            j, i = np.divmod(own, shape[1])
            if taper == "paper":
                j, i = np.array([j.mean()]), np.array([i.mean()])
            d = np.hypot(
                axis_distance(cell // shape[1], j, shape[0], periodic[0]),
                axis_distance(cell % shape[1], i, shape[1], periodic[1]),
            ).min()
            if taper == "paper":
                ratio = d / halo if d > 0 else 0.0
                weight[b, o] = gaspari_cohn(ratio) if d < halo or cell in own else 0.0
            else:
                weight[b, o] = 1.0 if d == 0 else gaspari_cohn(2 * d / halo) if d < halo else 0.0
    return weight


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(sizes, sizes),
    block=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    halo=st.floats(2.2, 9.0),
    taper=st.sampled_from(["continuous", "paper"]),
    periodic=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 99),
)
def test_the_incidence_is_the_definition(
    shape: tuple[int, int],
    block: tuple[int, int],
    halo: float,
    taper: Taper,
    periodic: tuple[bool, bool],
    seed: int,
) -> None:
    blocks = partition(shape, block)
    cells = np.random.default_rng(seed).integers(0, shape[0] * shape[1], 9)
    found = incidence(blocks, cells, halo=halo, taper=taper, periodic=periodic)
    expected = brute_force(blocks, cells, halo, taper, periodic)
    dense = np.zeros_like(expected)
    for b in range(blocks.n_blocks):
        these = slice(found.start[b], found.start[b + 1])
        assert np.all(np.diff(found.observation[these]) > 0)
        dense[b, found.observation[these]] = found.weight[these]
    assert np.allclose(dense, expected, rtol=0, atol=1e-13)
    assert np.all((found.weight > 0) & (found.weight <= 1))


@settings(max_examples=40, deadline=None)
@given(
    halos=st.tuples(st.floats(2.2, 6.0), st.floats(2.2, 6.0)),
    taper=st.sampled_from(["continuous", "paper"]),
    periodic=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 99),
)
def test_blocks_with_halos_of_their_own_see_what_one_halo_for_all_shows(
    halos: tuple[float, float], taper: Taper, periodic: tuple[bool, bool], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    blocks = partition((11, 9), (2, 3))
    cells = rng.integers(0, 99, 40)
    own = rng.integers(0, 2, blocks.n_blocks)
    mixed = incidence(blocks, cells, halo=np.array(halos)[own], taper=taper, periodic=periodic)
    same = [incidence(blocks, cells, halo=h, taper=taper, periodic=periodic) for h in halos]
    for b in range(blocks.n_blocks):
        one = same[own[b]]
        here, there = slice(*mixed.start[b : b + 2]), slice(*one.start[b : b + 2])
        np.testing.assert_array_equal(mixed.observation[here], one.observation[there])
        np.testing.assert_array_equal(mixed.weight[here], one.weight[there])


def test_one_halo_that_does_not_fit_among_many_is_refused() -> None:
    blocks = partition((24, 24), (12, 12))
    with pytest.raises(ConfigError, match=r"7\.8"):
        incidence(blocks, np.array([0]), halo=np.array([9.0, 9.0, 2.5, 9.0]), taper="paper")
    with pytest.raises(ConfigError, match="more than 1"):
        incidence(blocks, np.array([0]), halo=np.array([9.0, 0.0, 0.7, 9.0]))


def test_own_observations_are_untapered_and_the_edge_is_continuous_or_not() -> None:
    blocks = partition((1, 40), (1, 1))
    at = np.arange(40)
    continuous = incidence(blocks, at, halo=6.0)
    paper = incidence(blocks, at, halo=6.0, taper="paper")
    middle = slice(continuous.start[20], continuous.start[21])
    assert continuous.weight[middle][continuous.observation[middle] == 20] == 1.0
    assert continuous.weight[middle].min() < 0.01
    # the paper's cut at d = halo leaves 5/24 there, here at the last whole cell inside
    assert paper.weight.min() == pytest.approx(gaspari_cohn(5 / 6))


def test_a_halo_that_does_not_fit_is_refused() -> None:
    blocks = partition((24, 24), (12, 12))
    with pytest.raises(ConfigError, match=r"7\.8"):
        incidence(blocks, np.array([0]), halo=2.5, taper="paper")


def test_no_observations() -> None:
    found = incidence(partition((4, 4), (2, 2)), np.empty(0, dtype=np.int64), halo=2.5)
    assert found.start.tolist() == [0] * 5
    assert found.observation.size == found.weight.size == 0
