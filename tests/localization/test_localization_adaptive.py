"""Blocks and halos that follow the observations."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.filters import BridgeSettings, LsmcmcV2Settings
from halocast.localization.adaptive import (
    AdaptiveLocalization,
    adaptive_partition,
    coarsest_partition,
    finest_partition,
)
from halocast.localization.blocks import Blocks, incidence, partition
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

SHAPE = (21, 30)
N = SHAPE[0] * SHAPE[1]
BOUNDS = AdaptiveLocalization(
    largest=(8, 8), smallest=(2, 2), observations_per_block=3, shortest_halo=2.0,
    longest_halo=9.0, observations_per_halo=6,
)  # fmt: skip
cells = st.lists(st.integers(0, N - 1), max_size=120).map(lambda c: np.array(c, dtype=np.int64))


def sides(blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
    return np.diff(blocks.rows)[:, 0] + 1, np.diff(blocks.columns)[:, 0] + 1


def observed_in(blocks: Blocks, observed: np.ndarray) -> np.ndarray:
    return np.bincount(blocks.number[np.unique(observed)], minlength=blocks.n_blocks)


@given(cells)
@settings(deadline=None, max_examples=60)
def test_every_cell_is_in_one_block_within_the_bounds(observed: np.ndarray) -> None:
    blocks = adaptive_partition(SHAPE, observed, BOUNDS)
    assert np.array_equal(np.sort(blocks.cells), np.arange(N))
    height, width = sides(blocks)
    assert height.max() <= 8
    assert width.max() <= 8
    # the largest blocks at the edge may be smaller than the smallest, but no half is
    assert (height.min(), width.min()) >= (2, 2)
    crowded = observed_in(blocks, observed) > BOUNDS.observations_per_block
    assert (height[crowded] < 4).all()
    assert (width[crowded] < 4).all()
    assert coarsest_partition(SHAPE, BOUNDS).n_blocks <= blocks.n_blocks
    assert blocks.n_blocks <= finest_partition(SHAPE, BOUNDS).n_blocks


@given(cells, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_neither_order_nor_repetition_of_observations_matters(observed: np.ndarray, rng) -> None:
    order = list(observed) + list(observed[:5])
    rng.shuffle(order)
    one = adaptive_partition(SHAPE, observed, BOUNDS)
    other = adaptive_partition(SHAPE, np.array(order, dtype=np.int64), BOUNDS)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@given(cells, cells)
@settings(deadline=None, max_examples=40)
def test_more_observations_never_make_a_block_larger_or_a_halo_longer(
    observed: np.ndarray, more: np.ndarray
) -> None:
    few = adaptive_partition(SHAPE, observed, BOUNDS)
    many = adaptive_partition(SHAPE, np.concatenate([observed, more]), BOUNDS)
    area_few, area_many = (np.diff(b.cell_start)[b.number] for b in (few, many))
    assert (area_many <= area_few).all()
    same = area_many == area_few
    assert few.halo is not None
    assert many.halo is not None
    assert (many.halo[many.number][same] <= few.halo[few.number][same]).all()


def test_halos_are_the_shortest_that_hold_enough() -> None:
    rng = np.random.default_rng(0)
    observed = rng.choice(N, 50, replace=False)
    blocks = adaptive_partition(SHAPE, observed, BOUNDS)
    assert blocks.halo is not None
    seen = np.diff(incidence(blocks, observed, halo=blocks.halo).start)
    shorter = np.maximum(blocks.halo - 1, 1.01)
    less = np.diff(incidence(blocks, observed, halo=shorter).start)
    inside = (blocks.halo > 2.0) & (blocks.halo < 9.0)
    assert inside.any()
    assert (seen[inside] >= 6).all()
    assert (less[inside] < 6).all()


def test_limits() -> None:
    none = adaptive_partition(SHAPE, np.empty(0, np.int64), BOUNDS)
    np.testing.assert_array_equal(none.number, partition(SHAPE, (8, 8)).number)
    assert none.halo is not None
    assert (none.halo == 9.0).all()
    everywhere = adaptive_partition(SHAPE, np.arange(N), BOUNDS)
    assert everywhere.halo is not None
    assert (everywhere.halo == 2.0).all()
    assert max(side.max() for side in sides(everywhere)) < 4
    one_cell = adaptive_partition(SHAPE, np.full(40, 7), BOUNDS)
    np.testing.assert_array_equal(one_cell.number, none.number)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"smallest": (9, 2)}, "larger than largest"),
        ({"shortest_halo": 11.0}, "longer than longest_halo"),
        ({"observations_per_block": 0}, "greater than 0"),
        ({"shortest_halo": 0.5}, "greater than 1"),
    ],
)
def test_bounds_that_cannot_hold_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        AdaptiveLocalization(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("filter_settings", [LsmcmcV2Settings, BridgeSettings])
def test_the_paper_s_taper_does_not_choose_its_halo(filter_settings: type) -> None:
    with pytest.raises(ValidationError, match="use taper continuous"):
        filter_settings(taper="paper", halo=8.0, adaptive={"largest": [8, 8]})
