"""The bridge where some errors are Student-t: sweeps over the errors' precision factors.

Given its factors l (`halocast.samplers.scale_mixture`) every error is Gaussian and a block is that
of `halocast.filters.bridge.gaussian`. Each member runs a chain of its own: an ancestor and the
observed scalars given the factors (both stages), the factors given the scalars. For g = 0 this is
a Gibbs sampler of the paper's target in (l, j, s), with s integrated out where j is drawn; for g =
1, of the one-kernel target; between them both stages are those of the factors at hand.

A sweep takes the prior draw (anomaly, noise) of another member, a different one each time, and its
own observation noise, so that the member's own are fresh in the last draw, whose members are as
coherent as in the Gaussian case. With g < 1 the ancestors of that draw are systematic, from the
weights averaged over all chains and the second half of the sweeps (Rao-Blackwell), and some more
sweeps are run given them. The mean is that of the conditional means, averaged in the same way.

Cost: (p^3 / 3 + a few p^2) operations a sweep and member for g = 0 or 1, p^2 m more for g < 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.draws import Purpose, uniform_at
from halocast.filters.bridge.coordinates import pick
from halocast.filters.bridge.gaussian import choose_stages, draw_members, weigh_ancestors
from halocast.filters.bridge.stages import factor_stages
from halocast.filters.bridge.view import gather_rows, merge_observations, scalar_covariances
from halocast.samplers.dense import add_product
from halocast.samplers.resampling import fill_ancestors
from halocast.samplers.scale_mixture import expected_factor, precision_factor

_ANCESTORS = int(Purpose.ANCESTORS)


class Chains(NamedTuple):
    """What the members' chains of one block share.

    Attributes
    ----------
    noise, kernel
        Q and B of the observed scalars, (p, p).
    forecast, own
        Their noise-free forecasts and members' model noise, (p, m).
    centre
        Mean of the forecasts, (p, 1).
    start
        Where each scalar's observations begin in ``factor``, (p + 1,).
    factor
        Precision factors, (k, m).
    """

    noise: np.ndarray
    kernel: np.ndarray
    forecast: np.ndarray
    own: np.ndarray
    centre: np.ndarray
    start: np.ndarray
    factor: np.ndarray


class Averages(NamedTuple):
    """Sums over chains and sweeps: of ancestor weights (m,), and where the mean goes (2, p, 1)."""

    weight: np.ndarray
    target: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def start_chains(view, scalars, weights):
    """Chains with first guesses of the factors, from the misfit of the forecasts' mean."""
    p, m = scalars.size, view.forecast.shape[1]
    noise, kernel = scalar_covariances(view, scalars)
    forecast = gather_rows(view.forecast, scalars)
    centre, start = np.zeros((p, 1)), np.zeros(p + 1, np.int64)
    for a in range(p):
        for i in range(m):
            centre[a, 0] += (forecast[a, i] - forecast[a, 0]) / m
        centre[a, 0] += forecast[a, 0]
        start[a + 1] = start[a] + view.start[scalars[a] + 1] - view.start[scalars[a]]
    factor = np.empty((start[p], m))
    for a in range(p):
        for k in range(start[a], start[a + 1]):
            o = view.start[scalars[a]] + k - start[a]
            factor[k] = expected_factor(
                view.noise_kind[o], view.value[o] - centre[a, 0],
                view.error[o] / np.sqrt(weights[a]), view.df[o], kernel[a, a],
            )  # fmt: skip
    own = gather_rows(view.noise, scalars)
    return Chains(noise, kernel, forecast, own, centre, start, factor)


@njit(cache=True, nogil=True, error_model="numpy")
def merge_member(view, scalars, weights, chains, i, normal_1, normal_2):
    """Merged values and variances (p,) given member i's factors, and perturbations (2, p, 1)."""
    p = scalars.size
    value, error, push = np.empty(p), np.empty(p), np.empty((2, p, 1))
    for a in range(p):
        s, w = scalars[a], weights[a]
        these = slice(view.start[s], view.start[s + 1])
        factor = chains.factor[chains.start[a] : chains.start[a + 1], i]
        value[a], error[a], push[0, a, 0] = merge_observations(
            view, s, w, factor, normal_1[these, i]
        )
        push[1, a, 0] = merge_observations(view, s, w, factor, normal_2[these, i])[2]
    return value, error, push


@njit(cache=True, nogil=True, error_model="numpy")
def renew_factors(view, scalars, weights, chains, i, state, gamma):
    """Draw member i's factors given the observed scalars ``state`` (p, 1)."""
    for a in range(scalars.size):
        for k in range(chains.start[a], chains.start[a + 1]):
            o = view.start[scalars[a]] + k - chains.start[a]
            chains.factor[k, i] = precision_factor(
                view.noise_kind[o], gamma[o, i], view.value[o] - state[a, 0],
                view.error[o] / np.sqrt(weights[a]), view.df[o],
            )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def weigh_member(chains, stages, value, share, averages, weight):
    """Fill the ancestors' weights (m,) given a member's factors; add them and the mean's goal.

    ``share`` is what this counts in the averages.
    """
    p, m = chains.forecast.shape
    weight[:] = 1.0 / m
    if stages.bridge == 1.0:
        if share > 0.0:
            steps = np.empty((2, p, 1))
            draw_members(stages, value, np.zeros((2, p, 1)), chains.centre, steps)
            averages.target[:] += share * steps
            averages.weight[:] += share * weight
        return
    component = np.empty((2, p, m))
    weigh_ancestors(stages, value, chains.forecast, component, weight)
    if share > 0.0:
        averages.weight[:] += share * weight
        for k in range(2):
            for a in range(p):
                for j in range(m):
                    averages.target[k, a, 0] += share * weight[j] * component[k, a, j]


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_member(view, scalars, weights, chains, bridge, i, j, other, normal, gamma):
    """One sweep of member i given its ancestor j, with the noise of member ``other``."""
    value, error, push = merge_member(view, scalars, weights, chains, i, normal[0], normal[1])
    stages, fine = factor_stages(chains.noise, chains.kernel, error, bridge)
    if fine:
        draw_scalars(chains, stages, value, push, i, j, other, gamma, view, scalars, weights)
    return fine


