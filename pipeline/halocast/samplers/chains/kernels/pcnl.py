"""Crank-Nicolson Langevin (Cotter, Roberts, Stuart & White 2013, Statist. Sci. 28, 424-446).

With Phi = -log g and delta in (0, 2),

    v = ((2 - delta) u - 2 delta grad Phi(u) + sqrt(8 delta) xi) / (2 + delta),
    accept exp(rho(u, v) - rho(v, u)),
    rho(u, v) = Phi(u) + <v - u, grad Phi(u)> / 2
                + delta / 4 <u + v, grad Phi(u)> + delta / 4 |grad Phi(u)|^2.

``step`` is beta = sqrt(8 delta) / (2 + delta), so that without observations it is pCN with the same
beta. Cost: one likelihood and its gradient a step.
"""

from __future__ import annotations

from math import sqrt

from numba import njit

from halocast.samplers.chains.walk import (
    GRADIENT,
    NEXT,
    NEXT_GRADIENT,
    NEXT_U,
    U,
    evaluate_gradient,
    settle,
)


@njit(cache=True, nogil=True, error_model="numpy")
def _rho(log_like, delta, u, v, gradient):
    half, full, squares = 0.0, 0.0, 0.0
    for k in range(u.size):
        g = -gradient[k]
        half += (v[k] - u[k]) * g
        full += (u[k] + v[k]) * g
        squares += g * g
    return -log_like + 0.5 * half + 0.25 * delta * (full + squares)


@njit(cache=True, nogil=True, error_model="numpy")
def step_pcnl(problem, walk, j, log_like, step, normal, uniform):
    """One step of Crank-Nicolson Langevin, beta = ``step``."""
    p, kept = normal.size, sqrt(1.0 - step * step)
    u, gradient, v = walk[U, :p], walk[GRADIENT, :p], walk[NEXT_U, :p]
    delta = 2.0 * (1.0 - kept) / (1.0 + kept)
    drift = 2.0 * delta / (2.0 + delta)
    for k in range(p):
        v[k] = kept * u[k] + drift * gradient[k] + step * normal[k]
    proposed = evaluate_gradient(problem, j, walk, NEXT)
    ratio = _rho(log_like, delta, u, v, gradient)
    ratio -= _rho(proposed, delta, v, u, walk[NEXT_GRADIENT, :p])
    return settle(walk, log_like, proposed, ratio, uniform[0])
