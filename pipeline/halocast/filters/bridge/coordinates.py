"""One coordinate at a time: the compiled part of the bridge for pointwise observations.

A chain's prior is N(c_i, K) in the p observed scalars of a block, member by member, with the
precision matrix A = K^-1. Given the others, coordinate k has the prior mean c_k - sum over a != k
of A_ka (s_a - c_a) / A_kk and variance 1 / A_kk.

A *companion* chain has the same prior and Gaussian likelihoods N(v_k; s_k, r_k) that stand for the
true ones. It starts from the end: an exact draw, the member's own perturbed by K (K + R)^-1. Gibbs
steps are reversible, so running it backwards with fresh normals gives the normals that would have
led there, independent of where it began: those then drive the true chain, which ends where the
companion ended as far as the likelihoods are alike - at the member's own prior draw where they
say nothing.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit

from halocast.draws import Purpose, normal_quantile, uniform_at
from halocast.samplers.dense import add_product, factorise, solve

_OBSERVATION_NOISE = int(Purpose.OBSERVATION_NOISE)
_ANCESTORS = int(Purpose.ANCESTORS)
NUGGET = 1e-8  # share of each scalar's variance that no other scalar has


@njit(cache=True, nogil=True, error_model="numpy")
def invert(kernel, precision):
    """Fill the precision matrix (p, p) of a kernel; rows of scalars without variance are 0.

    Returns whether it exists.
    """
    p = kernel.shape[0]
    factor = kernel.copy()
    precision[:] = 0.0
    for k in range(p):
        precision[k, k] = 1.0
        factor[k, k] = (1.0 + NUGGET) * kernel[k, k] if kernel[k, k] > 0.0 else 1.0
    if not factorise(factor):
        return False
    solve(factor, precision)
    for k in range(p):
        if not kernel[k, k] > 0.0:
            precision[k, k] = 0.0
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def condition_coordinate(precision, state, centre, k, mean):
    """Fill the prior mean (m,) of coordinate k given the others; return its deviation."""
    inverse = precision[k, k]
    if not inverse > 0.0:
        mean[:] = centre[k]
        return 0.0
    mean[:] = 0.0
    for a in range(precision.shape[0]):
        if a != k:
            share = precision[k, a] / inverse
            for i in range(mean.size):
                mean[i] += share * (state[a, i] - centre[a, i])
    for i in range(mean.size):
        mean[i] = centre[k, i] - mean[i]
    return 1.0 / sqrt(inverse)


@njit(cache=True, nogil=True, error_model="numpy")
def companion_steps(kernel, value, variance, push, state):
    """(K + R)^-1 (v + perturbation - s) of states (p, n), and whether the factor exists."""
    p, n = state.shape
    factor, move = kernel.copy(), np.empty((p, n))
    for k in range(p):
        factor[k, k] += NUGGET * kernel[k, k] + variance[k]
        for i in range(n):
            move[k, i] = value[k] + sqrt(variance[k]) * push[k, i] - state[k, i]
    fine = factorise(factor)
    if fine:
        solve(factor, move)
    return move, fine


@njit(cache=True, nogil=True, error_model="numpy")
def draw_companion(kernel, value, variance, push, state):
    """Move prior draws ``state`` (p, m) to draws given the companion's likelihoods."""
    p, m = state.shape
    move, fine = companion_steps(kernel, value, variance, push, state)
    if not fine:
        return False
    for k in range(p):
        for i in range(m):
            state[k, i] += NUGGET * kernel[k, k] * move[k, i]
    add_product(kernel, move, state)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def unwind(precision, centre, value, variance, fresh, state, normal, average):
    """Run the companion backwards from ``state`` (p, m), which becomes where it began.

    ``fresh`` (T, p, m) moves it; ``normal`` (T, p, m) is filled with what would lead back, and
    ``average`` (p,) with the conditional means, over members and the second half of the sweeps.
    """
    average[:] = 0.0
    p, m = state.shape
    mean = np.empty(m)
    for t in range(fresh.shape[0] - 1, -1, -1):
        for k in range(p - 1, -1, -1):
            sd = condition_coordinate(precision, state, centre, k, mean)
            q = sd * sd
            gain = q / (q + variance[k])
            root = sd * sqrt(1.0 - gain)
            total = 0.0
            for i in range(m):
                middle = mean[i] + gain * (value[k] - mean[i])
                total += middle
                normal[t, k, i] = (state[k, i] - middle) / root if root > 0.0 else fresh[t, k, i]
                state[k, i] = middle + root * fresh[t, k, i]
            if t >= fresh.shape[0] // 2:
                average[k] += total / m / (fresh.shape[0] - fresh.shape[0] // 2)


@njit(cache=True, nogil=True)
def fill_pair_normals(number, sweep, seed, cycle, out):
    """Fill (P, m) standard normals of pairs: addressed by member, sweep and observed scalar."""
    for a in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[a, i] = normal_quantile(
                uniform_at(seed, cycle, _OBSERVATION_NOISE, i * 64 + sweep, number[a])
            )


@njit(cache=True, nogil=True, error_model="numpy")
def pick(weight, uniform):
    """The ancestor at a quantile of the weights (m,), which sum to 1."""
    total = 0.0
    for j in range(weight.size):
        total += weight[j]
        if uniform < total:
            return j
    return weight.size - 1


@njit(cache=True, nogil=True, error_model="numpy")
def softmax(log_weight, weight):
    """Fill normalised weights (m,); return whether they are finite."""
    highest, total = log_weight.max(), 0.0
    for j in range(weight.size):
        weight[j] = np.exp(log_weight[j] - highest)
        total += weight[j]
    for j in range(weight.size):
        weight[j] /= total
    return total > 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def move_with_noise(log_like, forecast, state, ancestor, uniform, share, moments):
    """Draw each member's ancestor anew with its noise s - mu_j kept (non-centred).

    ``log_like`` (p, m, m) is that of scalar k at mu_j + noise_i, [k, i, j]; ``moments`` (2, m)
    grow by ``share`` times each ancestor's probability and its square.
    """
    p, m = state.shape
    total, weight = np.empty(m), np.empty(m)
    for i in range(m):
        total[:] = 0.0
        for k in range(p):
            for j in range(m):
                total[j] += log_like[k, i, j]
        softmax(total, weight)
        moments[0] += share * weight
        moments[1] += share * weight * weight
        j = pick(weight, uniform[i])
        for k in range(p):
            state[k, i] += forecast[k, j] - forecast[k, ancestor[i]]
        ancestor[i] = j


@njit(cache=True, nogil=True, error_model="numpy")
def move_in_place(precision, forecast, state, ancestor, uniform, share, moments):
    """Draw each member's ancestor anew given its scalars (centred): p(j) N(s; mu_j, K)."""
    p, m = state.shape
    pull, total, weight = np.empty((p, m)), np.empty(m), np.empty(m)
    for i in range(m):
        pull[:] = 0.0
        difference = np.empty((p, m))
        for k in range(p):
            for j in range(m):
                difference[k, j] = state[k, i] - forecast[k, j]
        add_product(precision, difference, pull)
        total[:] = 0.0
        for k in range(p):
            for j in range(m):
                total[j] -= 0.5 * difference[k, j] * pull[k, j]
        softmax(total, weight)
        moments[0] += share * weight
        moments[1] += share * weight * weight
        ancestor[i] = pick(weight, uniform[i])


@njit(cache=True, nogil=True)
def fill_ancestor_uniforms(block, sweep, kind, seed, cycle, out):
    """Fill (m,) uniforms of a block's ancestor moves."""
    for i in range(out.size):
        element = 1 + (2 * sweep + kind) * out.size + i
        out[i] = uniform_at(seed, cycle, _ANCESTORS, block, element)
