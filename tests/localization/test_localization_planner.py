"""The planner covers every block once, in contiguous groups, as evenly as a brute force can."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.localization.blocks import incidence, partition
from halocast.localization.planner import block_cost, plan_groups
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(0, 99))
def test_groups_are_a_contiguous_partition(n_groups: int, seed: int) -> None:
    blocks = partition((11, 7), (2, 2))
    cells = np.random.default_rng(seed).integers(0, 77, 25)
    plan = plan_groups(blocks, incidence(blocks, cells, halo=2.5), n_groups, members=10)
    assert len(plan) == min(n_groups, blocks.n_blocks)
    assert np.array_equal(np.concatenate(list(plan)), np.arange(blocks.n_blocks))
    assert all(g.size for g in plan)


@pytest.mark.parametrize("n_groups", [2, 3, 4])
def test_no_contiguous_cut_is_better(n_groups: int) -> None:
    blocks = partition((8, 6), (2, 2))
    cells = np.random.default_rng(1).integers(0, 12, 30)  # crowded in the south
    seen = incidence(blocks, cells, halo=2.5)
    cost = block_cost(blocks, seen, members=20)
    best = min(
        max(part.sum() for part in np.split(cost, cuts))
        for cuts in itertools.combinations(range(1, cost.size), n_groups - 1)
    )
    assert plan_groups(blocks, seen, n_groups, members=20).group_cost.max() == pytest.approx(best)


def test_dear_observations_draw_the_cuts() -> None:
    blocks = partition((10, 10), (1, 1))
    cells = np.arange(50)
    seen = incidence(blocks, cells, halo=0.0)
    kernel = np.where(cells < 25, 40.0, 1.0)
    cheap = plan_groups(blocks, seen, 2, members=25)
    dear = plan_groups(blocks, seen, 2, members=25, kernel=kernel)
    assert dear[0].size < cheap[0].size
    assert dear.imbalance < 1.1


def test_the_plan_can_be_read() -> None:
    blocks = partition((6, 6), (2, 2))
    seen = incidence(blocks, np.array([3, 8]), halo=2.5)
    text = plan_groups(blocks, seen, 3, members=5).show()
    assert "9 blocks in 3 groups" in text
    assert len(text.splitlines()) == 4


def test_no_groups_is_refused() -> None:
    blocks = partition((2, 2), (1, 1))
    with pytest.raises(ConfigError, match="0 groups"):
        plan_groups(blocks, incidence(blocks, np.array([0]), halo=0.0), 0, members=5)
