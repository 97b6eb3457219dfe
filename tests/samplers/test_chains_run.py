"""Chains as a whole: Gaussian answers, addresses, adaptation, and the edges."""

from __future__ import annotations

import numpy as np
import pytest
from chain_targets import (
    DIAGONAL,
    FOUR_FACTOR,
    FOUR_MEANS,
    four_ancestors,
    gaussian_target,
    make_target,
)
from halocast.errors import RunError
from halocast.samplers.chains import Chains, ChainSettings, mixed, run_chains, trace_of
from halocast.samplers.chains.adaptation import LONGEST
from halocast.samplers.chains.health import LARGEST_R_HAT
from halocast.samplers.chains.settings import KERNELS
from halocast.samplers.mixture import condition_mixture
from pydantic import ValidationError

SHORT = ChainSettings(chains=3, burn_in=40, samples=120)


def run(target, settings=SHORT, seed=1, cycle=2, index=3) -> Chains:
    return run_chains(target, settings, seed, cycle, index)


def same(a: Chains, b: Chains) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b))


def no_nan(chains: Chains) -> bool:
    return all(np.isfinite(x).all() for x in chains)


@pytest.mark.parametrize("kernel", KERNELS)
def test_gaussian_with_a_dense_covariance_in_closed_form(kernel: str) -> None:
    rng, p = np.random.default_rng(5), 6
    root = rng.normal(size=(p, p))
    cov = root @ root.T + 0.2 * np.eye(p)
    mean, value, error = rng.normal(size=(5, p)), rng.normal(size=p), rng.uniform(0.4, 1, p)
    target = gaussian_target(mean, np.linalg.cholesky(cov), value, error)
    noise = np.diag(error**2)
    gain = cov @ np.linalg.inv(cov + noise)
    d = value - mean
    weight = np.exp(-0.5 * np.einsum("jk,kl,jl->j", d, np.linalg.inv(cov + noise), d))
    weight /= weight.sum()
    center = mean + d @ gain.T
    known = weight @ center
    spread = cov - gain @ cov + np.einsum("j,jk,jl->kl", weight, center - known, center - known)
    settings = ChainSettings(kernel=kernel, chains=4, burn_in=1000, samples=160_000)
    chains = run(target, settings)
    assert mixed(chains)
    batches = chains.samples.reshape(160, -1, p).mean(axis=1)
    assert np.abs((batches.mean(0) - known) / (batches.std(0) / np.sqrt(160))).max() < 3.5
    found = np.cov(chains.samples.reshape(-1, p).T)
    assert np.abs(found - spread).max() < 0.05 * np.diag(spread).max()
    share = np.bincount(chains.ancestor.ravel(), minlength=5) / chains.ancestor.size
    assert np.abs(share - weight).max() < 0.02


def test_a_diagonal_covariance_is_its_dense_self() -> None:
    target = four_ancestors()
    dense = target._replace(factor=np.diag(target.sd))
    for kernel in KERNELS:  # no burn-in: an unstable first step would magnify rounding
        settings = ChainSettings(kernel=kernel, chains=3, burn_in=0, samples=120)
        a, b = run(target, settings), run(dense, settings)
        assert np.array_equal(a.ancestor, b.ancestor)
        assert np.allclose(a.samples, b.samples, atol=1e-9)


def test_addresses() -> None:
    target = four_ancestors()
    first = run(target)
    run(target, index=4)
    assert same(run(target), first)
    for other in ({"seed": 2}, {"cycle": 3}, {"index": 4}):
        assert not np.array_equal(run(target, **other).samples, first.samples)
    flat = first.samples.reshape(3, -1)
    assert not np.array_equal(flat[0], flat[1])


def test_a_longer_run_begins_as_the_shorter() -> None:
    longer = run(four_ancestors(), SHORT.model_copy(update={"samples": 1200}))
    assert np.array_equal(longer.samples[:, :40], run(four_ancestors()).samples)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_step_is_frozen_after_burn_in_and_has_reached_its_goal(kernel: str) -> None:
    goal = {"rwm": 0.234, "pcn": 0.35, "mala": 0.574, "pcnl": 0.574, "hmc": 0.65}[kernel]
    rng = np.random.default_rng(2)
    target = make_target(
        rng.normal(size=(3, 12)), np.ones(12), rng.normal(size=12), np.full(12, 0.3)
    )
    settings = ChainSettings(kernel=kernel, chains=2, burn_in=2000, samples=200, step=0.02)
    short, long = (run(target, settings.model_copy(update={"samples": n})) for n in (200, 8000))
    assert np.array_equal(short.step, long.step)
    assert np.all(long.step > 0.02)  # every kernel's step can grow
    assert np.abs(long.acceptance - goal).max() < 0.12
    unadapted = run(target, settings.model_copy(update={"burn_in": 0}))
    assert np.all(unadapted.step == 0.02)


def test_beta_stays_below_one_where_nothing_is_learnt() -> None:
    target = make_target(np.zeros((2, 3)), np.ones(3), np.zeros(3), np.full(3, 1e6))
    for kernel, longest in zip(KERNELS, LONGEST):
        chains = run(target, ChainSettings(kernel=kernel, chains=2, burn_in=3000, samples=100))
        assert np.all(chains.step <= longest)
    assert LONGEST[KERNELS.index("pcn")] == LONGEST[KERNELS.index("pcnl")] == 0.999


