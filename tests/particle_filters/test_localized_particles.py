"""The localized particle filter where its answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Purpose, uniform_at
from halocast.errors import ConfigError, RunError
from halocast.filters.particle.localized import LocalizedSettings, analyse
from halocast.filters.particle.weights import moments, normalise
from halocast.samplers.resampling import systematic_ancestors
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_cases import gaussian_members, line_tapers, window
from pydantic import ValidationError


def _tapered(members, scalar, value, variance, reach):
    taper, between = line_tapers(members.shape[1], scalar, reach)
    return window(members, scalar, value, variance, taper=taper, taper_between=between)


@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.3, 1.0))
@settings(max_examples=50, deadline=None)
def test_out_of_reach_nothing_changes_bit_for_bit(seed, value, alpha):
    members = np.random.default_rng(seed).normal(size=(20, 30))
    seen = _tapered(members, [4, 5], [value, 1.0], [0.1, 2.0], 2.0)
    out = analyse(seen, LocalizedSettings(alpha=alpha)).members
    far = seen.taper.max(axis=1) == 0
    np.testing.assert_array_equal(out[:, far], members[:, far])
    assert np.isfinite(out).all()


def test_fully_believed_and_everywhere_particles_are_the_drawn_ones_rescaled():
    members = gaussian_members(np.array([0.2, 0.1]), np.array([[1.0, 0.5], [0.5, 2.0]]), 30)
    seen = window(members, [0], [1.1], [0.5], taper=np.ones((2, 1)), taper_between=np.ones((1, 1)))
    out = analyse(seen, LocalizedSettings(alpha=1.0)).members
    weight = normalise(seen.log_likelihood(seen.predicted).sum(axis=1))
    mean, spread = moments(members, weight)
    np.testing.assert_allclose(out.mean(axis=0), mean, atol=1e-13)
    np.testing.assert_allclose(out.std(axis=0, ddof=1), spread, rtol=1e-12)
    uniform = uniform_at(seen.seed, seen.cycle, int(Purpose.RESAMPLING), 0, 0)
    drawn = members[systematic_ancestors(weight, uniform)]
    expected = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0, ddof=1)
    np.testing.assert_allclose((out - mean) / spread, expected, atol=1e-11)


def test_each_scalar_has_the_moments_of_its_tapered_weights():
    """One observation: weights 1 - a l + a l p / mean p, scalar by scalar."""
    members = np.random.default_rng(3).gamma(2.0, size=(40, 9))
    seen = _tapered(members, [4], [3.0], [0.4], 2.0)
    out = analyse(seen, LocalizedSettings(alpha=0.8)).members
    p = np.exp(seen.log_likelihood(seen.predicted)[:, 0])
    for j in range(9):
        reach = 0.8 * seen.taper[j, 0]
        weight = 1 - reach + reach * p / p.mean()
        mean, spread = moments(members[:, j : j + 1], weight / weight.sum())
        np.testing.assert_allclose(out[:, j].mean(), mean[0], rtol=1e-12)
        np.testing.assert_allclose(out[:, j].std(ddof=1), spread[0], rtol=1e-12)


def test_many_particles_give_bayes_rule_for_an_operator_that_is_none():
    """Observing |x| of a normal: the posterior has two modes, which no Kalman filter can have."""
    m = 20_000
    members = gaussian_members(np.zeros(1), np.eye(1), m)
    one = np.ones((1, 1))
    seen = window(members, [0], [1.5], [0.01], taper=one, taper_between=one)
    seen = seen._replace(predicted=np.abs(members), scalar=np.array([-1]))
    out = analyse(seen, LocalizedSettings(alpha=1.0)).members[:, 0]
    assert abs(np.mean(out > 0) - 0.5) < 0.03
    np.testing.assert_allclose(np.abs(out).mean(), 1.5 / 1.01, atol=0.01)
    assert np.mean(np.abs(out) < 1.0) < 0.001


def test_flattened_likelihoods_keep_the_asked_number():
    members = np.random.default_rng(5).normal(size=(50, 10))
    seen = _tapered(members, [2, 7], [0.5, 6.0], [1e-4, 1e-4], 2.0)
    assert analyse(seen, LocalizedSettings()).health["ess"] < 10
    kept = analyse(seen, LocalizedSettings(min_effective=0.5))
    assert 25 - 1e-6 <= kept.health["ess"] < 26


def test_observations_that_are_far_apart_do_not_know_of_each_other():
    members = np.random.default_rng(6).normal(size=(25, 12))
    both = analyse(_tapered(members, [1, 10], [0.4, -1.0], [0.5, 1.0], 2.0), LocalizedSettings())
    near = analyse(_tapered(members, [1], [0.4], [0.5], 2.0), LocalizedSettings())
    np.testing.assert_array_equal(both.members[:, :6], near.members[:, :6])


def test_jitter_keeps_the_mean():
    members = np.random.default_rng(7).normal(size=(25, 8))
    seen = _tapered(members, [1], [0.4], [0.5], 2.0)
    plain, moved = (analyse(seen, LocalizedSettings(jitter=j)) for j in (0.0, 0.2))
    np.testing.assert_allclose(moved.mean, plain.mean, atol=1e-14)
    assert np.all(moved.members != plain.members)


def test_refusals():
    members = np.random.default_rng(8).normal(size=(5, 3))
    with pytest.raises(ConfigError, match="how far"):
        analyse(window(members, [0], [0.0], [1.0]), LocalizedSettings())
    with pytest.raises(ConfigError, match="ensemble of 1"):
        analyse(_tapered(members[:1], [0], [0.0], [1.0], 1.0), LocalizedSettings())
    with pytest.raises(RunError, match="not finite"):
        analyse(_tapered(members * np.inf, [0], [0.0], [1.0], 1.0), LocalizedSettings())
    for bad in ({"alpha": 0.0}, {"alpha": 1.1}, {"min_effective": 1.0}, {"inflation": -1.0}):
        with pytest.raises(ValidationError):
            LocalizedSettings(**bad)
