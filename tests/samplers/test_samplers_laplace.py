"""Laplace errors: a density with a kink and straight tails, against algebra and fine grids."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.densities import (
    ARCTAN,
    GAUSSIAN,
    IDENTITY,
    LAPLACE,
    STUDENT_T,
    is_closed_form,
    laplace_quantile,
    log_density,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sampler_reference import brute_force, condition, draw, log_likelihood, scalar
from scipy import stats
from scipy.special import log_ndtr, ndtr

MU = np.array([-0.7, 0.2, 0.35, 1.3])


def two_truncated(mu: np.ndarray, sd: float, y: float, error: float) -> tuple[np.ndarray, ...]:
    """Log I, mean and variance of N(mu, sd^2) exp(-c |z - y|): two truncated normals.

    On z < y the slope is c = sqrt(2) / error: a normal about mu + c sd^2 cut at y; beyond it,
    mirrored.
    """
    c = np.sqrt(2) / error
    log_mass, mean, square = [], [], []
    for sign in (1.0, -1.0):
        centre = sign * mu + c * sd**2  # of sign z, which is below sign y
        edge = (sign * y - centre) / sd
        log_mass.append(c * (centre - sign * y) - 0.5 * (c * sd) ** 2 + log_ndtr(edge))
        ratio = np.exp(stats.norm.logpdf(edge) - log_ndtr(edge))
        mean.append(sign * (centre - sd * ratio))
        square.append(sd**2 * (1 - edge * ratio - ratio**2) + mean[-1] ** 2)
    total = np.logaddexp(*log_mass)
    share = np.exp(np.array(log_mass) - total)
    first = (share * mean).sum(axis=0)
    return total, first, (share * square).sum(axis=0) - first**2


def test_normalisation_and_moments() -> None:
    """With the constant log(sqrt(2) sd) left out it integrates to sqrt(2) sd; sd is the sd."""
    x, w = np.polynomial.legendre.leggauss(40)
    edges = 0.3 * np.arange(0, 41)
    z = (0.5 * (edges[1:] + edges[:-1])[:, None] + 0.15 * x).ravel()
    rule = np.tile(0.15 * w, 40)
    density = np.exp([log_density(LAPLACE, r, 0.3, 0.0) for r in z]) / (np.sqrt(2) * 0.3)
    for power, expected in ((0, 1.0), (2, 0.3**2), (4, 6 * 0.3**4)):
        assert 2 * (rule * z**power) @ density == pytest.approx(expected, rel=1e-12)


def test_quantiles_are_those_of_scipy() -> None:
    u = np.array([2.0**-54, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-9])  # the first: the smallest drawn
    exact = stats.laplace(scale=np.sqrt(0.5)).ppf(u)
    np.testing.assert_allclose(laplace_quantile(u), exact, rtol=1e-7, atol=1e-15)


def test_only_gaussian_errors_have_the_closed_form() -> None:
    noise = np.array([GAUSSIAN, STUDENT_T, LAPLACE, GAUSSIAN])
    assert (
        is_closed_form(np.array([IDENTITY] * 3 + [ARCTAN]), noise).tolist() == [True] + [False] * 3
    )


@settings(max_examples=60, deadline=None)
@given(
    mu=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    sd=st.floats(0.05, 2.0),
    value=st.floats(-3, 3),
    ratio=st.floats(-3, 2).map(lambda power: 10.0**power),
    weight=st.sampled_from([1.0, 0.41, 0.0046]),
)
def test_one_scalar_is_two_truncated_normals(
    mu: list[float], sd: float, value: float, ratio: float, weight: float
) -> None:
    """Log I and mean to 1e-10, errors from 0.001 to 100 times the model noise."""
    found = condition([scalar(mu, sd, value, ratio * sd, IDENTITY, LAPLACE)], (weight,))
    log_mass, mean, variance = two_truncated(
        np.asarray(mu), sd, value, ratio * sd / np.sqrt(weight)
    )
    np.testing.assert_allclose(found.log_weight[0, 0], log_mass, rtol=1e-10, atol=1e-10)
    if ratio > 0.03:  # the algebra of the moments cancels where the observation is sharp
        near = 1e-10 if weight == 1 else 1e-9  # windows are those of the untapered likelihood
        np.testing.assert_allclose(found.mean[0], mean, rtol=0, atol=near * sd)
        np.testing.assert_allclose(found.variance[0], variance, rtol=1e-7)
    else:
        np.testing.assert_allclose(found.mean[0], mean, rtol=0, atol=1e-6 * sd)


def test_observations_of_one_scalar_each_have_their_kink() -> None:
    """Also two that are nearly one, and densities of other kinds beside them."""
    values, errors = [0.1, 0.5, 0.9, 0.5000001, 0.7, -0.2], [0.1, 0.2, 0.05, 0.1, 0.2, 0.3]
    one = scalar(MU, 0.5, values, errors, IDENTITY, LAPLACE)
    one = one._replace(noise=[LAPLACE] * 4 + [GAUSSIAN, STUDENT_T])
    found = condition([one], (0.3, 1.0))
    for k, weight in enumerate((0.3, 1.0)):
        log_mass, mean, variance = brute_force(one, log_likelihood(one, weight), values)
        assert np.abs(found.log_weight[0, k] - log_mass).max() < 1e-10
        if k == 0:
            assert np.abs(found.mean[0] - mean).max() < 1e-10
            assert np.allclose(found.variance[0], variance, rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    distance=st.floats(5, 2000),
    ratio=st.floats(-2, 1).map(lambda power: 10.0**power),
    side=st.sampled_from([-1.0, 1.0]),
)
def test_an_observation_far_in_the_tail(distance: float, ratio: float, side: float) -> None:
    """Nothing underflows: members move by q sqrt(2) / error, or to the observation if nearer."""
    mu = np.array([0.0, 1.0, 2.5])
    one = scalar(mu, 1.0, side * distance, ratio, IDENTITY, LAPLACE)
    found = condition([one])
    log_mass, mean, _ = two_truncated(mu, 1.0, side * distance, ratio)
    assert np.allclose(found.log_weight[0, 0], log_mass, rtol=1e-10)
    assert np.abs(found.mean[0] - mean).max() < 1e-8
    assert np.isfinite(found.variance).all()
    drawn = draw(one, np.arange(3), np.zeros(3))
    assert np.abs(drawn - mean).max() < 0.7 * np.sqrt(found.variance[0]).max() + 1e-6


def test_windows_end_somewhere_and_nothing_is_lost() -> None:
    """Beyond 448 model-noise sd members stop at their windows' ends; weights stay finite."""
    found = condition([scalar([0.0, 1.0], 1.0, 1e5, 1e-4, IDENTITY, LAPLACE)])
    assert np.isfinite(found.log_weight).all()
    assert (found.mean[0] > 400).all()


@pytest.mark.parametrize("operator", [IDENTITY, ARCTAN])
def test_draws_on_both_sides_of_the_kink(operator: int) -> None:
    place = 0.45
    value = np.arctan(place) if operator == ARCTAN else place
    one = scalar([0.3], 0.5, value, 0.05, operator, LAPLACE)
    below = (
        brute_force(one, _below(one, place), [place])[0]
        - brute_force(one, log_likelihood(one), [place])[0]
    )
    normal = np.linspace(-3, 3, 401)
    drawn = draw(one, np.zeros(401, dtype=int), normal)
    crossing = np.interp(place, drawn, normal)
    assert ndtr(crossing) == pytest.approx(np.exp(below[0]), abs=2e-3)


def _below(one, place):
    def at(z):
        return np.where(z < place, log_likelihood(one)(z), -np.inf)

    return at
