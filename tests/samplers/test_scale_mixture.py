"""Errors as Gaussian ones of random precision: the factors' distributions, and what they mix to."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.densities import GAUSSIAN, LAPLACE, STUDENT_T
from halocast.samplers.scale_mixture import draw_scales, expected_factor, precision_factor
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

MANY = 40_000


def factors(kind: int, z: float, df: float = 3.0, sd: float = 0.3) -> np.ndarray:
    """Many precision factors given the residual z sd."""
    kinds, dfs = np.array([kind]), np.array([df])
    drawn = draw_scales(
        np.array([5]), kinds, dfs, members=MANY // 4, sweeps=4, seed=3, cycle=2
    )  # fmt: skip
    first, last = drawn[:, 0, 0].ravel(), drawn[:, -1, 0].ravel()
    return np.array([precision_factor(kind, a, b, z * sd, sd, df) for a, b in zip(first, last)])


@pytest.mark.parametrize("z", [0.1, 0.9, 4.0, 40.0])
def test_laplace_factors_are_inverse_gaussian(z: float) -> None:
    mean = np.sqrt(2) / z
    exact = stats.invgauss(mean / 2, scale=2)
    assert exact.mean() == pytest.approx(mean)
    found = factors(LAPLACE, z)
    assert stats.kstest(found, exact.cdf).pvalue > 0.01
    assert np.mean(1 / found) == pytest.approx(z / np.sqrt(2) + 0.5, rel=0.02)


def test_laplace_factors_of_no_residual() -> None:
    """The mean is infinite there, not a draw: 1 / l is half a squared normal."""
    assert stats.kstest(2 / factors(LAPLACE, 0.0), stats.chi2(1).cdf).pvalue > 0.01


@pytest.mark.parametrize("z", [0.0, 2.0, 30.0])
def test_student_t_factors_are_gamma(z: float) -> None:
    exact = stats.gamma(2.0, scale=2 / (3 + z**2))
    assert stats.kstest(factors(STUDENT_T, z), exact.cdf).pvalue > 0.01


def test_alternating_residuals_and_factors_are_laplace() -> None:
    """Gibbs between r | l ~ N(0, sd^2 / l) and l | r: moments and distribution of Laplace."""
    rng = np.random.default_rng(4)
    chains, sweeps, sd = 3000, 20, 0.7
    residual = sd * stats.laplace(scale=np.sqrt(0.5)).rvs(chains, random_state=rng)
    drawn = draw_scales(
        np.array([1]), np.array([LAPLACE]), np.zeros(1), members=chains, sweeps=sweeps, seed=1,
        cycle=1,
    )  # fmt: skip
    for t in range(sweeps):
        for i in range(chains):
            factor = precision_factor(
                LAPLACE, drawn[t, 0, 0, i], drawn[t, 1, 0, i], residual[i], sd, 0.0
            )
            residual[i] = sd * rng.normal() / np.sqrt(factor)
    assert stats.kstest(residual / sd, stats.laplace(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
    assert residual.var() == pytest.approx(sd**2, rel=0.15)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-1e200, 1e200), st.floats(1e-20, 60.0), st.floats(1e-16, 1 - 1e-16),
    st.sampled_from([0.0, 1e-300, 1e-8, 1.0]),
)  # fmt: skip
def test_any_laplace_factor_is_positive(z: float, y: float, choice: float, shrink: float) -> None:
    found = precision_factor(LAPLACE, y, choice, z * shrink, 1.0, 0.0)
    assert 0 < found < np.inf


def test_draws_do_not_depend_on_their_neighbours() -> None:
    kinds, df = np.array([LAPLACE, GAUSSIAN, STUDENT_T, LAPLACE]), np.array([0, 0, 4.0, 0])
    number = np.array([11, 12, 13, 14])
    numbers = {"members": 5, "sweeps": 3, "seed": 2, "cycle": 7}
    together = draw_scales(number, kinds, df, **numbers)
    assert together.shape == (3, 2, 4, 5)
    assert (together[:, :, 1] == 1).all()
    for k in range(4):
        alone = draw_scales(number[k : k + 1], kinds[k : k + 1], df[k : k + 1], **numbers)
        rows = alone.shape[1]
        assert rows == (2 if kinds[k] == LAPLACE else 1)
        np.testing.assert_array_equal(alone[:, :, 0], together[:, :rows, k])


def test_first_guesses_fall_with_the_residual() -> None:
    for kind, df in ((LAPLACE, 0.0), (STUDENT_T, 3.0)):
        guess = [expected_factor(kind, r, 0.5, df, 0.2) for r in (0.0, 0.5, 5.0, 50.0)]
        assert np.all(np.diff(guess) < 0)
    assert expected_factor(GAUSSIAN, 9.0, 0.5, 0.0, 0.2) == 1.0
