"""Random walk Metropolis in the metric of the model noise.

    v = u + beta xi,    accept g(v) N(v; 0, I) / (g(u) N(u; 0, I))

Its step must shrink as 1 / sqrt(p). Cost: one likelihood a step.
"""

from __future__ import annotations

from numba import njit

from halocast.samplers.chains.walk import NEXT, NEXT_U, U, evaluate, settle, square


@njit(cache=True, nogil=True, error_model="numpy")
def step_rwm(problem, walk, j, log_like, step, normal, uniform):
    """One step of random walk Metropolis."""
    for k in range(normal.size):
        walk[NEXT_U, k] = walk[U, k] + step * normal[k]
    proposed = evaluate(problem, j, walk, NEXT)
    p = normal.size
    prior = 0.5 * (square(walk[U, :p]) - square(walk[NEXT_U, :p]))
    return settle(walk, log_like, proposed, proposed - log_like + prior, uniform[0])
