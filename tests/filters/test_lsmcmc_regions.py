"""Variant 1 and the unlocalized filter: what shares ancestors, and that grouping does not show."""

from __future__ import annotations

import numpy as np
import pytest
from filter_cases import independent, joined, observe, plane
from halocast.errors import ConfigError
from halocast.filters.base import make_group
from halocast.filters.bridge import bridge_kernels
from halocast.filters.free_run import update as free_run
from halocast.filters.lsmcmc_v1 import sees_own
from halocast.localization.blocks import partition
from halocast.noise import FieldNoise, ModelNoise
from halocast.samplers.mixture import condition_mixture
from halocast.state import Field, StateLayout
from hypothesis import given, settings
from hypothesis import strategies as st
from lsmcmc_cases import METHODS, SHORT, UPDATE, analyse, case_of, cells_of, settings_of

REDUCTIONS = ("systematic", "quantile", "thinning", "group-means", "rescaled-group-means")


def exact_mixture(case):
    m = case.forecast.shape[0]
    found = condition_mixture(
        case.forecast.reshape(m, -1), case.noise_sd.reshape(-1), case.observations.scalar,
        case.observations.value, case.observations.error,
    )  # fmt: skip
    mean = found.weight @ found.mean
    spread = np.sqrt(found.variance + found.weight @ (found.mean - mean) ** 2)
    return found, mean.reshape(case.noise_sd.shape), spread.reshape(case.noise_sd.shape)


@pytest.mark.parametrize("method", ["lsmcmc-v1", "smcmc"])
def test_all_observations_weigh_one_ancestor(method: str) -> None:
    """Algorithms 1 and A.1: the mixture conditioned on everything, in the region."""
    case = case_of(method, p=6, mixed=False)
    group = case.group()
    found = analyse(method, case)
    exact, mean, spread = exact_mixture(case)
    mine = np.unique(case.blocks.number[case.observations.cell])
    if method == "smcmc":
        mine = np.arange(case.blocks.n_blocks)
    assert mine.size > 0
    cells = cells_of(group, mine)
    assert np.allclose(found.mean[:, cells], mean[:, group.cells[cells]], atol=1e-12)
    assert np.allclose(found.spread[:, cells], spread[:, group.cells[cells]], rtol=1e-9)
    assert np.allclose(found.health["ess"][mine], 1 / (exact.weight**2).sum())
    assert np.all(found.health["observations"][mine] == 6)
    assert (found.ancestor[:, mine] == found.ancestor[:, mine[:1]]).all()


def test_blocks_without_an_observation_keep_their_forecast() -> None:
    case = case_of("lsmcmc-v1", p=6)
    found, free = analyse("lsmcmc-v1", case), free_run(case.group())
    rest = np.setdiff1d(np.arange(case.blocks.n_blocks), case.blocks.number[case.observations.cell])
    assert rest.size > 2
    cells = cells_of(case.group(), rest)
    for name in ("members", "mean", "spread"):
        assert np.array_equal(getattr(found, name)[..., cells], getattr(free, name)[..., cells])
    assert np.array_equal(found.ancestor[:, rest], free.ancestor[:, rest])
    assert not found.health["observations"][rest].any()


def test_the_unlocalized_filter_is_variant_2_in_one_block() -> None:
    case = case_of("smcmc", p=20)
    whole = partition((7, 10), (7, 10))
    alone = case_of("lsmcmc-v2", p=20)._replace(
        blocks=whole, incidence=sees_own(settings_of("smcmc"), whole, case.observations.cell,
                                         plane(whole)),
    )  # fmt: skip
    ours = joined(case, [np.arange(case.blocks.n_blocks)], [analyse("smcmc", case)])
    theirs = joined(alone, [np.arange(1)], [analyse("lsmcmc-v2", alone, block=(7, 10), halo=0)])
    for name in ("members", "mean", "spread"):
        assert np.array_equal(ours[name], theirs[name]), name


def test_variant_1_is_the_unlocalized_filter_where_every_block_is_observed() -> None:
    ours, theirs = case_of("lsmcmc-v1", p=300), case_of("smcmc", p=300)
    assert np.unique(ours.blocks.number[ours.observations.cell]).size == ours.blocks.n_blocks
    a, b = analyse("lsmcmc-v1", ours), analyse("smcmc", theirs)
    assert np.array_equal(a.members, b.members)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("reduction", "chains"), [(r, False) for r in REDUCTIONS] + [(r, True) for r in REDUCTIONS[2:]]
)
def test_no_grouping_shows(method: str, reduction: str, chains: bool) -> None:
    """Whatever the sampler and the reduction: one group, or blocks in any order in three."""
    chosen = settings_of(method, reduction=reduction, sampler=SHORT if chains else "exact")
    case = case_of(method, p=25, members=8)
    everything = np.arange(case.blocks.n_blocks)
    order = np.random.default_rng(4).permutation(everything)
    groups = [order[:3], order[3:4], order[4:]]

    def run(parts: list[np.ndarray]) -> dict[str, object]:
        return joined(case, parts, [UPDATE[method](case.group(g), chosen) for g in parts])

    one, many = run([everything]), run(groups)
    for name in one:
        assert np.array_equal(one[name], many[name], equal_nan=name in one), name


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.sampled_from(["lsmcmc-v1", "smcmc"]))
def test_no_random_grouping_shows(seed: int, n_groups: int, method: str) -> None:
    case = case_of(method, p=12, seed=seed % 5, members=5)
    everything = np.arange(case.blocks.n_blocks)
    order = np.random.default_rng(seed).permutation(everything)
    groups = [g for g in np.array_split(order, n_groups) if g.size]
    update, chosen = UPDATE[method], settings_of(method)
    one = joined(case, [everything], [update(case.group(), chosen)])
    many = joined(case, groups, [update(case.group(g), chosen) for g in groups])
    for name in one:
        assert np.array_equal(one[name], many[name]), name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sampler", ["exact", SHORT])
