"""What keeps the spread: inflation, relaxation, the R-factor, spread reduction, rotation."""

from __future__ import annotations

import numpy as np
import pytest
from ensemble_cases import DETERMINISTIC, UNTAPERED, covariance, kalman, run, window_of
from halocast.filters.ensemble.rotation import rotation
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st


def spread(members: np.ndarray) -> np.ndarray:
    return members.std(axis=0, ddof=1)


def scalar_window(prior: float, error: float):
    window = window_of(8, 1, 1)
    now = covariance(window.forecast)[0, 0]
    mean = window.forecast.mean(axis=0)
    scaled = mean + np.sqrt(prior / now) * (window.forecast - mean)
    return window._replace(forecast=scaled, predicted=scaled, error=np.array([np.sqrt(error)]))


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_r_factor_of_a_scalar_as_published(name: str) -> None:
    """P = 2, R = 1, f = 3: P f R / (P + f R) = 1.2 instead of 2/3; the mean stays."""
    window = scalar_window(2.0, 1.0)
    plain, wide = run(name, window), run(name, window, r_factor=3.0)
    assert covariance(plain.members)[0, 0] == pytest.approx(2 / 3, abs=1e-14)
    assert covariance(wide.members)[0, 0] == pytest.approx(1.2, abs=1e-14)
    np.testing.assert_allclose(wide.mean, plain.mean, rtol=0, atol=1e-15)


@pytest.mark.parametrize("p", [5, 30])
@pytest.mark.parametrize("name", ["etkf", "denkf", "enkf"])
def test_r_factor_is_the_mean_with_r_and_anomalies_with_more(name: str, p: int) -> None:
    window = window_of(p=p)
    wide = run(name, window._replace(error=np.sqrt(2.5) * window.error))
    found = run(name, window, r_factor=2.5)
    np.testing.assert_allclose(found.mean, kalman(window)[0], rtol=0, atol=1e-13)
    expected = wide.members - wide.mean
    np.testing.assert_allclose(found.members - found.mean, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", UNTAPERED)
def test_relaxation(name: str) -> None:
    window = window_of()
    before, plain = window.forecast - window.forecast.mean(axis=0), run(name, window)
    own = plain.members - plain.mean

    restored = run(name, window, rtps=1.0).members
    np.testing.assert_allclose(spread(restored), spread(window.forecast), rtol=1e-14)
    half = run(name, window, rtps=0.5).members
    expected = 0.5 * (spread(plain.members) + spread(window.forecast))
    np.testing.assert_allclose(spread(half), expected, rtol=1e-14)

    mixed = run(name, window, rtpp=0.3)
    np.testing.assert_allclose(mixed.members - mixed.mean, 0.7 * own + 0.3 * before, atol=4e-15)
    reduced = run(name, window, spread_reduction=0.7)
    np.testing.assert_allclose(reduced.members, mixed.members, rtol=0, atol=1e-15)
    for found in (mixed, reduced):
        np.testing.assert_allclose(found.mean, plain.mean, rtol=0, atol=4e-15)

    none = run(name, window, spread_reduction=0.0)
    np.testing.assert_allclose(none.members - none.mean, before, rtol=0, atol=4e-15)


@pytest.mark.parametrize("name", UNTAPERED)
def test_inflation_multiplies_anomalies(name: str) -> None:
    window = window_of()
    plain, found = run(name, window), run(name, window, inflation=1.3)
    np.testing.assert_allclose(found.mean, plain.mean, rtol=0, atol=1e-15)
    np.testing.assert_allclose(
        covariance(found.members), 1.69 * covariance(plain.members), rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize("name", UNTAPERED)
def test_rotation_keeps_mean_and_covariance(name: str) -> None:
    window = window_of()
    plain, found = run(name, window), run(name, window, rotation=1)
    np.testing.assert_allclose(found.mean, plain.mean, rtol=0, atol=2e-15)
    np.testing.assert_allclose(covariance(found.members), covariance(plain.members), atol=1e-14)
    assert np.abs(found.members - plain.members).max() > 0.1


def test_rotation_every_few_cycles_is_common_to_all_windows() -> None:
    window, plain = window_of(), run("etkf", window_of())
    assert np.array_equal(run("etkf", window, rotation=2).members, plain.members)  # cycle 3
    turned = run("etkf", window, rotation=3).members
    assert np.array_equal(run("etkf", window._replace(block=7), rotation=3).members, turned)


@given(seed=st.integers(0, 2**63), m=st.integers(2, 60))
@hypothesis_settings(max_examples=30, deadline=None)
def test_rotations_are_orthogonal_and_fix_the_mean(seed: int, m: int) -> None:
    omega = rotation(seed, 5, m)
    np.testing.assert_allclose(omega @ omega.T, np.eye(m), rtol=0, atol=1e-14)
    np.testing.assert_allclose(omega.sum(axis=1), 1.0, rtol=0, atol=1e-13)
    np.testing.assert_allclose(omega.sum(axis=0), 1.0, rtol=0, atol=1e-13)


def test_rotations_are_uniform() -> None:
    """Haar: elements of an orthogonal k x k matrix have mean 0, variance 1/k, and so its trace 1.

    The trace of our m x m rotation is 1 + that of the inner one, whose variance is 1.
    """
    traces = np.array([np.trace(rotation(1, c, 6)) for c in range(3000)]) - 1.0
    assert abs(traces.mean()) < 4 / np.sqrt(3000)
    assert traces.var() == pytest.approx(1.0, abs=0.11)
