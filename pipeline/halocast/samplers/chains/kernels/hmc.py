"""Hamiltonian Monte Carlo with the mass of the model noise (Neal 2011, Handbook of MCMC, ch. 5).

In whitened coordinates the mass is I: H = |u|^2 / 2 - log g(u) + |v|^2 / 2, L leapfrog steps of
size epsilon, accept exp(H - H'). Every trajectory's epsilon is the step times a factor uniform in
[0.8, 1.2], drawn apart from everything else: trajectories of one length can return to where they
began. Cost: L likelihoods with their gradients a step.
"""

from __future__ import annotations

from numba import njit

from halocast.samplers.chains.walk import (
    GRADIENT,
    MOMENTUM,
    NEXT,
    NEXT_GRADIENT,
    NEXT_U,
    U,
    evaluate_gradient,
    settle,
    square,
)


@njit(cache=True, nogil=True, error_model="numpy")
def step_hmc(problem, walk, j, log_like, step, normal, uniform, leapfrog_steps):
    """One trajectory of Hamiltonian Monte Carlo; ``uniform[3]`` varies its step."""
    p, epsilon = normal.size, step * (0.8 + 0.4 * uniform[3])
    u, v, gradient = walk[NEXT_U, :p], walk[MOMENTUM, :p], walk[NEXT_GRADIENT, :p]
    for k in range(p):
        u[k] = walk[U, k]
        v[k] = normal[k] + 0.5 * epsilon * (walk[GRADIENT, k] - u[k])
    proposed = log_like
    for i in range(leapfrog_steps):
        for k in range(p):
            u[k] += epsilon * v[k]
        proposed = evaluate_gradient(problem, j, walk, NEXT)
        kick = epsilon if i < leapfrog_steps - 1 else 0.5 * epsilon
        for k in range(p):
            v[k] += kick * (gradient[k] - u[k])
    energy = 0.5 * (square(walk[U, :p]) + square(normal) - square(u) - square(v))
    return settle(walk, log_like, proposed, proposed - log_like + energy, uniform[0])
