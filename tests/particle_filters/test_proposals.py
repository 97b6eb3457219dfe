"""Weighted EnKF, optimal proposal and equivalent weights, against exact densities."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.particle.equivalent import EwpfSettings, equivalent
from halocast.filters.particle.equivalent import analyse as equal_weights
from halocast.filters.particle.nudged import Nudged, NudgedSettings, Steps
from halocast.filters.particle.proposal import (
    OptimalSettings,
    WenkfSettings,
    analyse_optimal,
    analyse_wenkf,
)
from halocast.laboratory.problem import Problem
from halocast.laboratory.trial import run_trial
from halocast.samplers.densities import STUDENT_T
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_cases import gaussian_members, kalman, window
from pydantic import ValidationError
from scipy import stats


def _noisy(quiet, noise_sd, scalar, value, variance, seed=5):
    noise = np.random.default_rng(seed).normal(size=quiet.shape) * noise_sd
    return window(
        quiet + noise, scalar, value, variance, noise_free=quiet,
        predicted_noise_free=quiet[:, scalar], noise_sd=np.asarray(noise_sd, dtype=float),
    )  # fmt: skip


FILTERS = [(analyse_wenkf, WenkfSettings), (analyse_optimal, OptimalSettings)]


@pytest.mark.parametrize(("analyse", "kind"), FILTERS)
def test_many_particles_give_the_kalman_posterior(analyse, kind):
    mean, before = np.array([0.2, 0.1]), np.array([[0.8, 0.4], [0.4, 1.5]])
    noise_sd = np.sqrt([0.2, 0.5])
    seen = _noisy(gaussian_members(mean, before, 200_000), noise_sd, [0], [1.1], [0.5])
    analysis = analyse(seen, kind(threshold=0.0))
    expected, covariance = kalman(mean, before + np.diag(noise_sd**2), [0], [1.1], [0.5])
    np.testing.assert_allclose(analysis.mean, expected, atol=0.012)
    np.testing.assert_allclose(analysis.spread**2, np.diag(covariance), rtol=0.012)
    assert analysis.health["ess"] > 0.5 * 200_000


def test_wenkf_weights_are_target_over_proposal():
    scalar, noise_sd = [2, 0], np.array([0.5, 0.3, 0.8])
    quiet = np.random.default_rng(2).normal(size=(12, 3))
    seen = _noisy(quiet, noise_sd, scalar, [0.4, -0.3], [0.5, 1.0])
    analysis = analyse_wenkf(seen, WenkfSettings(threshold=0.0))
    h = np.eye(3)[scalar]
    covariance = np.cov(seen.forecast.T)
    gain = covariance @ h.T @ np.linalg.inv(h @ covariance @ h.T + np.diag(seen.variance))
    kept = np.eye(3) - gain @ h
    spread = kept @ np.diag(noise_sd**2) @ kept.T + gain @ np.diag(seen.variance) @ gain.T
    log = np.array([
        stats.norm.logpdf(seen.value, x[scalar], seen.error).sum()
        + stats.norm.logpdf(x, f, noise_sd).sum()
        - stats.multivariate_normal.logpdf(x, f + gain @ (seen.value - f[scalar]), spread)
        for x, f in zip(analysis.members, quiet)
    ])  # fmt: skip
    found = analysis.memory
    np.testing.assert_allclose(found - found[0], log - log[0], atol=1e-11)


def test_the_optimal_weight_does_not_depend_on_what_was_drawn():
    quiet = np.random.default_rng(3).normal(size=(12, 3))
    seen = _noisy(quiet, [0.5, 0.3, 0.8], [2, 0], [0.4, -0.3], [0.5, 1.0])
    first = analyse_optimal(seen, OptimalSettings(threshold=0.0))
    again = analyse_optimal(seen._replace(cycle=9), OptimalSettings(threshold=0.0))
    np.testing.assert_array_equal(first.memory, again.memory)
    assert (first.members != again.members).any()
    density = stats.norm.logpdf(
        seen.value, quiet[:, [2, 0]], np.sqrt([0.64 + 0.5, 0.25 + 1.0])
    ).sum(axis=1)
    np.testing.assert_allclose(np.diff(first.memory), np.diff(density), atol=1e-13)


@given(st.integers(0, 10_000), st.floats(0.1, 1.0), st.floats(-20, 20))
@settings(max_examples=60, deadline=None)
def test_equivalent_particles_all_have_the_target_weight(seed, keep, value):
    """-log w from the densities themselves, before the random part, is C* to rounding."""
    rng = np.random.default_rng(seed)
    noise_sd, m = np.array([0.5, 0.3, 0.8]), 15
    seen = _noisy(rng.normal(size=(m, 3)), noise_sd, [2, 0], [value, -0.3], [0.5, 1.0])
    before = np.log(rng.dirichlet(np.ones(m)) + 1e-6)
    moved = equivalent(seen, before, keep)
    kept = np.isfinite(moved.cost)
    assert kept.sum() == np.ceil(keep * m)
    noise = np.square((moved.members - seen.noise_free) / noise_sd).sum(axis=1)
    misfit = np.square(seen.value - moved.members[:, seen.scalar]) / seen.variance
    cost = 0.5 * (noise + misfit.sum(axis=1)) - before
    scale = 4e-15 * max(1.0, np.abs(cost[kept]).max(), np.square(value))
    # the particle at C* itself stands at the minimum, alpha = 1
    np.testing.assert_allclose(cost[kept], moved.target, atol=4 * scale, rtol=0)
    np.testing.assert_allclose(moved.cost[kept], moved.target, atol=4 * scale, rtol=0)


def test_equal_weights_to_4e_15():
    rng = np.random.default_rng(1)
    seen = _noisy(rng.normal(size=(20, 3)), np.array([0.5, 0.3, 0.8]), [2, 0], [0.6, -0.3], [1, 2])
    moved = equivalent(seen, np.zeros(20), 0.8)
    kept = np.isfinite(moved.cost)
    noise = np.square((moved.members - seen.noise_free) / seen.noise_sd).sum(axis=1)
    misfit = np.square(seen.value - moved.members[:, seen.scalar]) / seen.variance
    cost = 0.5 * (noise + misfit.sum(axis=1))
    assert np.abs(cost[kept] - moved.target).max() <= 4e-15


def test_equivalent_weights_do_not_degenerate_with_dimension():
    rng = np.random.default_rng(4)
    n, m = 500, 20
    quiet = rng.normal(size=(m, n)) * 2.0
    seen = _noisy(quiet, np.full(n, 0.5), list(range(n)), list(rng.normal(size=n)), [1.0] * n)
    assert equal_weights(seen, EwpfSettings()).health["ess"] > 15.5  # of the 16 that are kept
    assert analyse_optimal(seen, OptimalSettings(threshold=0.0)).health["ess"] < 1.5


def _drifting(steps: int) -> tuple[Problem, Steps]:
    """A damped rotation with noise at every step; the truth's is in ``advance``."""
    turn = 0.98 * np.array([[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]])
    sd = np.full(2, 0.1)

    def step(members: np.ndarray, cycle: int, which: int) -> np.ndarray:
        return members @ turn.T

    def advance(members: np.ndarray, cycle: int) -> np.ndarray:
        rng = np.random.default_rng([cycle, 77])
        for which in range(1, steps + 1):
            members = step(members, cycle, which) + sd * rng.normal(size=members.shape)
        return members

    problem = Problem(
        name="drifting", dimension=2, advance=advance, scalar=np.array([0]),
        error=np.array([0.2]), start=np.zeros(2), start_sd=np.ones(2), cycles=300, burn_in=30,
    )  # fmt: skip
    return problem, Steps(step, steps, sd)


