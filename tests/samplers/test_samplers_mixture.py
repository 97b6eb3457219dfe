"""The closed form of the conditioned mixture against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.mixture import condition_mixture, mixture_moments, normalise_log_weights

RNG = np.random.default_rng(4)
MU = RNG.normal(size=(6, 5))
NOISE = np.array([0.3, 1.2, 0.7, 0.5, 2.0])
SCALAR = np.array([3, 0, 3, 1, 3])
VALUE = RNG.normal(size=5)
ERROR = np.array([0.4, 0.2, 0.9, 1.5, 0.4])


def dense(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and covariance with matrices (paper, Example 3.1)."""
    q, r = np.diag(NOISE**2), np.diag(ERROR**2)
    c = np.eye(5)[SCALAR]
    covariance = np.linalg.inv(np.linalg.inv(q) + c.T @ np.linalg.inv(r) @ c)
    means = (np.linalg.inv(q) @ mu.T + (c.T @ np.linalg.inv(r) @ VALUE)[:, None]).T @ covariance.T
    d = VALUE - mu @ c.T
    log_w = -0.5 * np.einsum("ji,ik,jk->j", d, np.linalg.inv(c @ q @ c.T + r), d)
    w = np.exp(log_w - log_w.max())
    return w / w.sum(), means, covariance


def test_against_dense_linear_algebra() -> None:
    weight, means, covariance = dense(MU)
    found = condition_mixture(MU, NOISE, SCALAR, VALUE, ERROR)
    assert np.allclose(found.weight, weight, rtol=1e-11)
    assert np.allclose(found.mean, means, atol=1e-12)
    assert np.allclose(found.variance, np.diag(covariance), rtol=1e-12)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-14)


def test_two_equal_observations_of_one_scalar_leave_a_third_of_the_variance() -> None:
    two = condition_mixture(np.zeros((2, 1)), np.ones(1), np.array([0, 0]), np.zeros(2), np.ones(2))
    assert two.variance[0] == pytest.approx(1 / 3)


def test_noise_free_scalars_stay_and_still_weigh() -> None:
    mu = np.array([[0.0], [1.0]])
    found = condition_mixture(mu, np.zeros(1), np.array([0]), np.array([1.0]), np.array([0.5]))
    assert np.array_equal(found.mean, mu)
    assert found.variance[0] == 0
    assert found.weight[1] / found.weight[0] == pytest.approx(np.exp(2.0))


@pytest.mark.parametrize("power", range(-10, 11, 5))
def test_units_do_not_matter(power: int) -> None:
    ours = condition_mixture(MU, NOISE, SCALAR, VALUE, ERROR)
    for base in (2.0, 10.0):
        f = base**power
        theirs = condition_mixture(MU * f, NOISE * f, SCALAR, VALUE * f, ERROR * f)
        if base == 2.0:
            assert np.array_equal(ours.weight, theirs.weight)
            assert np.array_equal(ours.mean * f, theirs.mean)
            assert np.array_equal(ours.variance * f * f, theirs.variance)
        else:
            assert np.allclose(ours.weight, theirs.weight, rtol=1e-9)
            assert np.allclose(ours.mean * f, theirs.mean, rtol=1e-9)


def test_weights_survive_any_scale_of_their_logarithms() -> None:
    out = np.empty(3)
    for shift in (0.0, -1e5, 1e5):
        mass, ess = normalise_log_weights(np.array([0.0, 0.0, -np.inf]) + shift, out)
        assert np.allclose(out, [0.5, 0.5, 0.0])
        assert mass == pytest.approx(shift + np.log(2 / 3))
        assert ess == pytest.approx(2.0)
    for lost in ([-np.inf] * 3, [0.0, np.nan, 0.0], [0.0, np.inf, 0.0]):
        assert not np.isfinite(normalise_log_weights(np.array(lost), out)[0])


def test_moments_of_equal_components_are_exact() -> None:
    weight = np.full(7, 1 / 7)
    mean, between = mixture_moments(weight, np.full(7, 0.1))
    assert (mean, between) == (0.1, 0.0)
