"""What a block becomes does not depend, to the last bit, on the group it is in."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.filters.memory import from_bytes, to_bytes
from halocast.localization.blocks import partition
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from window_cases import (
    SHAPE,
    VARIANTS,
    assert_same,
    joined,
    random_scene,
    settings_of,
    update,
)

ALL_KINDS = [name for name, (method, _) in VARIANTS.items() if method in ("sir", "python")]


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_grouping_shows(variant: str) -> None:
    method, options = VARIANTS[variant]
    settings, scene = settings_of(method, **options), random_scene()
    every = np.arange(partition(SHAPE, settings.block).n_blocks)
    whole = joined(scene, settings, [every])
    assert np.isfinite(whole.members).all()
    assert (whole.members != scene.forecast + scene.noise).any()
    assert_same(whole, joined(scene, settings, [every[k : k + 1] for k in every]))
    # the next cycle, from the memory as a checkpoint has it
    stored = from_bytes(to_bytes(whole.memory), "here")
    ahead = joined(scene, settings, [every], cycle=4, memory=whole.memory)
    thirds = np.array_split(every, 3)
    assert_same(ahead, joined(scene, settings, thirds[::-1], cycle=4, memory=stored))


@given(seed=st.integers(0, 2**16), p=st.integers(0, 60), m=st.integers(2, 20))
@hypothesis_settings(max_examples=15, deadline=None)
def test_no_grouping_of_any_field_shows(seed: int, p: int, m: int) -> None:
    settings, scene = settings_of("etkf"), random_scene(seed, m=m, p=p)
    every = np.random.default_rng(seed).permutation(partition(SHAPE, settings.block).n_blocks)
    groups = [np.sort(part) for part in np.array_split(every, 1 + seed % 4)]
    assert_same(joined(scene, settings, [np.sort(every)]), joined(scene, settings, groups))


@pytest.mark.parametrize("variant", ALL_KINDS)
def test_particles_take_operators_and_errors_of_all_kinds(variant: str) -> None:
    method, options = VARIANTS[variant]
    settings, scene = settings_of(method, **options), random_scene(mixed=True)
    every = np.arange(partition(SHAPE, settings.block).n_blocks)
    assert_same(joined(scene, settings, [every]), joined(scene, settings, np.array_split(every, 4)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_inputs_stay_as_they_were(variant: str) -> None:
    method, options = VARIANTS[variant]
    settings = settings_of(method, **options)
    group = random_scene().group(settings)
    before = [x.copy() if isinstance(x, np.ndarray) else x for x in group]
    update(group, settings)
    for name, was, now in zip(group._fields, before, group):
        if isinstance(now, np.ndarray):
            np.testing.assert_array_equal(was, now, err_msg=name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_blocks_that_see_nothing_keep_their_forecast(variant: str) -> None:
    method, options = VARIANTS[variant]
    settings, scene = settings_of(method, **options), random_scene()
    group = scene.group(settings)
    found = update(group, settings)
    blind = np.repeat(np.diff(group.obs_start) == 0, np.diff(group.cell_start))
    assert blind.any()
    ahead = (group.forecast + group.noise)[:, :, blind]
    if "rotation" in options:  # mean and covariance stay, members do not
        np.testing.assert_allclose(found.members[:, :, blind].mean(0), ahead.mean(0), atol=1e-14)
        np.testing.assert_allclose(found.members[:, :, blind].std(0), ahead.std(0), atol=1e-14)
        assert (found.members[:, :, blind] != ahead).any()
    else:
        np.testing.assert_array_equal(found.members[:, :, blind], ahead)
