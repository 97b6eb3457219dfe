"""The tail: its covariance obeys the recursion on average; without one it is the plain filter."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.operation import TailEtkfSettings, smoothing_factor, tail_smoothing
from halocast.laboratory.methods import EnsembleMethod
from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.trial import run_trial
from operation_windows import random_window

SETTINGS = TailEtkfSettings(interval=1.0, half_life=3.0, tail=12)


def test_without_a_tail_it_is_the_kalman_filter():
    window = random_window(6, 5, 3, 1)
    analysis = tail_smoothing.analyse(window, SETTINGS)
    x = window.forecast.mean(axis=0)
    p = np.cov(window.forecast.T)
    gain = p[:, :3] @ np.linalg.inv(p[:3, :3] + np.diag(window.variance))
    np.testing.assert_allclose(analysis.mean, x + gain @ (window.value - x[:3]), atol=1e-13)
    np.testing.assert_allclose(np.cov(analysis.members.T), p - gain @ p[:3], atol=1e-13)
    assert analysis.memory.shape == (12, 5)


def test_the_mean_takes_the_lengthened_ensembles_covariance():
    window = random_window(6, 5, 3, 2)._replace(
        memory=np.random.default_rng(0).normal(size=(12, 5))
    )
    s = smoothing_factor(1.0, 3.0)
    p = s * np.cov(window.forecast.T) + (1 - s) * window.memory.T @ window.memory
    x = window.forecast.mean(axis=0)
    gain = p[:, :3] @ np.linalg.inv(p[:3, :3] + np.diag(window.variance))
    wanted = x + gain @ (window.value - x[:3])
    found = tail_smoothing.analyse(window, SETTINGS)
    np.testing.assert_allclose(found.mean, wanted, atol=1e-12)
    plain = tail_smoothing.analyse(window._replace(memory=None), SETTINGS)  # members: their own T
    np.testing.assert_allclose(found.members - found.mean, plain.members - plain.mean, atol=1e-12)


def test_on_average_the_tail_obeys_the_recursion():
    """29 steps, 400 realisations: the mean of X'X is the smoothed covariance within 5 %."""
    steps, realisations, m, n = 29, 400, 6, 4
    rng = np.random.default_rng(3)
    ensembles = rng.normal(size=(steps, m, n)) * np.linspace(1, 2, steps)[:, None, None]
    ensembles -= ensembles.mean(axis=1, keepdims=True)
    share, exact, total = smoothing_factor(1.0, 3.0), None, np.zeros((n, n))
    for a in ensembles:
        now = a.T @ a / (m - 1)
        exact = now if exact is None else share * now + (1 - share) * exact
    for seed in range(realisations):
        memory = None
        for t, a in enumerate(ensembles):
            window = random_window(m, n, 1, 0)._replace(seed=seed, cycle=t + 1, memory=memory)
            longer = tail_smoothing.lengthened(window, a / np.sqrt(m - 1), SETTINGS)
            memory = tail_smoothing.next_tail(window, longer, SETTINGS)
        total += longer.T @ longer / realisations
    assert np.linalg.norm(total - exact) < 0.05 * np.linalg.norm(exact)


def test_short_memory_keeps_up_with_lorenz():
    """Half-lives far below the interval: the plain filter's error (0.60 in the papers)."""
    setting = TailEtkfSettings(interval=1.0, half_life=0.2, tail=20, inflation=1.04)
    method = EnsembleMethod(tail_smoothing.analyse, setting, 10)
    assert run_trial(sakov2012(), method, 1, 600).analysis < 0.75


def test_what_a_tail_cannot_see_is_refused():
    window = random_window(5, 4, 2, 1)
    with pytest.raises(ConfigError, match="scalars of the state"):
        tail_smoothing.analyse(window._replace(predicted=window.predicted**2), SETTINGS)
    with pytest.raises(ConfigError, match="scalars of the state"):
        tail_smoothing.analyse(window._replace(scalar=np.array([-1, 0])), SETTINGS)
    with pytest.raises(ConfigError, match="taper"):
        tail_smoothing.analyse(window._replace(taper=np.ones((4, 2))), SETTINGS)
