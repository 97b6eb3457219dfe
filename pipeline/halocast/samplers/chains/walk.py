"""Where a chain is, where it may go next, and how it goes there: what kernels share.

A walk is one array whose rows hold the coordinates u of the chain (s = mu_j + L u), its scalars s,
the gradient of log g in u, the same three of the proposal, and scratch. One array, because compiled
code counts references to each at every call, which costs as much as a small block's arithmetic.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

from numba import njit

from halocast.samplers.chains.density import log_likelihood, log_likelihood_gradient
from halocast.samplers.chains.problem import add_noise, whiten_gradient

# rows of a walk; the proposal's are three further on
U, S, GRADIENT, NEXT_U, NEXT_S, NEXT_GRADIENT, MOMENTUM, SLOPE, RESIDUAL = range(9)
ROWS = 9
HERE, NEXT = U, NEXT_U


class Move(NamedTuple):
    """What became of a proposal: log g where the chain is now, log of the Metropolis ratio."""

    log_like: float
    log_ratio: float
    accepted: bool


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
def square(a):
    """Squared length."""
    return dot(a, a)


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate(problem, j, walk, where):
    """Place the coordinates u of ``where`` (HERE, NEXT); fill s there and return log g."""
    p = problem.mean.shape[1]
    u, s = walk[where + U, :p], walk[where + S, :p]
    for k in range(p):
        s[k] = problem.mean[j, k]
    add_noise(problem.root, u, s)
    return log_likelihood(problem.scalar, problem.table, s, walk[RESIDUAL])


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate_gradient(problem, j, walk, where):
    """As `evaluate`, and fill the gradient."""
    p = problem.mean.shape[1]
    u, s = walk[where + U, :p], walk[where + S, :p]
    for k in range(p):
        s[k] = problem.mean[j, k]
    add_noise(problem.root, u, s)
    slope = walk[SLOPE, :p]
    total = log_likelihood_gradient(problem.scalar, problem.table, s, walk[RESIDUAL], slope)
    whiten_gradient(problem.root, slope, walk[where + GRADIENT, :p])
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def settle(walk, log_like, proposed, log_ratio, uniform):
    """Go to the proposal, or stay (always where the ratio is not a number)."""
    if log(uniform) < log_ratio:
        for k in range(walk.shape[1]):
            walk[U, k] = walk[NEXT_U, k]
            walk[S, k] = walk[NEXT_S, k]
            walk[GRADIENT, k] = walk[NEXT_GRADIENT, k]
        return Move(proposed, log_ratio, True)
    return Move(log_like, log_ratio, False)
