"""What must not change a bit of an analysis: grouping, order, inputs, units."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from filter_cases import Case, joined, random_case
from halocast.filters.lsmcmc_v2 import update
from hypothesis import given, settings
from hypothesis import strategies as st


def analyse(case: Case, groups: list[np.ndarray]) -> dict[str, object]:
    return joined(case, groups, [update(case.group(g), case.settings) for g in groups])


def assert_bitwise(a: dict[str, object], b: dict[str, object]) -> None:
    for name in a:
        assert np.array_equal(a[name], b[name]), name


@pytest.mark.parametrize("mixed", [False, True])
def test_one_block_a_group_equals_all_in_one(mixed: bool) -> None:
    case = random_case(mixed=mixed)
    numbers = np.arange(case.blocks.n_blocks)
    assert_bitwise(analyse(case, [numbers]), analyse(case, list(numbers[:, None])))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_no_grouping_shows(seed: int, n_groups: int) -> None:
    """Any assignment of blocks to groups, contiguous or not, in any order."""
    case = random_case(seed=seed % 7)
    rng = np.random.default_rng(seed)
    order = rng.permutation(case.blocks.n_blocks)
    groups = [g for g in np.array_split(order, n_groups) if g.size]
    assert_bitwise(analyse(case, [np.arange(case.blocks.n_blocks)]), analyse(case, groups))


@pytest.mark.parametrize("members", [2, 3, 8, 25])
@pytest.mark.parametrize("fields", [1, 5])
def test_no_vector_tail_shows(members: int, fields: int) -> None:
    """Ensembles, blocks and groups whose sizes are not multiples of a vector's length."""
    case = random_case(shape=(9, 11), block=(3, 4), members=members, fields=fields)
    numbers = np.arange(case.blocks.n_blocks)
    assert_bitwise(
        analyse(case, [numbers]), analyse(case, [numbers[:1], numbers[1:4], numbers[4:]])
    )


def test_the_order_of_a_blocks_observations_does_not_show() -> None:
    case = random_case()
    group = case.group()
    rng = np.random.default_rng(5)
    index, weight = group.obs_index.copy(), group.obs_weight.copy()
    for b in range(group.n_blocks):
        these = np.arange(group.obs_start[b], group.obs_start[b + 1])
        shuffled = rng.permutation(these)
        index[these], weight[these] = index[shuffled], weight[shuffled]
    a = update(group, case.settings)
    b = update(group._replace(obs_index=index, obs_weight=weight), case.settings)
    assert np.array_equal(a.members, b.members)
    assert np.array_equal(a.mean, b.mean)


def test_observations_elsewhere_in_the_table_do_not_show() -> None:
    """Rows that no block of the group sees may come and go."""
    case = random_case()
    few = case.group(np.array([4]))
    seen = np.zeros(case.observations.value.size, dtype=bool)
    these = slice(case.incidence.start[4], case.incidence.start[5])
    seen[case.incidence.observation[these]] = True
    assert few.value.size == seen.sum() < seen.size


def test_inputs_are_not_changed() -> None:
    case = random_case()
    group = case.group()
    before = copy.deepcopy(group)
    update(group, case.settings)
    for name, a, b in zip(group._fields, group, before, strict=True):
        if isinstance(a, np.ndarray):
            assert np.array_equal(a, b), name


@pytest.mark.parametrize("power", range(-10, 11, 4))
def test_units_do_not_matter(power: int) -> None:
    """Metres or millimetres: powers of two change no bit, powers of ten only the last ones."""
    case = random_case()
    ours = update(case.group(), case.settings)
    for factor, exact in ((2.0**power, True), (10.0**power, False)):
        # an identity's value and error carry the unit, an arctan's scale does
        arctan = case.observations.operator == 1
        observations = case.observations._replace(
            value=np.where(arctan, 1.0, factor) * case.observations.value,
            error=np.where(arctan, 1.0, factor) * case.observations.error,
            scale=factor * case.observations.scale,
            center=factor * case.observations.center,
        )
        scaled = case._replace(
            observations=observations,
            forecast=factor * case.forecast,
            noise_sd=factor * case.noise_sd,
            noise=factor * case.noise,
        )
        theirs = update(scaled.group(), case.settings)
        for name in ("members", "mean", "spread"):
            a, b = getattr(ours, name) * factor, getattr(theirs, name)
            if exact:
                assert np.array_equal(a, b), name
            else:
                assert np.allclose(a, b, rtol=1e-7, atol=1e-9 * factor), name
        assert np.array_equal(ours.ancestor, theirs.ancestor)
        assert np.allclose(ours.health["mass_log"], theirs.health["mass_log"], atol=1e-8)


def test_cycles_and_seeds_are_part_of_the_address() -> None:
    case = random_case()
    a = update(case.group(cycle=3), case.settings)
    assert np.array_equal(a.ancestor, update(case.group(cycle=3), case.settings).ancestor)
    assert not np.array_equal(a.ancestor, update(case.group(cycle=4), case.settings).ancestor)
    other = case.group(cycle=3)._replace(seed=12)
    assert not np.array_equal(a.ancestor, update(other, case.settings).ancestor)
