"""Resampling copies particles as they weigh, whatever draws."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError, RunError
from halocast.filters.particle.outcome import ResamplingSettings, settle
from halocast.filters.particle.resampling import ancestors
from halocast.filters.particle.sir import SirSettings, analyse
from halocast.filters.particle.weights import effective_number, moments, normalise
from halocast.samplers.densities import STUDENT_T
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_cases import gaussian_members, kalman, window
from pydantic import ValidationError

KINDS = ("systematic", "residual", "multinomial")


@pytest.mark.parametrize("kind", KINDS)
def test_copies_have_the_expectation_of_their_weights(kind):
    weight = np.array([0.02, 0.38, 0.0, 0.25, 0.35])
    rng = np.random.default_rng(7)
    tries = 4_000
    total, square = np.zeros(5), np.zeros(5)
    for _ in range(tries):
        copies = np.bincount(ancestors(kind, weight, rng.random(5)), minlength=5)
        total += copies
        square += np.square(copies)
    mean = total / tries
    error = np.sqrt(np.maximum(square / tries - mean**2, 1e-12) / tries)
    assert np.all(np.abs(mean - 5 * weight) < 4 * error + 1e-9)


weights = st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda w: sum(w) > 0)


@given(weights, st.integers(0, 2**32), st.sampled_from(KINDS))
@settings(max_examples=200, deadline=None)
def test_survivors_keep_their_slots_and_nobody_comes_from_nothing(raw, seed, kind):
    weight = np.array(raw) / np.sum(raw)
    uniform = np.random.default_rng(seed).uniform(1e-9, 1 - 1e-9, weight.size)
    slots = ancestors(kind, weight, uniform)
    copies = np.bincount(slots, minlength=weight.size)
    assert copies.sum() == weight.size
    assert np.all(slots[copies > 0] == np.flatnonzero(copies > 0))
    assert np.all(weight[copies > 0] > 0)
    if kind == "systematic":
        assert np.all(np.abs(copies - weight.size * weight) < 1 + 1e-9)
    if kind == "residual":
        assert np.all(copies >= np.floor(weight.size * weight - 1e-9))


@given(weights, st.floats(-700, 700))
@settings(max_examples=100, deadline=None)
def test_weights_do_not_know_the_likelihoods_constant(raw, constant):
    with np.errstate(divide="ignore"):
        log = np.log(np.array(raw))
    weight = normalise(log + constant)
    np.testing.assert_allclose(weight, np.array(raw) / np.sum(raw), atol=1e-12)
    assert 1 - 1e-9 <= effective_number(weight) <= weight.size + 1e-9


def test_moments_of_equal_weights_are_the_samples():
    members = np.random.default_rng(1).normal(size=(9, 3))
    mean, spread = moments(members, np.full(9, 1 / 9))
    np.testing.assert_allclose(mean, members.mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(spread, members.std(axis=0, ddof=1), rtol=1e-14)


def test_all_the_weight_in_one_particle_has_no_spread():
    mean, spread = moments(np.array([[1.0], [5.0]]), np.array([0.0, 1.0]))
    assert mean == [5.0]
    assert spread == [0.0]


def test_many_particles_give_bayes_rule():
    mean, covariance = np.array([0.2, 0.1]), np.array([[1.0, 0.5], [0.5, 2.0]])
    seen = window(gaussian_members(mean, covariance, 200_000), [0], [1.1], [0.5])
    analysis = analyse(seen, SirSettings(threshold=1.0))
    expected, posterior = kalman(mean, covariance, [0], [1.1], [0.5])
    np.testing.assert_allclose(analysis.mean, expected, atol=0.01)
    np.testing.assert_allclose(analysis.spread**2, np.diag(posterior), rtol=0.01)
    np.testing.assert_allclose(analysis.members.mean(axis=0), expected, atol=0.01)


def test_weights_wait_in_memory_and_multiply():
    members = gaussian_members(np.zeros(2), np.eye(2), 50)
    first = analyse(window(members, [0], [0.3], [1.0]), SirSettings(threshold=0.0))
    np.testing.assert_array_equal(first.members, members)
    again = analyse(
        window(members, [1], [-0.2], [1.0], memory=first.memory), SirSettings(threshold=0.0)
    )
    both = analyse(window(members, [0, 1], [0.3, -0.2], [1.0, 1.0]), SirSettings(threshold=0.0))
    np.testing.assert_allclose(again.mean, both.mean, atol=1e-14)
    np.testing.assert_allclose(again.memory, both.memory, atol=1e-12)


def test_jitter_leaves_first_copies_alone_and_has_the_kernels_covariance():
    m = 4000
    members = gaussian_members(np.zeros(2), np.array([[1.0, 0.6], [0.6, 1.0]]), m)
    log_weight = np.where(np.arange(m) < m // 2, 0.0, -np.inf)
    out = settle(
        window(members, [0], [0.0], [1.0]), members, log_weight,
        ResamplingSettings(threshold=1.0, jitter=1.5),
    )  # fmt: skip
    np.testing.assert_array_equal(out.members[: m // 2], members[: m // 2])
    moved = out.members[m // 2 :] - members[: m // 2]
    expected = (1.5 * m ** (-1 / 6)) ** 2 * np.cov(members[: m // 2].T)
    np.testing.assert_allclose(np.cov(moved.T), expected, rtol=0.12)


def test_a_students_error_is_weighted_as_one():
    members = gaussian_members(np.zeros(1), np.eye(1), 300)
    seen = window(members, [0], [8.0], [0.01])
    light = analyse(seen, SirSettings(threshold=0.0))
    heavy = analyse(seen._replace(noise_kind=np.array([STUDENT_T])), SirSettings(threshold=0.0))
    weight = 1 / (1 + np.square(8.0 - members[:, 0]) / 0.01)
    np.testing.assert_allclose(heavy.mean[0], weight @ members[:, 0] / weight.sum(), rtol=1e-12)
    assert heavy.health["ess"] > 100 > light.health["ess"]


def test_refusals():
    one = window(np.zeros((1, 2)), [0], [0.0], [1.0])
    with pytest.raises(ConfigError, match="ensemble of 1"):
        analyse(one, SirSettings())
    broken = window(np.array([[0.0], [np.nan]]), [0], [0.0], [1.0])
    with pytest.raises(RunError, match="not finite"):
        analyse(broken, SirSettings())
    with pytest.raises(RunError, match="not finite"):
        analyse(window(np.array([[0.0], [1.0]]), [0], [np.inf], [1.0]), SirSettings())
    with pytest.raises(RunError, match="weight 0"):
        normalise(np.full(3, -np.inf))
    with pytest.raises(RunError, match="not a number"):
        normalise(np.array([0.0, np.nan]))
    with pytest.raises(ValidationError):
        SirSettings(threshold=1.5)
    with pytest.raises(ValidationError):
        SirSettings(jitter=-1.0)
    with pytest.raises(ValidationError):
        SirSettings(resampling="stratified")
