"""One analysis: its moments, its members, and the cases that must come out exactly."""

from __future__ import annotations

import numpy as np
import pytest
from filter_cases import independent, observe, plane, random_case
from halocast.errors import RunError
from halocast.filters import FILTERS, LsmcmcV2Settings
from halocast.filters.base import block_group, make_group
from halocast.filters.free_run import update as free_run
from halocast.filters.lsmcmc_v2 import update
from halocast.localization.blocks import incidence, partition
from halocast.samplers.densities import ARCTAN, STUDENT_T
from halocast.samplers.mixture import condition_mixture
from pydantic import ValidationError


def test_one_block_is_the_global_filter() -> None:
    """A block that is the domain: weights, means and variances of the conditioned mixture."""
    case = random_case(shape=(3, 4), block=(3, 4), p=15, mixed=False)
    group, m = case.group(), case.forecast.shape[0]
    found = update(group, case.settings)
    exact = condition_mixture(
        case.forecast.reshape(m, -1), case.noise_sd.reshape(-1), case.observations.scalar,
        case.observations.value, case.observations.error,
    )  # fmt: skip
    mean = exact.weight @ exact.mean
    variance = exact.variance + exact.weight @ (exact.mean - mean) ** 2
    assert np.allclose(found.mean.reshape(-1), mean, atol=1e-12)
    assert np.allclose(found.spread.reshape(-1), np.sqrt(variance), rtol=1e-10)
    assert found.health["ess"][0] == pytest.approx(1 / (exact.weight**2).sum())
    assert found.health["observations"][0] == 15


