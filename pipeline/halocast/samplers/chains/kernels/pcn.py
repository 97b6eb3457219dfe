"""Preconditioned Crank-Nicolson (Cotter, Roberts, Stuart & White 2013, Statist. Sci. 28, 424-446).

    v = sqrt(1 - beta^2) u + beta xi,    accept g(v) / g(u)

The proposal is reversible for N(0, I), so the prior drops out and the step need not shrink with p,
only with what the observations tell. Cost: one likelihood a step.
"""

from __future__ import annotations

from math import sqrt

from numba import njit

from halocast.samplers.chains.walk import NEXT, NEXT_U, U, evaluate, settle


@njit(cache=True, nogil=True, error_model="numpy")
def step_pcn(problem, walk, j, log_like, step, normal, uniform):
    """One step of preconditioned Crank-Nicolson, beta = ``step``."""
    kept = sqrt(1.0 - step * step)
    for k in range(normal.size):
        walk[NEXT_U, k] = kept * walk[U, k] + step * normal[k]
    proposed = evaluate(problem, j, walk, NEXT)
    return settle(walk, log_like, proposed, proposed - log_like, uniform[0])
