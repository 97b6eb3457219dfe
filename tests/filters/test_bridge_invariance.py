"""What must not change a bit of the bridge's analysis: grouping, order, inputs, units."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from bridge_cases import Scene, assert_bitwise, join, random_scene
from halocast.filters import BlockUpdate
from halocast.filters.bridge import update
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, LAPLACE, STUDENT_T
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = {
    "closed": {},
    "heavy": {"noise_kind": (GAUSSIAN, STUDENT_T, LAPLACE)},
    "pointwise": {
        "operator": (IDENTITY, ARCTAN),
        "noise_kind": (GAUSSIAN, STUDENT_T, LAPLACE),
    },
}
CASES = [(kind, bridge) for kind in KINDS for bridge in (0.0, 0.5, 1.0, "adaptive")]
CASES.remove(("pointwise", 0.5))


def scene_of(kind: str, bridge: float | str, **more: object) -> Scene:
    return random_scene(bridge=bridge, sweeps=3, **KINDS[kind], **more)


def analyse(scene: Scene, parts: list[np.ndarray]) -> BlockUpdate:
    groups = [scene.group(numbers) for numbers in parts]
    return join(scene, groups, [update(g, scene.settings) for g in groups])


@pytest.mark.parametrize(("kind", "bridge"), CASES)
def test_one_block_a_group_equals_all_in_one(kind: str, bridge: float | str) -> None:
    scene = scene_of(kind, bridge)
    numbers = np.arange(scene.blocks.n_blocks)
    assert_bitwise(analyse(scene, [numbers]), analyse(scene, list(numbers[:, None])))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.sampled_from(sorted(KINDS)))
def test_no_grouping_shows(seed: int, n_groups: int, kind: str) -> None:
    """Any assignment of blocks to groups, contiguous or not, in any order."""
    scene = scene_of(kind, "adaptive", seed=seed % 5)
    numbers = np.arange(scene.blocks.n_blocks)
    parts = np.array_split(np.random.default_rng(seed).permutation(numbers), n_groups)
    assert_bitwise(analyse(scene, [numbers]), analyse(scene, [p for p in parts if p.size]))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("members", [1, 2, 8])
def test_no_vector_tail_shows(kind: str, members: int) -> None:
    scene = scene_of(kind, 1.0, members=members)
    numbers = np.arange(scene.blocks.n_blocks)
    parts = [numbers[:1], numbers[1:4], numbers[4:]]
    assert_bitwise(analyse(scene, [numbers]), analyse(scene, parts))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_order_of_a_blocks_observations_does_not_show(kind: str) -> None:
    scene = scene_of(kind, 1.0)
    group = scene.group()
    rng = np.random.default_rng(5)
    index = group.obs_index.copy()
    for b in range(group.n_blocks):
        these = slice(group.obs_start[b], group.obs_start[b + 1])
        index[these] = rng.permutation(index[these])
    shuffled = group._replace(obs_index=index)  # without a taper all weights are 1
    assert_bitwise(update(group, scene.settings), update(shuffled, scene.settings))


@pytest.mark.parametrize(("kind", "bridge"), CASES)
def test_inputs_are_not_changed(kind: str, bridge: float | str) -> None:
    scene = scene_of(kind, bridge)
    group = scene.group()
    before = copy.deepcopy(group._replace(grid=None, model_noise=None))
    update(group, scene.settings)
    for name, a, b in zip(group._fields, group, before, strict=True):
        assert b is None or np.array_equal(a, b), name


@pytest.mark.parametrize("bridge", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["closed", "heavy"])
@pytest.mark.parametrize("power", [-8, 5])
def test_units_do_not_matter(kind: str, bridge: float, power: int) -> None:
    """Powers of two change no bit."""
    factor = 2.0**power
    ours, theirs = scene_of(kind, bridge), scene_of(kind, bridge, unit=factor)
    a, b = update(ours.group(), ours.settings), update(theirs.group(), theirs.settings)
    for name in ("members", "mean", "spread"):
        assert np.array_equal(factor * getattr(a, name), getattr(b, name)), name
    assert np.array_equal(a.ancestor, b.ancestor)


def test_cycles_and_seeds_are_part_of_the_address() -> None:
    for kind in KINDS:
        scene = scene_of(kind, 1.0)
        again = update(scene.group(), scene.settings)
        assert_bitwise(again, update(scene.group(), scene.settings))
        other = update(scene.group(cycle=4), scene.settings)
        assert not np.array_equal(again.members, other.members)
        other = update(scene.group()._replace(seed=12), scene.settings)
        assert not np.array_equal(again.members, other.members)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_neighbouring_blocks_draw_alike(kind: str) -> None:
    """What two partitions make of a cell they both see everything of: the same members.

    With no localization and a halo over everything, blocks of any shape have one answer for g = 1,
    since nothing random is drawn block by block.
    """
    wide = {"halo": 50.0, "covariance_radius": np.inf}
    a, b = (scene_of(kind, 1.0, block=shape, **wide) for shape in ((2, 3), (6, 9)))
    ours, theirs = (update(s.group(), s.settings) for s in (a, b))
    members = np.empty_like(theirs.members)
    members[:, :, a.group().cells] = ours.members
    assert np.allclose(members[:, :, b.group().cells], theirs.members, atol=1e-9)
