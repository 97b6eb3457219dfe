"""Moves of the ancestor.

A Gibbs draw of j given what a move keeps (see `halocast.samplers.chains.problem`):

    centred      given s:          p(j) N(s; mu_j, S)               no likelihood
    shifted      given u - a_i:    p(j) N(u - a_i + a_j; 0, I) g(s - b_i + b_j)    m likelihoods
    non-centred  given u:          p(j) g(mu_j + L u)               m likelihoods, a = 0, b = mu

All are exact and leave the target invariant; each is slow where the others are fast. The centred
draw freezes where p is large or members lie apart by more than the noise, the non-centred where
observations are sharp. The shifted one is made for what the observations know and works for both.
"""

from __future__ import annotations

from math import exp, inf

from numba import njit

from halocast.samplers.chains.density import log_likelihood
from halocast.samplers.chains.walk import NEXT_S, NEXT_U, RESIDUAL, S, U, square

_NEGLIGIBLE = -40.0  # a log weight this far below the highest is lost in the rounding of the sum


@njit(cache=True, nogil=True, error_model="numpy")
def draw_category(log_weight, uniform):
    """Draw a number with probability proportional to exp(log_weight), which it overwrites.

    A weight that is not a number counts as 0; -1 where nothing is left.
    """
    highest = -inf
    for j in range(log_weight.size):
        if log_weight[j] > highest:
            highest = log_weight[j]
    total = 0.0
    for j in range(log_weight.size):
        distance = log_weight[j] - highest
        weight = exp(distance) if distance > _NEGLIGIBLE else 0.0
        log_weight[j] = weight
        total += weight
    point, cumulative, last = uniform * total, 0.0, -1
    for j in range(log_weight.size):
        if log_weight[j] > 0.0:
            last = j
            cumulative += log_weight[j]
            if point < cumulative:
                break
    return last


@njit(cache=True, nogil=True, error_model="numpy")
def move_centred(kinship, walk, j, uniform, log_weight):
    """Draw the ancestor given s; return it. log g and its gradient stay as they are."""
    whitened = kinship.whitened
    for i in range(log_weight.size):
        log_weight[i] = 0.0
    for k in range(whitened.shape[0]):
        given = walk[U, k] + whitened[k, j]
        for i in range(log_weight.size):
            d = given - whitened[k, i]
            log_weight[i] += d * d
    for i in range(log_weight.size):
        log_weight[i] = kinship.log_prior[i] - 0.5 * log_weight[i]
    chosen = draw_category(log_weight, uniform)
    if chosen < 0 or chosen == j:
        return j
    for k in range(whitened.shape[0]):
        walk[U, k] += whitened[k, j] - whitened[k, chosen]
    return chosen


@njit(cache=True, nogil=True, error_model="numpy")
def move_shifted(problem, kinship, walk, j, uniform, log_weight):
    """Draw the ancestor given u - a_j and s - b_j; return it. u follows, s is left to be placed."""
    shift, offset, p = kinship.shift, kinship.offset, problem.mean.shape[1]
    u, s = walk[NEXT_U, :p], walk[NEXT_S, :p]
    for i in range(log_weight.size):
        for k in range(p):
            u[k] = walk[U, k] + (shift[i, k] - shift[j, k])
            s[k] = walk[S, k] + (offset[i, k] - offset[j, k])
        log_like = log_likelihood(problem.scalar, problem.table, s, walk[RESIDUAL])
        log_weight[i] = kinship.log_prior[i] - 0.5 * square(u) + log_like
    chosen = draw_category(log_weight, uniform)
    if chosen < 0 or chosen == j:
        return j
    for k in range(p):
        walk[U, k] += shift[chosen, k] - shift[j, k]
    return chosen


@njit(cache=True, nogil=True, error_model="numpy")
def move_non_centred(problem, kinship, walk, j, uniform, log_weight):
    """Draw the ancestor given u; return it. s is left to be placed."""
    mean, p = problem.mean, problem.mean.shape[1]
    s = walk[NEXT_S, :p]
    for i in range(log_weight.size):
        for k in range(p):
            s[k] = walk[S, k] + (mean[i, k] - mean[j, k])
        log_like = log_likelihood(problem.scalar, problem.table, s, walk[RESIDUAL])
        log_weight[i] = kinship.log_prior[i] + log_like
    chosen = draw_category(log_weight, uniform)
    return j if chosen < 0 else chosen
