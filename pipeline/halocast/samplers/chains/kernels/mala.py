"""Metropolis-adjusted Langevin, preconditioned by the model noise's covariance.

With G(u) = -u + grad log g(u) and tau = step^2,

    v = u + tau / 2 G(u) + sqrt(tau) xi,
    accept pi(v) q(v, u) / (pi(u) q(u, v)),    q(u, v) = N(v; u + tau / 2 G(u), tau I)

with both proposal densities (Roberts & Tweedie 1996, Bernoulli 2, 341-363). Cost: one likelihood
and its gradient a step.
"""

from __future__ import annotations

from numba import njit

from halocast.samplers.chains.walk import dot, evaluate_gradient, settle


@njit(cache=True, nogil=True, error_model="numpy")
def step_mala(problem, walk, j, log_like, step, normal, uniform):
    """One step of Metropolis-adjusted Langevin."""
    u, v, half = walk.u, walk.next_u, 0.5 * step * step
    for k in range(normal.size):
        v[k] = u[k] + half * (walk.gradient[k] - u[k]) + step * normal[k]
    proposed = evaluate_gradient(problem, j, v, walk.next_s, walk.next_gradient, walk)
    back = 0.0
    for k in range(normal.size):
        xi = (u[k] - v[k] - half * (walk.next_gradient[k] - v[k])) / step
        back += xi * xi
    prior = 0.5 * (dot(u, u) - dot(v, v))
    ratio = proposed - log_like + prior + 0.5 * (dot(normal, normal) - back)
    return settle(walk, log_like, proposed, ratio, uniform[0])
