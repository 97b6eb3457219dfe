"""Metropolis-adjusted Langevin, preconditioned by the model noise's covariance.

With G(u) = -u + grad log g(u) and tau = step^2,

    v = u + tau / 2 G(u) + sqrt(tau) xi,
    accept pi(v) q(v, u) / (pi(u) q(u, v)),    q(u, v) = N(v; u + tau / 2 G(u), tau I)

with both proposal densities (Roberts & Tweedie 1996, Bernoulli 2, 341-363). Cost: one likelihood
and its gradient a step.
"""

from __future__ import annotations

from numba import njit

from halocast.samplers.chains.walk import (
    GRADIENT,
    NEXT,
    NEXT_GRADIENT,
    NEXT_U,
    U,
    evaluate_gradient,
    settle,
    square,
)


@njit(cache=True, nogil=True, error_model="numpy")
def step_mala(problem, walk, j, log_like, step, normal, uniform):
    """One step of Metropolis-adjusted Langevin."""
    p, half = normal.size, 0.5 * step * step
    u, gradient = walk[U, :p], walk[GRADIENT, :p]
    v, next_gradient = walk[NEXT_U, :p], walk[NEXT_GRADIENT, :p]
    for k in range(p):
        v[k] = u[k] + half * (gradient[k] - u[k]) + step * normal[k]
    proposed = evaluate_gradient(problem, j, walk, NEXT)
    back = 0.0
    for k in range(p):
        xi = (u[k] - v[k] - half * (next_gradient[k] - v[k])) / step
        back += xi * xi
    prior = 0.5 * (square(u) - square(v))
    ratio = proposed - log_like + prior + 0.5 * (square(normal) - back)
    return settle(walk, log_like, proposed, ratio, uniform[0])
