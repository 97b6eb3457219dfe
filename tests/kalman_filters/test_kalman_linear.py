"""Kalman's filter and what equals it where models and operators are linear."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.kalman.ekf import Ekf, EkfSettings
from halocast.filters.kalman.jacobians import central_difference, complex_step
from halocast.filters.kalman.kf import Kf, KfSettings
from halocast.filters.kalman.update import update
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.trial import run_trial
from halocast.models.small import lorenz63
from hypothesis import given, settings
from hypothesis import strategies as st
from kalman_cases import follow, linear_problem, observations, random_matrix, textbook


def test_combining_two_measurements_three_ways() -> None:
    """Weights, minimum and product of Gaussians are one estimate."""
    (t1, t2), (v1, v2) = (20.0, 23.0), (1.5, 0.4)
    weights = (v2 * t1 + v1 * t2) / (v1 + v2)
    k = v1 / (v1 + v2)
    mean, variance = update(
        np.array([t1]), np.array([[v1]]), np.eye(1), np.array([t2 - t1]), np.array([v2]), "test"
    )
    minimum = (t1 / v1 + t2 / v2) / (1 / v1 + 1 / v2)
    assert np.allclose([t1 + k * (t2 - t1), mean[0], minimum], weights, rtol=1e-15, atol=0)
    assert np.allclose([(1 - k) * v1, variance[0, 0]], 1 / (1 / v1 + 1 / v2), rtol=1e-15, atol=0)


@pytest.mark.parametrize("noise", [False, True])
def test_the_filter_is_the_textbook(noise: bool) -> None:
    problem = linear_problem(noise=noise)
    values = observations(problem, 30)
    found = follow(Kf(KfSettings()), problem, values)
    for (state, outcome), (mean, covariance) in zip(found, textbook(problem, values)):
        assert np.abs(state.mean - mean).max() < 1e-13
        assert np.abs(state.covariance - covariance).max() < 1e-13
        assert np.allclose(outcome.analysis_spread, np.sqrt(np.diag(covariance)), atol=1e-12)


@pytest.mark.parametrize("kind", ["known", "complex-step", "difference"])
def test_extended_is_plain_where_linear(kind: str) -> None:
    problem = linear_problem()
    values = observations(problem, 20)
    plain = follow(Kf(KfSettings()), problem, values)
    extended = follow(Ekf(EkfSettings(jacobian=kind)), problem, values)
    bound = 1e-8 if kind == "difference" else 2e-9  # the operator is differenced but for complex
    for (one, _), (other, _) in zip(plain, extended):
        assert np.abs(one.mean - other.mean).max() < bound
        assert np.abs(one.covariance - other.covariance).max() < bound


def test_the_mean_error_has_the_variance_the_filter_says() -> None:
    """Where everything is Gaussian and linear, spread is error."""
    problem = linear_problem()
    trial = run_trial(problem, Kf(KfSettings()), 3, cycles=3000)
    assert abs(trial.analysis / trial.spread - 0.96) < 0.06  # mean of roots < root of means


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 8),
    p=st.integers(1, 8),
    exponent=st.floats(-12, 12),
)
def test_joseph_stays_positive(seed: int, n: int, p: int, exponent: float) -> None:
    """Observations from 1e-6 to 1e6 times as accurate as the forecast, over and over."""
    covariance = np.cov(random_matrix(seed, n, 3 * n + 2)).reshape(n, n)
    h, variance = random_matrix(seed + 1, p, n), np.full(p, 10.0**exponent)
    for _ in range(5):
        _, covariance = update(np.zeros(n), covariance, h, np.zeros(p), variance, "test")
        values = np.linalg.eigvalsh(covariance)
        assert np.array_equal(covariance, covariance.T)
        assert values[0] >= -1e-15 * values[-1]


def test_the_short_form_does_not() -> None:
    """The case that asks for Joseph's form: the short one has a negative variance."""
    h, r = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0 + 1e-6]]), np.full(2, 1e-12)
    p = 1e3 * np.eye(3)
    k = np.linalg.solve(h @ p @ h.T + np.diag(r), h @ p).T
    short = (np.eye(3) - k @ h) @ p
    _, joseph = update(np.zeros(3), p, h, np.zeros(2), r, "test")
    worst = np.linalg.eigvalsh(0.5 * (short + short.T))[0]
    assert worst < -1e-9
    assert np.linalg.eigvalsh(joseph)[0] > 0


