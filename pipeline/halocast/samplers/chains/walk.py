"""Where a chain is, where it may go next, and how it goes there.

Coordinates are (u, j), s = mu_j + L u; ``gradient`` is that of log g in u. Functions
here are shared by the kernels.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers.chains.density import log_likelihood, log_likelihood_gradient
from halocast.samplers.chains.problem import add_noise, whiten_gradient


class Walk(NamedTuple):
    """A chain's state, its proposal, and scratch: (p,), and residual of the observations."""

    u: np.ndarray
    s: np.ndarray
    gradient: np.ndarray
    next_u: np.ndarray
    next_s: np.ndarray
    next_gradient: np.ndarray
    momentum: np.ndarray
    slope: np.ndarray
    residual: np.ndarray
    log_weight: np.ndarray


class Move(NamedTuple):
    """What became of a proposal: log g where the chain is now, log of the Metropolis ratio."""

    log_like: float
    log_ratio: float
    accepted: bool


@njit(cache=True, nogil=True)
def make_walk(p, observations, ancestors):
    """Return an empty walk."""
    state = np.empty((8, p))
    return Walk(
        state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7],
        np.empty(observations), np.empty(ancestors),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def dot(a, b):
    """Inner product, in four sums that the processor can keep apart."""
    n = a.size
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for k in range(0, whole, 4):
        s0 += a[k] * b[k]
        s1 += a[k + 1] * b[k + 1]
        s2 += a[k + 2] * b[k + 2]
        s3 += a[k + 3] * b[k + 3]
    for k in range(whole, n):
        s0 += a[k] * b[k]
    return (s0 + s1) + (s2 + s3)


@njit(cache=True, nogil=True, error_model="numpy")
def place(problem, j, u, s):
    """Fill s = mu_j + L u."""
    for k in range(u.size):
        s[k] = problem.mean[j, k]
    add_noise(problem.sd, problem.upper, u, s)


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate(problem, j, u, s, walk):
    """Place ``u``, and return log g there."""
    place(problem, j, u, s)
    return log_likelihood(problem.seen, s, walk.residual)


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate_gradient(problem, j, u, s, gradient, walk):
    """Place ``u``, fill the gradient of log g in u, and return log g there."""
    place(problem, j, u, s)
    total = log_likelihood_gradient(problem.seen, s, walk.residual, walk.slope)
    whiten_gradient(problem.sd, problem.lower, walk.slope, gradient)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def settle(walk, log_like, next_log_like, log_ratio, uniform):
    """Go to the proposal, or stay (always where the ratio is not a number)."""
    if log(uniform) < log_ratio:
        walk.u[:] = walk.next_u
        walk.s[:] = walk.next_s
        walk.gradient[:] = walk.next_gradient
        return Move(next_log_like, log_ratio, True)
    return Move(log_like, log_ratio, False)
