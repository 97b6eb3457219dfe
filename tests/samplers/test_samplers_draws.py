"""Draws of observed scalars: quantiles of the right distribution."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, LAPLACE, STUDENT_T
from sampler_reference import brute_force, condition, draw, log_likelihood, nodes, scalar
from scipy.special import ndtr, ndtri

NORMAL = np.linspace(-4.0, 4.0, 81)


@pytest.mark.parametrize("ratio", [2.0, 0.5, 0.1, 0.01])
@pytest.mark.parametrize("noise", [GAUSSIAN, STUDENT_T, LAPLACE])
def test_quantiles_are_those_of_the_conditional_distribution(ratio: float, noise: int) -> None:
    """The exact cumulative at each draw against that of the normal it came from."""
    place = 0.45
    one = scalar([0.1, 0.7], 0.5, np.arctan(place), 0.5 * ratio, ARCTAN, noise)
    z, rule = nodes(one, [place])
    for j in range(2):
        drawn = draw(one, np.full(NORMAL.size, j), NORMAL)
        density = rule * np.exp(log_likelihood(one)(z) - 0.5 * ((z - one.mu[j]) / one.sd) ** 2)
        cumulative = np.interp(drawn, z, (np.cumsum(density) - 0.5 * density) / density.sum())
        assert np.abs(cumulative - ndtr(NORMAL)).max() < 2e-3
        assert np.all(np.diff(drawn) > 0)


def test_gaussian_draws_are_the_gaussian() -> None:
    """To a few thousandths of the sd four of them out, and of fourth order in the step."""
    one = scalar([0.3], 1.0, 0.8, 1.0, IDENTITY, GAUSSIAN)
    found = condition([one])
    sd = np.sqrt(found.variance[0, 0])
    exact = found.mean[0, 0] + sd * NORMAL
    ancestor = np.zeros(NORMAL.size, dtype=int)
    error = [
        np.abs(draw(one, ancestor, NORMAL, step=step) - exact).max() / sd for step in (0.1, 0.05)
    ]
    assert error[0] < 0.01
    assert error[1] < error[0] / 12


def test_a_flat_likelihood_gives_the_forecast_back() -> None:
    """An arctan of depths in metres says nothing: each member keeps its own noise."""
    mu = np.array([3999.0, 4000.0, 4001.5])
    one = scalar(mu, 0.5, np.arctan(4000.0), 0.01)
    assert np.ptp(condition([one]).log_weight) < 1e-4
    normal = np.array([-1.5, 0.3, 2.5])
    drawn = draw(one, np.arange(3), normal)
    assert np.abs(drawn - (mu + 0.5 * normal)).max() < 1e-3


def test_moments_of_many_draws() -> None:
    """Draws at the midpoints of equal probabilities have the exact moments."""
    one = scalar([0.2], 0.5, np.arctan(0.9), 0.1)
    _, mean, variance = brute_force(one, log_likelihood(one), [0.9])
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    drawn = draw(one, np.zeros(quantiles.size, dtype=int), ndtri(quantiles))
    assert drawn.mean() == pytest.approx(mean[0], abs=2e-4)
    assert drawn.var() == pytest.approx(variance[0], rel=3e-3)


def test_the_block_of_four_arctan_cauchy_observations() -> None:
    """25 ancestors, sqrt(q) = 0.5, Cauchy of scale 0.1: P(j) exactly, moments by 2,000 draws."""
    rng = np.random.default_rng(7)
    mu = rng.normal(size=(4, 25))
    truth = mu[:, 3] + 0.5 * rng.normal(size=4)
    value = np.arctan(truth) + 0.1 * rng.standard_cauchy(4)
    block = [scalar(mu[c], 0.5, value[c], 0.1) for c in range(4)]
    found = condition(block)
    exact = [brute_force(one, log_likelihood(one), [np.tan(one.value[0])]) for one in block]
    log_p, log_exact = found.log_weight[:, 0].sum(axis=0), sum(e[0] for e in exact)
    p, p_exact = np.exp(log_p - log_p.max()), np.exp(log_exact - log_exact.max())
    p, p_exact = p / p.sum(), p_exact / p_exact.sum()
    assert np.abs(p - p_exact).max() < 1e-10
    ancestor = np.searchsorted(np.cumsum(p), (np.arange(2000) + 0.5) / 2000)
    assert np.abs(np.bincount(ancestor, minlength=25) / 2000 - p).max() < 0.02
    for one, (_, mean, variance) in zip(block, exact, strict=True):
        drawn = draw(one, ancestor, rng.normal(size=2000))
        total = p_exact @ mean
        spread = p_exact @ (variance + (mean - total) ** 2)
        assert abs(drawn.mean() - total) < 4 * np.sqrt(spread / 2000)
        assert drawn.var() == pytest.approx(spread, rel=0.2)