@pytest.mark.parametrize("mixed", [False, True])
def test_members_average_to_the_rao_blackwell_mean(mixed: bool) -> None:
    case = random_case(mixed=mixed)
    found = update(case.group(), case.settings)
    assert np.allclose(found.members.mean(axis=0), found.mean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("mixed", [False, True])
def test_members_are_a_sample_of_the_mixture(mixed: bool) -> None:
    """Mean square of many members about the mean, against the mixture's variance."""
    case = random_case(members=4000, shape=(3, 3), block=(3, 3), p=8, mixed=mixed)
    found = update(case.group(), case.settings)
    ratio = found.members.var(axis=0) / found.spread**2
    assert np.abs(ratio - 1).max() < 4.5 * np.sqrt(2 / 4000) * 1.5
    assert np.abs(ratio.mean() - 1) < 0.02


def test_a_halo_observation_acts_through_the_weights_alone() -> None:
    """Three cells, three blocks: the observed neighbour reweights, and nothing else."""
    rng = np.random.default_rng(3)
    forecast, noise = rng.normal(size=(2, 6, 1, 3))
    blocks = partition((1, 3), (1, 1))
    seen = incidence(blocks, np.array([1]), halo=4.0)
    weight = seen.weight[seen.observation == 0][0]  # that of the western block
    observations = observe(3, np.array([0]), np.array([1]), np.array([0.7]), 0.5)
    noise_sd = np.full((1, 3), 0.6)
    group = make_group(
        np.arange(3), blocks, seen, observations, forecast, 0.6 * noise,
        independent(noise_sd, blocks), grid=plane(blocks), seed=1, cycle=1,
    )  # fmt: skip
    found = update(group, LsmcmcV2Settings(block=(1, 1), halo=4.0))
    log_w = -0.5 * (0.7 - forecast[:, 0, 1]) ** 2 / (0.6**2 + 0.25 / weight)
    w = np.exp(log_w) / np.exp(log_w).sum()
    mean = w @ forecast[:, 0, 0]
    assert found.mean[0, 0] == pytest.approx(mean, abs=1e-13)
    assert found.spread[0, 0] ** 2 == pytest.approx(
        0.36 + w @ (forecast[:, 0, 0] - mean) ** 2, abs=1e-12
    )


def test_blocks_without_observations_keep_the_forecast_bitwise() -> None:
    case = random_case(p=2)
    found, free = update(case.group(), case.settings), free_run(case.group())
    unseen = np.flatnonzero(found.health["observations"] == 0)
    assert unseen.size > 2
    start = case.group().cell_start
    for b in unseen:
        cells = slice(start[b], start[b + 1])
        assert np.array_equal(found.members[:, :, cells], free.members[:, :, cells])
        assert np.array_equal(found.mean[:, cells], free.mean[:, cells])
        assert np.array_equal(found.spread[:, cells], free.spread[:, cells])
    assert np.array_equal(found.ancestor[:, unseen], free.ancestor[:, unseen])
    assert np.all(found.health["ess"][unseen] == case.forecast.shape[0])


def test_observations_that_say_nothing_give_the_forecast_back() -> None:
    """An arctan of depths in metres (methods' note on the paper): flat likelihood."""
    case = random_case(p=25)
    far = case._replace(
        forecast=4000.0 + case.forecast,
        observations=observe(
            70, case.observations.field, case.observations.cell, np.full(25, 1.57), 0.01,
            ARCTAN, STUDENT_T,
        ),
    )  # fmt: skip
    found, free = update(far.group(), far.settings), free_run(far.group())
    assert np.array_equal(found.ancestor, free.ancestor)
    assert np.abs(found.members - free.members).max() < 1e-3 * 0.3
    assert np.abs(found.mean - free.mean).max() < 1e-5


def test_what_all_members_agree_on_is_not_touched() -> None:
    """Land: equal forecasts without noise stay equal to the last bit."""
    case = random_case()
    case.forecast[:, :, ::3] = np.pi
    case.noise_sd[:, ::3] = 0.0
    case.noise[:, :, ::3] = 0.0
    group = case.group()
    found = update(group, case.settings)
    land = np.isin(group.cells, np.arange(0, 70, 3))
    assert np.all(found.members[:, :, land] == np.pi)
    assert np.all(found.mean[:, land] == np.pi)
    assert not found.spread[:, land].any()


def test_noise_free_fields_come_from_the_ancestor() -> None:
    case = random_case()
    group = case.group()
    found = update(group, case.settings)
    for b in range(group.n_blocks):
        cells = slice(group.cell_start[b], group.cell_start[b + 1])
        come = group.forecast[found.ancestor[:, b], 3, cells]
        shift = found.members[:, 3, cells] - come
        assert np.allclose(shift, shift[0], atol=1e-14)


def test_members_stay_close_to_their_forecast() -> None:
    """With broad likelihoods survivors keep their slot and their noise: coherence in space."""
    case = random_case(members=25)
    broad = case._replace(observations=case.observations._replace(error=np.full(40, 5.0)))
    found, free = update(broad.group(), broad.settings), free_run(broad.group())
    assert (found.ancestor == free.ancestor).mean() > 0.9
    same = np.corrcoef(found.members[:, 0].ravel(), free.members[:, 0].ravel())[0, 1]
    assert same > 0.95


def test_the_registry_names_the_filters() -> None:
    assert FILTERS["lsmcmc-v2"].update is update
    assert FILTERS["free-run"].update is free_run


@pytest.mark.parametrize("lost", [np.nan, np.inf])
@pytest.mark.parametrize("mixed", [False, True])
def test_a_forecast_that_is_not_finite_is_named(lost: float, mixed: bool) -> None:
    case = random_case(mixed=mixed)
    case.forecast[2, case.observations.field[7], case.observations.cell[7]] = lost
    with pytest.raises(RunError, match="no finite analysis") as caught:
        update(case.group(), case.settings)
    assert "block" in caught.value.where


def test_unequal_weights_for_one_scalar_are_refused() -> None:
    case = random_case()
    group = case.group()
    weight = group.obs_weight.copy()
    repeated = np.flatnonzero(group.scalar[group.obs_index] == group.scalar[0])
    weight[repeated[0]] *= 0.5
    with pytest.raises(RunError, match="all observations of a scalar"):
        update(group._replace(obs_weight=weight), case.settings)


def test_a_tile_of_the_wrong_size_is_refused() -> None:
    case = random_case()
    with pytest.raises(RunError, match="group_cells"):
        block_group(
            np.array([1, 2]), case.blocks, case.incidence, case.observations,
            forecast=case.forecast, noise=case.noise, observed=case.forecast[:, 0, :40],
            observed_noise=case.noise[:, 0, :40],
            model_noise=independent(case.noise_sd, case.blocks), grid=plane(case.blocks),
            seed=1, cycle=1,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"halo": 0.5}, "more than 1"),
        ({"halo": -1.0}, "greater than or equal to 0"),
        ({"taper": "paper", "block": (12, 12), "halo": 3.0}, "7.8"),
        ({"block": (0, 3)}, "no cells"),
        ({"haloo": 2.0}, "Extra inputs"),
        ({"taper": "step"}, "continuous"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        LsmcmcV2Settings(**wrong)
