"""The ensemble Kalman particle filter: Bayes' rule for every gamma, and its two ends."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Address, Purpose, uniforms
from halocast.errors import ConfigError, RunError
from halocast.filters.particle.enkpf import EnkpfSettings, analyse
from halocast.filters.particle.outcome import resampled_slots
from halocast.filters.particle.sir import SirSettings
from halocast.filters.particle.sir import analyse as bootstrap
from halocast.samplers.resampling import systematic_ancestors
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_cases import gaussian_members, kalman, line_tapers, window
from pydantic import ValidationError

MEAN, COVARIANCE = np.array([0.2, 0.1]), np.array([[1.0, 0.5], [0.5, 2.0]])


@pytest.mark.parametrize("gamma", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_any_gamma_gives_the_kalman_posterior(gamma):
    seen = window(gaussian_members(MEAN, COVARIANCE, 200_000), [0], [1.1], [0.5])
    analysis = analyse(seen, EnkpfSettings(gamma=gamma))
    mean, covariance = kalman(MEAN, COVARIANCE, [0], [1.1], [0.5])
    np.testing.assert_allclose(analysis.mean, mean, atol=0.01)
    np.testing.assert_allclose(analysis.members.mean(axis=0), mean, atol=0.01)
    np.testing.assert_allclose(np.cov(analysis.members.T), covariance, atol=0.015)


def test_gamma_one_is_the_stochastic_ensemble_kalman_filter():
    n, scalar = 5, [0, 2, 3]
    rng = np.random.default_rng(2)
    seen = window(rng.normal(size=(12, n)), scalar, [0.4, -1.0, 2.0], [0.5, 1.0, 0.2])
    noise = seen.observation_normals()
    noise = (noise - noise.mean(axis=0)) * seen.error
    covariance = np.cov(seen.forecast.T)
    gain = covariance[:, scalar] @ np.linalg.inv(
        covariance[np.ix_(scalar, scalar)] + np.diag(seen.variance)
    )
    expected = seen.forecast + (seen.value + noise - seen.predicted) @ gain.T
    np.testing.assert_allclose(
        analyse(seen, EnkpfSettings(gamma=1.0)).members, expected, atol=1e-13
    )


def test_gamma_zero_is_the_bootstrap_filter():
    seen = window(gaussian_members(MEAN, COVARIANCE, 40), [0, 1], [1.1, 0.3], [0.5, 1.0])
    expected = bootstrap(seen, SirSettings(threshold=1.0))
    analysis = analyse(seen, EnkpfSettings(gamma=0.0))
    np.testing.assert_array_equal(analysis.members, expected.members)
    np.testing.assert_allclose(analysis.mean, expected.mean, atol=1e-14)


def test_the_mixtures_mean_is_that_of_its_draws():
    """Averaged over many resamplings and perturbations, members have the reported mean."""
    members = np.random.default_rng(4).gamma(1.5, size=(20, 3))
    seen = window(members, [0, 1], [2.0, 0.5], [0.3, 0.3])
    drawn = np.array([
        analyse(seen._replace(cycle=c), EnkpfSettings(gamma=0.3)).members.mean(axis=0)
        for c in range(1, 2001)
    ])  # fmt: skip
    error = drawn.std(axis=0) / np.sqrt(2000)
    reported = analyse(seen, EnkpfSettings(gamma=0.3)).mean
    assert np.all(np.abs(drawn.mean(axis=0) - reported) < 4 * error)


@given(st.floats(0.05, 1.0), st.floats(0.01, 100.0), st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_gamma_is_the_least_of_the_grid_that_keeps_the_weights_even(share, variance, seed):
    members = np.random.default_rng(seed).normal(size=(30, 4))
    seen = window(members, [0, 1, 2], [0.5, -2.0, 3.0], [variance] * 3)
    health = analyse(seen, EnkpfSettings(effective_share=share)).health
    k = round(health["gamma"] * 15)
    assert health["ess"] >= 30 * share - 1e-9
    assert health["gamma"] == k / 15
    assert k >= 1
    if k > 1:
        less = analyse(seen, EnkpfSettings(gamma=(k - 1) / 15)).health
        assert less["ess"] < 30 * share


def test_taper_of_ones_changes_nothing_and_of_zeros_moves_by_ancestors_only():
    rng = np.random.default_rng(5)
    seen = window(rng.normal(size=(15, 6)), [0, 3], [0.4, -1.0], [0.5, 1.0])
    plain = analyse(seen, EnkpfSettings(gamma=0.5)).members
    ones = seen._replace(taper=np.ones((6, 2)), taper_between=np.ones((2, 2)))
    np.testing.assert_allclose(analyse(ones, EnkpfSettings(gamma=0.5)).members, plain, atol=1e-14)
    taper, between = line_tapers(6, [0, 3], 0.4)
    cut = analyse(
        seen._replace(taper=taper, taper_between=between), EnkpfSettings(gamma=0.5)
    ).members
    for j in (1, 2, 4, 5):
        assert np.isin(cut[:, j], seen.forecast[:, j]).all()


def test_a_local_weight_is_a_larger_error():
    rng = np.random.default_rng(6)
    seen = window(rng.normal(size=(20, 2)), [0, 1], [0.4, -1.0], [0.5, 1.0])
    weight = np.array([0.3, 0.9])
    tapered = analyse(seen._replace(weight=weight), EnkpfSettings())
    larger = analyse(seen._replace(error=np.sqrt(seen.variance / weight)), EnkpfSettings())
    np.testing.assert_allclose(tapered.members, larger.members, atol=1e-12)


def test_windows_share_their_draws():
    """Windows of two equal scalars give them equal members: fields stay whole between windows."""
    seen = window(np.random.default_rng(8).normal(size=(25, 1)), [0], [1.0], [0.5])
    out = [analyse(seen._replace(block=b), EnkpfSettings(gamma=0.5)).members for b in (0, 7)]
    np.testing.assert_array_equal(out[0], out[1])


def test_draws_are_systematic_with_a_shared_uniform():
    weight = np.array([0.5, 0.2, 0.3])
    seen = window(np.zeros((3, 1)), [0], [0.0], [1.0])
    uniform = uniforms(Address(seen.seed, seen.cycle, Purpose.RESAMPLING, 0), 3)
    expected = systematic_ancestors(weight, uniform[0])
    for block in (0, 5):
        found = resampled_slots(seen._replace(block=block), weight, "systematic")
        np.testing.assert_array_equal(found, expected)


def test_refusals():
    for gamma in (-0.1, 1.1, np.nan):
        with pytest.raises(ValidationError):
            EnkpfSettings(gamma=gamma)
    with pytest.raises(ConfigError, match="ensemble of 1"):
        analyse(window(np.zeros((1, 2)), [0], [0.0], [1.0]), EnkpfSettings())
    with pytest.raises(RunError, match="positive definite"):
        analyse(window(np.zeros((3, 2)), [0], [0.0], [0.0]), EnkpfSettings(gamma=0.5))
