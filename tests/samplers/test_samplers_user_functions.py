"""Operators and densities of one's own: a square, and a Laplace density with its kink."""

from __future__ import annotations

import numpy as np
from halocast.samplers.densities import apply_operator, log_density
from halocast.samplers.quadrature import compile_sampler
from numba import njit
from sampler_reference import brute_force, condition, scalar

SQUARE, LAPLACE = 7, 5


@njit
def my_operator(code, s, center, scale):
    return s * s if code == SQUARE else apply_operator(code, s, center, scale)


@njit
def my_density(code, residual, sd, df):
    return -abs(residual) / sd if code == LAPLACE else log_density(code, residual, sd, df)


def test_square_with_laplace_noise_and_the_built_in_beside_it() -> None:
    sampler = compile_sampler(my_operator, my_density)
    mu = np.array([-1.1, -0.2, 0.8, 1.6])
    mine = scalar(mu, 0.5, 1.0, 0.3, SQUARE, LAPLACE)
    usual = scalar(mu, 0.5, 0.4, 0.2)
    found = condition([mine, usual], sampler=sampler)
    log_mass, mean, variance = brute_force(mine, lambda z: -np.abs(1.0 - z * z) / 0.3, [-1.0, 1.0])
    assert np.abs(found.log_weight[0, 0] - log_mass).max() < 1e-9
    assert np.abs(found.mean[0] - mean).max() < 1e-8
    assert np.allclose(found.variance[0], variance, rtol=1e-7)
    assert np.array_equal(found.log_weight[1], condition([usual]).log_weight[0])
