"""Covariances smoothed in time: the published factors, the noise they leave, the plain filter."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.operation import (
    SmoothedEsrfSettings,
    covariances,
    smoothed,
    smoothed_esrf,
    smoothing_factor,
)
from halocast.filters.operation.covariances import Covariances
from hypothesis import given, settings
from hypothesis import strategies as st
from operation_windows import random_window
from pydantic import ValidationError

SHARP = SmoothedEsrfSettings(interval=1.0, half_life=1e-9)  # remembers nothing: s = 1


def test_the_published_smoothing_factors():
    assert smoothing_factor(5, 180) == pytest.approx(0.0190699, abs=5e-8)  # MIKE FM's text: 0.0191
    assert smoothing_factor(20, 60) == pytest.approx(0.206299474015900, abs=1e-15)  # DHI's log


@given(st.floats(0.01, 10), st.floats(0.01, 10), st.floats(0.1, 10))
def test_half_of_what_was_remembered_is_left_after_a_half_life(a, b, half_life):
    left = (1 - smoothing_factor(a, half_life)) * (1 - smoothing_factor(b, half_life))
    assert 1 - smoothing_factor(a + b, half_life) == pytest.approx(left, rel=1e-10)
    assert smoothing_factor(half_life, half_life) == pytest.approx(0.5)


def test_smoothing_takes_white_noise_down_to_its_share():
    """2000 scalars and 300 cycles after 600 of settling: variance within 1 %."""
    share, rng, station = 0.0191, np.random.default_rng(1), np.zeros(1)
    held, variances = None, []
    for t in range(900):
        now = Covariances(station, rng.normal(size=(2000, 1)), np.ones((1, 1)))
        held = smoothed(held, now, share)
        if t >= 600:
            variances.append(held.state.var())
    assert share / (2 - share) == pytest.approx(0.00964, abs=1e-5)  # sd ten times less
    print(f"variance left {np.mean(variances):.5f}, theory {share / (2 - share):.5f}")
    assert np.mean(variances) == pytest.approx(share / (2 - share), rel=0.01)


@given(st.integers(2, 8), st.integers(1, 9), st.integers(0, 6), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_without_memory_it_is_the_kalman_filter(m, n, p, seed):
    window = random_window(m, n, p, seed)
    analysis = smoothed_esrf.analyse(window, SHARP)
    x, heard = window.forecast.mean(axis=0), window.predicted.mean(axis=0)
    a, y = window.forecast - x, window.predicted - heard
    c, d = a.T @ y / (m - 1), y.T @ y / (m - 1)
    gain = c @ np.linalg.inv(d + np.diag(window.variance))
    np.testing.assert_allclose(analysis.mean, x + gain @ (window.value - heard), atol=1e-12)
    np.testing.assert_allclose(
        np.atleast_2d(np.cov(analysis.members.T)), a.T @ a / (m - 1) - gain @ c.T, atol=1e-12
    )


def test_the_mean_is_that_of_the_filter_with_the_smoothed_covariances():
    setting = SmoothedEsrfSettings(interval=1.0, half_life=3.0)
    first, second = (random_window(6, 7, 4, seed) for seed in (1, 2))
    memory = smoothed_esrf.analyse(first, setting).memory
    analysis = smoothed_esrf.analyse(second._replace(memory=memory, cycle=2), setting)
    share = smoothing_factor(1.0, 3.0)
    old, new = (covariances.ensemble_covariances(w) for w in (first, second))
    c, d = (share * b + (1 - share) * a for a, b in ((old[1], new[1]), (old[2], new[2])))
    gain = c @ np.linalg.inv(d + np.diag(second.variance))
    departure = second.value - second.predicted.mean(axis=0)
    wanted = second.forecast.mean(axis=0) + gain @ departure
    np.testing.assert_allclose(analysis.mean, wanted, atol=1e-13)


def test_a_missing_observation_is_smoothed_and_not_used():
    setting = SmoothedEsrfSettings(interval=1.0, half_life=3.0)
    window = random_window(6, 7, 4, 3)
    gone = window._replace(value=np.where(np.arange(4) == 2, np.nan, window.value))
    whole, without = (smoothed_esrf.analyse(w, setting) for w in (window, gone))
    np.testing.assert_array_equal(whole.memory.state, without.memory.state)
    there = np.array([0, 1, 3])
    fewer = window._replace(
        **{name: getattr(window, name)[there] for name in ("number", "value", "error", "weight")},
        noise_kind=window.noise_kind[there], df=window.df[there], scalar=window.scalar[there],
        predicted=window.predicted[:, there],
    )  # fmt: skip
    other = smoothed_esrf.analyse(fewer, setting)
    np.testing.assert_allclose(without.members, other.members, atol=1e-13)


def test_a_station_that_comes_back_finds_its_covariances():
    now = Covariances(np.arange(3.0), np.ones((2, 3)), np.eye(3))
    held = smoothed(now, Covariances(np.array([2.0]), np.zeros((2, 1)), np.zeros((1, 1))), 0.25)
    np.testing.assert_array_equal(held.state, [[1, 1, 0.75]] * 2)
    held = smoothed(held, Covariances(np.array([2.0, 7]), np.zeros((2, 2)), np.eye(2)), 0.5)
    np.testing.assert_array_equal(held.station, [0, 1, 2, 7])
    assert np.isnan(held.between[0, 3])
    assert held.between[2, 3] == 0
    held = smoothed(held, Covariances(np.array([0.0, 7]), np.ones((2, 2)), np.eye(2)), 0.5)
    assert held.between[0, 3] == 0


def test_a_noisy_single_cycle_cannot_make_the_spread_collapse_or_turn_over():
    """Anomalies of a hundredfold variance beside a small smoothed one: alpha stays below 1."""
    setting = SmoothedEsrfSettings(interval=1.0, half_life=1e6)
    small = random_window(5, 1, 1, 4)
    large = small._replace(
        forecast=100 * small.forecast, predicted=100 * small.predicted, cycle=2,
        memory=smoothed_esrf.analyse(small, setting).memory,
    )  # fmt: skip
    after = smoothed_esrf.analyse(large, setting).members
    before = large.forecast - large.forecast.mean(axis=0)
    assert ((after - after.mean(axis=0)) * before > 0).all()


def test_moving_stations_are_refused():
    setting = SmoothedEsrfSettings(interval=1.0, half_life=3.0)
    window = random_window(5, 9, 2, 1)
    memory = smoothed_esrf.analyse(window, setting).memory
    moved = window._replace(scalar=np.array([7, 8]), memory=memory)
    with pytest.raises(ConfigError, match="stations are other ones"):
        smoothed_esrf.analyse(moved, setting)


@pytest.mark.parametrize("bad", [{"half_life": 0}, {"interval": -1}, {"inflation": -1}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValidationError):
        SmoothedEsrfSettings(**{"interval": 1, "half_life": 1} | bad)