@njit(cache=True, nogil=True, error_model="numpy")
def draw_scalars(chains, stages, value, push, i, j, other, gamma, view, scalars, weights):
    """Draw the observed scalars given member i's factors, and then its factors."""
    p = scalars.size
    state, steps = np.empty((p, 1)), np.empty((2, p, 1))
    for a in range(p):
        state[a, 0] = chains.forecast[a, j] + chains.own[a, other]
    draw_members(stages, value, push, state.copy(), steps)
    if stages.bridge > 0.0:
        add_product(chains.kernel, steps[0], state)
    if stages.bridge < 1.0:
        add_product(chains.noise, steps[1], state)
    renew_factors(view, scalars, weights, chains, i, state, gamma)


@njit(cache=True, nogil=True, error_model="numpy")
def heavy_block(
    view, scalars, weights, normal, gamma, sweeps, ladder, enough, seed, cycle, block,
    ancestor, weight,
):  # fmt: skip
    """Sample one block: fill ancestor and weight (m,).

    ``normal`` (2 + 2 n, O, m) perturbs the observations in the last draw and in the n sweeps,
    ``gamma`` (n, O, m) renews the factors, n = sweeps + sweeps // 2. Returns (bridge, where the
    members go (2, p, m), where the mean goes (2, p, 1), success).
    """
    p, m = scalars.size, view.forecast.shape[1]
    chains = start_chains(view, scalars, weights)
    averages = Averages(np.zeros(m), np.zeros((2, p, 1)))
    steps = np.empty((2, p, m))
    bridge, fine = ladder[0], True
    if ladder.size > 1:
        value, error, _ = merge_member(view, scalars, weights, chains, 0, normal[0], normal[1])
        stages, _, fine = choose_stages(
            chains.noise, chains.kernel, error, value, chains.forecast, ladder, enough,
            np.empty((2, p, m)), weight,
        )  # fmt: skip
        bridge = stages.bridge
    share = 1.0 / (m * (sweeps + 1 - sweeps // 2))
    for t in range(sweeps + 1):
        for i in range(m):
            if not fine:
                return bridge, steps, averages.target, False
            value, error, push = merge_member(
                view, scalars, weights, chains, i, normal[2 * t + 2], normal[2 * t + 3]
            )
            stages, fine = factor_stages(chains.noise, chains.kernel, error, bridge)
            if not fine:
                continue
            counts = share if t >= sweeps // 2 else 0.0
            weigh_member(chains, stages, value, counts, averages, weight)
            if t == sweeps:
                continue
            other = (i + 1 + t) % m
            j = other
            if bridge < 1.0:
                j = pick(weight, uniform_at(seed, cycle, _ANCESTORS, block, 1 + t * m + i))
            draw_scalars(chains, stages, value, push, i, j, other, gamma[t], view, scalars, weights)
    weight[:] = averages.weight
    fill_ancestors(
        weight, uniform_at(seed, cycle, _ANCESTORS, block, 0), ancestor, np.empty(m, np.int64)
    )
    fine = last_draw(view, scalars, weights, chains, bridge, normal, gamma, sweeps, ancestor, steps)
    return bridge, steps, averages.target, fine


@njit(cache=True, nogil=True, error_model="numpy")
def last_draw(view, scalars, weights, chains, bridge, normal, gamma, sweeps, ancestor, steps):
    """Fill where each member goes, (2, p, m), from its ancestor and with its own noise."""
    p, m = chains.forecast.shape
    prior, move = np.empty((p, 1)), np.empty((2, p, 1))
    for i in range(m):
        more = sweeps // 2 if bridge < 1.0 else 0
        for t in range(sweeps, sweeps + more):
            fine = sweep_member(
                view, scalars, weights, chains, bridge, i, ancestor[i], (i + 1 + t) % m,
                normal[2 * t + 2 : 2 * t + 4], gamma[t],
            )  # fmt: skip
            if not fine:
                return False
        value, error, push = merge_member(view, scalars, weights, chains, i, normal[0], normal[1])
        stages, fine = factor_stages(chains.noise, chains.kernel, error, bridge)
        if not fine:
            return False
        for a in range(p):
            prior[a, 0] = chains.forecast[a, ancestor[i]] + chains.own[a, i]
        draw_members(stages, value, push, prior, move)
        steps[:, :, i] = move[:, :, 0]
    return True
