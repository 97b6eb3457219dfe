"""Ancestors for pointwise observations and the paper's kernel (g = 0): sweeps over (s, j).

The target is sum_j N(s; mu_j, Q) prod_k g_k(s_k). Chains start from the mixture that the
companion's Gaussian likelihoods give, so that the sweeps only have to correct that. A sweep draws
every coordinate, then the ancestor twice: with the noise s - mu_j kept (likelihoods at mu_j' +
noise), and in place (prior densities of s). Either move alone may freeze; together they do not.
The second needs Q to have no scalar without noise and is left out where it has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.draws import Purpose, uniform_at
from halocast.filters.bridge.companion import Companion, condition, take_observations
from halocast.filters.bridge.coordinates import (
    NUGGET,
    draw_companion,
    fill_ancestor_uniforms,
    fill_pair_normals,
    move_in_place,
    move_with_noise,
    softmax,
)
from halocast.filters.bridge.pointwise import (
    Batch,
    Coordinate,
    Prior,
    sweep,
)
from halocast.samplers.dense import factorise, solve_lower
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import Sampler
from halocast.samplers.resampling import fill_ancestors

_ANCESTORS = int(Purpose.ANCESTORS)
TOGETHER = 4096  # pairs and members whose likelihoods are taken at once


@njit(cache=True, nogil=True, error_model="numpy")
def first_weights(batch, kernel, companion, forecast, weight, fine):
    """Fill the ancestors' weights (N, m) that the companion's Gaussian likelihoods give."""
    for b in range(batch.block.size):
        begin, p = batch.start[b], batch.start[b + 1] - batch.start[b]
        factor = kernel[batch.square[b] : batch.square[b + 1]].copy().reshape(p, p)
        misfit, total = np.empty((p, forecast.shape[1])), np.zeros(forecast.shape[1])
        for k in range(p):
            factor[k, k] += NUGGET * factor[k, k] + companion.variance[begin + k]
            misfit[k] = companion.value[begin + k] - forecast[begin + k]
        fine[b] = factorise(factor)
        solve_lower(factor, misfit)
        for k in range(p):
            for j in range(total.size):
                total[j] -= 0.5 * misfit[k, j] * misfit[k, j]
        fine[b] = softmax(total, weight[b]) and fine[b]


@njit(cache=True, nogil=True, error_model="numpy")
def choose(batch, number, weight, forecast, seed, cycle, ancestor, centre):
    """Fill systematic ancestors (N, m) from weights, and their forecasts of the pairs (P, m)."""
    scratch = np.empty(weight.shape[1], np.int64)
    for b in range(batch.block.size):
        uniform = uniform_at(seed, cycle, _ANCESTORS, number[batch.block[b]], 0)
        fill_ancestors(weight[b], uniform, ancestor[b], scratch)
        for a in range(batch.start[b], batch.start[b + 1]):
            for i in range(weight.shape[1]):
                centre[a, i] = forecast[a, ancestor[b, i]]


@njit(cache=True, nogil=True, error_model="numpy")
def _start(batch, kernel, companion, push, state, fine):
    for b in range(batch.block.size):
        own = slice(batch.start[b], batch.start[b + 1])
        p = batch.start[b + 1] - batch.start[b]
        square = kernel[batch.square[b] : batch.square[b + 1]].reshape(p, p)
        fine[b] = fine[b] and draw_companion(
            square, companion.value[own], companion.variance[own], push[own], state[own]
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _move(batch, number, prior, log_like, forecast, state, ancestor, t, address, share, moments):
    """Both moves of the ancestors of all chains; ``moments`` (N, 2, 2, m) grow, move by move."""
    m = state.shape[1]
    uniform = np.empty(m)
    for b in range(batch.block.size):
        own = slice(batch.start[b], batch.start[b + 1])
        p = batch.start[b + 1] - batch.start[b]
        precision = prior.precision[batch.square[b] : batch.square[b + 1]].reshape(p, p)
        smooth = True
        for k in range(p):
            smooth = smooth and precision[k, k] > 0.0
        block = number[batch.block[b]]
        fill_ancestor_uniforms(block, t, 0, address[0], address[1], uniform)
        move_with_noise(
            log_like[own], forecast[own], state[own], ancestor[b], uniform, share / m, moments[b, 0]
        )
        if smooth:
            fill_ancestor_uniforms(block, t, 1, address[0], address[1], uniform)
            move_in_place(
                precision, forecast[own], state[own], ancestor[b], uniform, share / m, moments[b, 1]
            )
        for a in range(batch.start[b], batch.start[b + 1]):
            for i in range(m):
                prior.centre[a, i] = forecast[a, ancestor[b, i]]


@njit(cache=True, nogil=True, error_model="numpy")
def combine(moments, weight):
    """Fill weights (N, m) with the two moves' average probabilities, by inverse variance.

    Each estimates the same weights; the one whose probabilities vary less from chain to chain
    knows more.
    """
    for b in range(weight.shape[0]):
        first, second = moments[b, :, 0], moments[b, :, 1]
        share = np.zeros(2)
        for k in range(2):
            scatter = 1e-12
            for j in range(weight.shape[1]):
                scatter += max(second[k, j] - first[k, j] * first[k, j], 0.0)
            if first[k].sum() > 0.0:
                share[k] = 1.0 / scatter
        total = share[0] + share[1]
        for j in range(weight.shape[1]):
            weight[b, j] = (share[0] * first[0, j] + share[1] * first[1, j]) / total


def noise_kept(
    batch: Batch,
    scalars: ObservedScalars,
    sampler: Sampler,
    forecast: np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Return each pair's log likelihood at mu_j + noise_i, shape (P, m, m), [pair, i, j]."""
    count, m = forecast.shape
    out = np.empty((count, m, m))
    together = max(1, TOGETHER // m)
    for begin in range(0, count, together):
        own = slice(begin, min(begin + together, count))
        where = (noise[own, :, None] + forecast[own, None, :]).reshape(-1, m)
        obs = take_observations(scalars, np.repeat(batch.scalar[own], m))
        weight = np.repeat(batch.weight[own], m)
        found = condition(sampler, obs, weight, where, np.zeros(where.shape[0]))
        out[own] = found[1].reshape(-1, m, m)
    return out


class Found(NamedTuple):
    """Weights and ancestors, (N, m)."""

    weight: np.ndarray
    ancestor: np.ndarray


def find_ancestors(
    batch: Batch,
    number: np.ndarray,
    prior: Prior,
    steps: list[Coordinate],
    companion: Companion,
    scalars: ObservedScalars,
    sampler: Sampler,
    *,
    forecast: np.ndarray,
    noise: np.ndarray,
    fine: np.ndarray,
    sweeps: int,
    seed: int,
    cycle: int,
) -> Found:
    """Sample the ancestors of every block.

    Parameters
    ----------
    number
        Global numbers of the group's blocks, their random addresses.
    forecast, noise
        Of the pairs, by member, (P, m).

    Notes
    -----
    ``prior.centre`` is filled with the forecasts of the ancestors that were found.
    """
    m = forecast.shape[1]
    address = np.uint64(seed), cycle
    ancestor = np.empty((batch.block.size, m), dtype=np.int32)
    weight = np.empty((batch.block.size, m))
    okay = fine.copy()
    first_weights(batch, prior.kernel, companion, forecast, weight, okay)
    choose(batch, number, weight, forecast, *address, ancestor, prior.centre)
    state = prior.centre + np.roll(noise, -1, axis=1)
    normal = np.empty_like(state)
    fill_pair_normals(batch.number, 1, *address, normal)
    _start(batch, prior.kernel, companion, normal, state, okay)
    fine &= okay
    moments, unused = np.zeros((batch.block.size, 2, 2, m)), np.zeros(state.shape[0])
    for t in range(sweeps):
        fill_pair_normals(batch.number, 2 + sweeps + t, *address, normal)
        share = 1.0 / (sweeps - sweeps // 2) if t >= sweeps // 2 else 0.0
        sweep(batch, prior, steps, sampler, state, normal, 0.0, unused)
        log_like = noise_kept(batch, scalars, sampler, forecast, state - prior.centre)
        _move(batch, number, prior, log_like, forecast, state, ancestor, t, address, share, moments)
    combine(moments, weight)
    choose(batch, number, weight, forecast, *address, ancestor, prior.centre)
    return Found(weight, ancestor)