def test_a_cycle_without_observations_keeps_the_forecast(method: str, sampler: object) -> None:
    case = case_of(method, p=0)
    found, free = analyse(method, case, sampler=sampler), free_run(case.group())
    for name in ("members", "mean", "spread", "ancestor"):
        assert np.array_equal(getattr(found, name), getattr(free, name)), name
    assert found.trace is None
    assert np.all(found.health["ess"] == case.forecast.shape[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("p", [1, 7])
def test_one_member_is_one_gaussian(method: str, reduction: str, p: int) -> None:
    """One ancestor: the mean is that of the one Gaussian, whatever became of the member."""
    case = case_of(method, members=1, p=p, mixed=False)
    found = analyse(method, case, reduction=reduction)
    _, mean, _ = exact_mixture(case)
    seen = np.flatnonzero(np.isin(case.group().cells, case.observations.cell))
    if method == "lsmcmc-v2":  # its halo's observations change no Gaussian
        assert np.allclose(found.mean, mean[:, case.group().cells], atol=1e-12)
    assert np.allclose(found.mean[:, seen], mean[:, case.group().cells[seen]], atol=1e-12)
    assert np.isfinite(found.members).all()


def test_equal_members_are_one_gaussian() -> None:
    """The first cycle from a known state (paper, eqs 3.3 and 4.1)."""
    case = case_of("lsmcmc-v1", members=4, p=10, mixed=False)
    case.forecast[:] = case.forecast[:1]
    found = analyse("lsmcmc-v1", case)
    assert np.allclose(found.health["ess"], 4)
    assert np.all(found.ancestor == np.arange(4)[:, None])


def correlated_group(method: str):
    blocks = partition((4, 6), (2, 3))
    grid = plane(blocks)
    layout = StateLayout((Field("f0", None, "1", "a field"),))
    noise = ModelNoise.build(
        {"f0": FieldNoise(sd=0.3, correlation="gaspari-cohn", length=2.0)}, grid, layout
    )
    rng = np.random.default_rng(1)
    observations = observe(24, np.zeros(5, int), np.arange(5) * 3, rng.normal(size=5), 0.2)
    return make_group(
        np.arange(4), blocks, sees_own(settings_of(method), blocks, observations.cell, grid),
        observations, rng.normal(size=(6, 1, 24)),
        np.stack([noise.draw(1, 1, i).reshape(1, -1) for i in range(6)]), noise,
        grid=grid, seed=1, cycle=1, sees_all=True,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["lsmcmc-v1", "smcmc"])
def test_correlated_noise_is_refused(method: str) -> None:
    with pytest.raises(ConfigError, match="independent"):
        UPDATE[method](correlated_group(method), settings_of(method))


def test_variant_2_with_correlated_noise_is_the_bridge_s_lower_end() -> None:
    group = correlated_group("lsmcmc-v2")
    ours = UPDATE["lsmcmc-v2"](group, settings_of("lsmcmc-v2"))
    theirs = bridge_kernels(group, bridge=0.0)
    assert np.array_equal(ours.members, theirs.members)
    for other in ({"sampler": "pcn"}, {"reduction": "quantile"}):
        with pytest.raises(ConfigError, match="independent"):
            UPDATE["lsmcmc-v2"](group, settings_of("lsmcmc-v2", **other))


def test_noise_free_domains_have_atoms() -> None:
    """q = 0 everywhere: members are forecasts of their ancestors, shifted to the mean."""
    case = case_of("lsmcmc-v1", p=10)
    case.noise_sd[:] = 0.0
    still = case._replace(noise=np.zeros_like(case.noise))
    for reduction in REDUCTIONS[:3]:
        found = analyse("lsmcmc-v1", still, reduction=reduction)
        assert np.isfinite(found.members).all()
        assert np.allclose(found.members.mean(axis=0), found.mean, atol=1e-12)
    assert independent(still.noise_sd, still.blocks).sd.max() == 0


@pytest.mark.parametrize("method", ["lsmcmc-v1", "smcmc"])
def test_rows_that_no_block_sees_weigh_nothing(method: str) -> None:
    """Withheld and rejected observations are in the table, but not in the incidence."""
    case = case_of(method, p=8, mixed=False)
    seen = case.incidence
    kept = seen.observation != 2
    count = np.concatenate([[0], np.cumsum(kept)])
    without = case._replace(
        incidence=seen._replace(
            start=count[seen.start], observation=seen.observation[kept], weight=seen.weight[kept]
        )
    )
    wild = case.observations.value.copy()
    wild[2] = 1e3
    other = without._replace(observations=case.observations._replace(value=wild))
    one, two = analyse(method, without), analyse(method, other)
    np.testing.assert_array_equal(one.members, two.members)
    np.testing.assert_array_equal(one.mean, two.mean)