def test_derivatives_by_two_ways() -> None:
    def advance(members: np.ndarray) -> np.ndarray:
        x, y, z = members.T
        return np.stack([np.sin(x) * y, np.exp(0.1 * z), x * y * z], axis=1)

    state = np.array([0.7, -20.0, 3.0])
    exact = complex_step(advance, state)
    x, y, z = state
    truth = [[np.cos(x) * y, np.sin(x), 0], [0, 0, 0.1 * np.exp(0.1 * z)], [y * z, x * z, x * y]]
    assert np.allclose(exact, truth, rtol=1e-15, atol=0)
    assert np.allclose(central_difference(advance, state), exact, rtol=1e-7, atol=1e-8)


def test_known_derivative_of_lorenz_63_is_the_differences() -> None:
    problem = sakov2012()
    assert problem.tangent is not None
    state = np.array(lorenz63.START)
    found = central_difference(lambda x: problem.advance(x, 1), state)
    assert np.abs(found - problem.tangent(state, 1)).max() < 1e-7


def test_inflation_is_per_unit_of_time() -> None:
    """Two halves of an interval inflate as the whole does."""
    still = linear_problem(noise=False)
    still = Problem(**{**vars(still), "error": np.full(4, 1e9)})
    none = [np.zeros(4)] * 2
    whole = follow(Ekf(EkfSettings(inflation=5.0, interval=1.0)), still, none)[0][0]
    half = follow(Ekf(EkfSettings(inflation=5.0, interval=0.5)), still, none)[0][0]
    assert np.allclose(whole.covariance, np.sqrt(5.0) * half.covariance, rtol=1e-12)


class TestRefusals:
    def test_a_singular_r(self) -> None:
        for bad in (0.0, -1.0, np.nan, np.inf):
            problem = linear_problem()
            problem.error[2] = bad
            for method in (Kf(KfSettings()), Ekf(EkfSettings())):
                with pytest.raises(ConfigError, match=r"observation 2 .*R is singular"):
                    method.start(problem, 1)

    def test_a_state_too_large(self) -> None:
        problem = linear_problem()
        large = Problem(**{**vars(problem), "dimension": 1501})
        for method in (Kf(KfSettings()), Ekf(EkfSettings())):
            with pytest.raises(ConfigError, match=r"1501 scalars is too large .* stops at 1500"):
                method.start(large, 1)

    def test_a_model_that_is_not_linear(self) -> None:
        with pytest.raises(ConfigError, match="model of lorenz63-sakov2012 is not linear"):
            Kf(KfSettings()).start(sakov2012(), 1)

    def test_negative_settings(self) -> None:
        for bad in ({"inflation": -1.0}, {"interval": 0.0}, {"jacobian": "exact"}):
            with pytest.raises(ValueError, match="1 validation error"):
                EkfSettings(**bad)

    def test_a_derivative_that_is_not_known(self) -> None:
        problem = Problem(**{**vars(linear_problem()), "tangent": None})
        with pytest.raises(ConfigError, match="no tangent"):
            follow(Ekf(EkfSettings(jacobian="known")), problem, [np.zeros(4)])

    def test_functions_of_real_numbers(self) -> None:
        def compiled(members: np.ndarray) -> np.ndarray:
            if np.iscomplexobj(members):
                raise TypeError("no signature for complex numbers")
            return members

        for function in (lambda x: x.real, compiled):
            with pytest.raises(ConfigError, match="does not take complex numbers"):
                complex_step(function, np.ones(2))