@pytest.mark.parametrize("kernel", KERNELS)
def test_atoms_stay_and_weigh(kernel: str) -> None:
    """A scalar without noise against the same one with hardly any, in closed form."""
    mean = np.array([[0.0, 0.3, 1.0], [1.0, -0.4, 0.0], [0.5, 1.0, 0.2]])
    sd, value, error = np.array([0.0, 0.8, 0.0]), np.array([0.6, 0.1, 0.9]), np.full(3, 0.5)
    for factor in (DIAGONAL, np.diag(sd)):
        target = gaussian_target(mean, np.diag(sd), value, error)._replace(factor=factor)
        chains = run(target, ChainSettings(kernel=kernel, burn_in=500, samples=60_000))
        known = condition_mixture(mean, sd, np.arange(3), value, error)
        share = np.bincount(chains.ancestor.ravel(), minlength=3) / chains.ancestor.size
        assert np.abs(share - known.weight).max() < 0.02
        for k in (0, 2):
            assert np.array_equal(chains.samples[:, :, k], mean[chains.ancestor, k])


def test_without_scalars_ancestors_come_from_the_prior_systematically() -> None:
    prior = np.array([0.1, 0.4, 0.5])
    none = np.empty(0, dtype=int)
    target = make_target(
        np.empty((3, 0)), np.empty(0), [], [], log_prior=np.log(prior), start=np.zeros(1, int),
        operator=none, noise_kind=none, center=np.empty(0), scale=np.empty(0), df=np.empty(0),
        weight=np.empty(0),
    )  # fmt: skip
    chains = run(target)
    assert chains.samples.shape == (3, 40, 0)
    assert np.abs(np.bincount(chains.ancestor.ravel()) - 120 * prior).max() < 1
    assert no_nan(chains)
    only_atoms = gaussian_target(np.zeros((3, 2)), np.zeros((2, 2)), [0.0, 0.0], [1.0, 1.0])
    assert no_nan(run(only_atoms))


def test_scalars_without_observations_sample_their_prior() -> None:
    target = make_target(
        FOUR_MEANS[:1], np.array([0.8, 1.1]), [], [], FOUR_FACTOR, start=np.zeros(3, int)
    )
    chains = run(target, ChainSettings(burn_in=200, samples=40_000))
    flat = chains.samples.reshape(-1, 2)
    assert np.allclose(flat.mean(axis=0), FOUR_MEANS[0], atol=0.04)
    assert np.allclose(np.cov(flat.T), FOUR_FACTOR @ FOUR_FACTOR.T, atol=0.05)


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_ancestor(kernel: str) -> None:
    target = make_target(FOUR_MEANS[:1], np.ones(2), [0.2, 0.1], [0.3, 0.3])
    chains = run(target, ChainSettings(kernel=kernel, burn_in=500, samples=4000))
    assert chains.distinct == 1
    assert mixed(chains)


def test_a_covariance_that_is_singular_is_sampled_all_the_same() -> None:
    """Two scalars with one noise: they differ as their forecasts do."""
    factor = np.array([[0.8, 0.0], [0.8, 0.0]])
    target = make_target(FOUR_MEANS, np.full(2, 0.8), [0.4, 0.3], [0.3, 0.3], factor)
    for kernel in KERNELS:
        chains = run(target, SHORT.model_copy(update={"kernel": kernel}))
        gap = np.diff(FOUR_MEANS, axis=1)[chains.ancestor, 0]
        assert np.allclose(np.diff(chains.samples, axis=2)[..., 0], gap, atol=1e-12)
        assert no_nan(chains)


def test_a_chain_that_never_accepts_says_so() -> None:
    rng = np.random.default_rng(4)
    target = gaussian_target(rng.normal(size=(1, 20)), np.eye(20), np.zeros(20), np.full(20, 1e-7))
    for kernel in ("mala", "pcnl", "hmc"):
        settings = ChainSettings(kernel=kernel, burn_in=0, samples=200, step=0.9)
        chains = run(target, settings)
        assert no_nan(chains)
        assert chains.acceptance.max() == 0
        assert chains.r_hat == LARGEST_R_HAT
        assert chains.ess == 1
        assert not mixed(chains)


def test_a_chain_that_only_descends_says_so() -> None:
    """Without gradients what is accepted are records of a better fit, ever rarer."""
    rng = np.random.default_rng(4)
    target = gaussian_target(rng.normal(size=(3, 20)), np.eye(20), np.zeros(20), np.full(20, 1e-7))
    for kernel in ("rwm", "pcn"):
        settings = ChainSettings(kernel=kernel, burn_in=0, samples=2000, step=0.9)
        chains = run(target, settings)
        assert no_nan(chains)
        assert chains.acceptance.max() < 0.05
        assert chains.r_hat > 1.5
        assert not mixed(chains)


def test_units_are_free() -> None:
    target = gaussian_target(FOUR_MEANS, FOUR_FACTOR, [0.3, 0.1], [0.5, 0.5])
    f = 2.0**20
    large = gaussian_target(FOUR_MEANS * f, FOUR_FACTOR * f, [0.3 * f, 0.1 * f], [0.5 * f, 0.5 * f])
    for kernel in KERNELS:
        settings = SHORT.model_copy(update={"kernel": kernel})
        assert np.array_equal(run(target, settings).samples * f, run(large, settings).samples)


def test_trace() -> None:
    chains = run(four_ancestors())
    trace = trace_of(chains, 1)
    assert trace.values.shape == trace.ancestor.shape == trace.log_likelihood.shape == (3, 40)
    assert np.array_equal(trace.values, chains.samples[..., 1])


def test_bad_settings_are_refused() -> None:
    for wrong in (
        {"kernel": "pcn", "step": 1.0},
        {"kernel": "pcnl", "step": 1.5},
        {"step": 0.0},
        {"samples": 10, "chains": 4},
        {"target_acceptance": 1.0},
        {"kernel": "gibbs"},
    ):
        with pytest.raises(ValidationError):
            ChainSettings(**wrong)
    with pytest.raises(RunError, match="random numbers"):
        run(four_ancestors(), ChainSettings(samples=10**9))