def test_nudged_weights_are_target_over_proposal():
    problem, steps = _drifting(4)
    method = Nudged(NudgedSettings(nudging=2.0, free_share=0.4), 8, steps)
    before = method.start(problem, 5).members
    value = np.array([0.7])
    after, paid = method._step(problem, before, value, 5, 1, 3)
    quiet = steps.step(before, 1, 3)
    pull = np.zeros_like(quiet)
    pull[:, 0] = 2.0 * 0.75 * 0.1**2 / 0.2**2 * (value - before[:, 0])
    target = stats.norm.logpdf(after, quiet, 0.1).sum(axis=1)
    proposal = stats.norm.logpdf(after, quiet + pull, 0.1).sum(axis=1)
    np.testing.assert_allclose(-paid, target - proposal, atol=1e-13)
    assert np.abs(paid).max() > 0
    np.testing.assert_array_equal(method._step(problem, before, value, 5, 1, 1)[1], np.zeros(8))


def _kalman_error(turn: np.ndarray, steps: int) -> float:
    covariance = np.eye(2)
    for _ in range(200):
        for _ in range(steps):
            covariance = turn @ covariance @ turn.T + 0.01 * np.eye(2)
        gain = covariance[:, :1] / (covariance[0, 0] + 0.04)
        covariance = covariance - gain @ covariance[:1]
    return float(np.sqrt(np.trace(covariance) / 2))


def test_nudged_particles_are_near_the_kalman_filter_and_forecast_better_than_without():
    problem, steps = _drifting(4)
    plain, nudged = (
        run_trial(problem, Nudged(NudgedSettings(nudging=b), 30, steps), 1) for b in (0.0, 1.0)
    )
    exact = _kalman_error(steps.step(np.eye(2), 1, 1).T, 4)
    assert nudged.analysis < 1.1 * exact  # 0.261 and 0.252
    assert nudged.forecast < plain.forecast


def test_refusals():
    quiet = np.random.default_rng(3).normal(size=(6, 3))
    still = window(quiet, [0], [0.0], [1.0])
    for analyse, kind in [*FILTERS, (equal_weights, EwpfSettings)]:
        with pytest.raises(ConfigError, match="no model noise"):
            analyse(still, kind())
        seen = _noisy(quiet, np.ones(3), [0], [0.0], [1.0])
        with pytest.raises(ConfigError, match="linear operators"):
            analyse(seen._replace(scalar=np.array([-1])), kind())
        with pytest.raises(ConfigError, match="ensemble of 1"):
            analyse(_noisy(quiet[:1], np.ones(3), [0], [0.0], [1.0]), kind())
    heavy = seen._replace(noise_kind=np.array([STUDENT_T]))
    for analyse, kind in [(analyse_optimal, OptimalSettings), (equal_weights, EwpfSettings)]:
        with pytest.raises(ConfigError, match="Gaussian"):
            analyse(heavy, kind())
    assert np.isfinite(analyse_wenkf(heavy, WenkfSettings()).mean).all()
    with pytest.raises(ConfigError, match="2001 x 2001"):
        analyse_wenkf(_noisy(np.eye(2, 2001), np.ones(2001), [0], [0.0], [1.0]), WenkfSettings())
    with pytest.raises(ValidationError):
        EwpfSettings(keep=0.0)
    with pytest.raises(ConfigError, match="1 particles"):
        Nudged(NudgedSettings(), 1, _drifting(2)[1])
    with pytest.raises(ConfigError, match="noise in every scalar"):
        Nudged(NudgedSettings(), 5, _drifting(2)[1]._replace(noise_sd=np.array([0.1, 0.0])))
