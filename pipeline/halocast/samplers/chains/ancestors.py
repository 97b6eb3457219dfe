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
from halocast.samplers.chains.walk import dot


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
        weight = exp(distance) if distance > -745.0 else 0.0
        log_weight[j] = weight
        total += weight
    if not total > 0.0:
        return -1
    point, cumulative, last = uniform * total, 0.0, -1
    for j in range(log_weight.size):
        if log_weight[j] > 0.0:
            last = j
            cumulative += log_weight[j]
            if point < cumulative:
                break
    return last


@njit(cache=True, nogil=True, error_model="numpy")
def move_centred(problem, walk, j, uniform):
    """Draw the ancestor given s; return it. log g and its gradient stay as they are."""
    whitened, given = problem.whitened, walk.next_u
    for k in range(given.size):
        given[k] = walk.u[k] + whitened[j, k]
    for i in range(walk.log_weight.size):
        squares = 0.0
        for k in range(given.size):
            d = given[k] - whitened[i, k]
            squares += d * d
        walk.log_weight[i] = problem.log_prior[i] - 0.5 * squares
    chosen = draw_category(walk.log_weight, uniform)
    if chosen < 0 or chosen == j:
        return j
    for k in range(given.size):
        walk.u[k] = given[k] - whitened[chosen, k]
    return chosen


@njit(cache=True, nogil=True, error_model="numpy")
def move_shifted(problem, walk, j, uniform):
    """Draw the ancestor given u - a_j and s - b_j; return it. u and s follow."""
    shift, offset = problem.shift, problem.offset
    u, s, base, kept = walk.next_u, walk.next_s, walk.momentum, walk.slope
    for k in range(base.size):
        base[k] = walk.u[k] - shift[j, k]
        kept[k] = walk.s[k] - offset[j, k]
    for i in range(walk.log_weight.size):
        for k in range(base.size):
            u[k] = base[k] + shift[i, k]
            s[k] = kept[k] + offset[i, k]
        log_like = log_likelihood(problem.seen, s, walk.residual)
        walk.log_weight[i] = problem.log_prior[i] - 0.5 * dot(u, u) + log_like
    chosen = draw_category(walk.log_weight, uniform)
    if chosen < 0 or chosen == j:
        return j
    for k in range(base.size):
        walk.u[k] = base[k] + shift[chosen, k]
        walk.s[k] = kept[k] + offset[chosen, k]
    return chosen


@njit(cache=True, nogil=True, error_model="numpy")
def move_non_centred(problem, walk, j, uniform):
    """Draw the ancestor given u; return it. s follows."""
    s, kept = walk.next_s, walk.slope
    for k in range(kept.size):
        kept[k] = walk.s[k] - problem.mean[j, k]
    for i in range(walk.log_weight.size):
        for k in range(kept.size):
            s[k] = kept[k] + problem.mean[i, k]
        log_like = log_likelihood(problem.seen, s, walk.residual)
        walk.log_weight[i] = problem.log_prior[i] + log_like
    chosen = draw_category(walk.log_weight, uniform)
    if chosen < 0 or chosen == j:
        return j
    for k in range(kept.size):
        walk.s[k] = kept[k] + problem.mean[chosen, k]
    return chosen
