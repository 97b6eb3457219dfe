"""The bridge with Student-t or Laplace errors: sweeps over the errors' precision factors.

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


class Draws(NamedTuple):
    """Addressed draws of all observations, for n = sweeps + sweeps // 2 sweeps (at least one more).

    ``normal`` (2 + 2 n, O, m) perturbs the observations: two sets for the last draw, two a sweep;
    ``scale`` (n, 1 or 2, O, m) renews the factors, see `halocast.samplers.scale_mixture`.
    """

    normal: np.ndarray
    scale: np.ndarray


class Chains(NamedTuple):
    """The members' chains of one block.

    Attributes
    ----------
    noise, kernel
        Q and B of the observed scalars, (p, p).
    forecast, own
        Their noise-free forecasts and members' model noise, (p, m).
    centre
        Mean of the forecasts, (p, 1).
    start
        Where each scalar's observations begin in the columns below, (p + 1,).
    row, value, sd, noise_kind, df
        The block's observations: row in the group's columns, value, tapered error, density, (k,).
    factor
        Precision factors, (k, m).
    """

    noise: np.ndarray
    kernel: np.ndarray
    forecast: np.ndarray
    own: np.ndarray
    centre: np.ndarray
    start: np.ndarray
    row: np.ndarray
    value: np.ndarray
    sd: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    factor: np.ndarray


class Averages(NamedTuple):
    """Averages over chains and sweeps: ancestor weights (m,), and where the mean goes (2, p, 1)."""

    weight: np.ndarray
    target: np.ndarray


@njit(cache=True, nogil=True)
def own_rows(start, scalars):
    """Rows of the observations of some scalars (p,), and where each scalar's begin."""
    first = np.zeros(scalars.size + 1, np.int64)
    for a in range(scalars.size):
        first[a + 1] = first[a] + start[scalars[a] + 1] - start[scalars[a]]
    row = np.empty(first[scalars.size], np.int64)
    for a in range(scalars.size):
        for k in range(first[a], first[a + 1]):
            row[k] = start[scalars[a]] + k - first[a]
    return row, first


@njit(cache=True, nogil=True, error_model="numpy")
def start_chains(view, scalars, weights):
    """Chains with first guesses of the factors, from the misfit of the forecasts' mean."""
    p, m = scalars.size, view.forecast.shape[1]
    noise, kernel = scalar_covariances(view, scalars)
    forecast, centre = gather_rows(view.forecast, scalars), np.zeros((p, 1))
    row, start = own_rows(view.start, scalars)
    value, noise_kind, df = view.value[row], view.noise_kind[row], view.df[row]
    sd, factor = view.error[row], np.empty((row.size, m))
    for a in range(p):
        for i in range(m):
            centre[a, 0] += (forecast[a, i] - forecast[a, 0]) / m
        centre[a, 0] += forecast[a, 0]
        for k in range(start[a], start[a + 1]):
            sd[k] /= np.sqrt(weights[a])
            factor[k] = expected_factor(
                noise_kind[k], value[k] - centre[a, 0], sd[k], df[k], kernel[a, a]
            )
    own = gather_rows(view.noise, scalars)
    return Chains(
        noise, kernel, forecast, own, centre, start, row, value, sd, noise_kind, df, factor
    )


@njit(cache=True, nogil=True, error_model="numpy")
def merge_member(chains, i, normal):
    """Merged values and variances (p,) given member i's factors, and perturbations (2, p, 1)."""
    p = chains.centre.size
    value, error, push = np.empty(p), np.empty(p), np.empty((2, p, 1))
    drawn = np.empty(chains.row.size)
    for k in range(2):
        for o in range(drawn.size):
            drawn[o] = normal[k, chains.row[o], i]
        for a in range(p):
            own = slice(chains.start[a], chains.start[a + 1])
            value[a], error[a], push[k, a, 0] = merge_observations(
                chains.value[own], chains.sd[own], chains.factor[own, i], drawn[own]
            )
    return value, error, push


@njit(cache=True, nogil=True, error_model="numpy")
def renew_factors(chains, i, state, scale):
    """Draw member i's factors given the observed scalars ``state`` (p, 1)."""
    last = scale.shape[0] - 1
    for a in range(chains.centre.size):
        for k in range(chains.start[a], chains.start[a + 1]):
            row = chains.row[k]
            chains.factor[k, i] = precision_factor(
                chains.noise_kind[k], scale[0, row, i], scale[last, row, i],
                chains.value[k] - state[a, 0], chains.sd[k], chains.df[k],
            )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def weigh_member(chains, stages, value, share, averages, weight):
    """Fill the ancestors' weights (m,) given a member's factors; count them in the averages."""
    p, m = chains.forecast.shape
    weight[:] = 1.0 / m
    if stages.bridge == 1.0:
        steps = np.empty((2, p, 1))
        draw_members(stages, value, np.zeros((2, p, 1)), chains.centre, steps)
        averages.target[:] += share * steps
    else:
        component = np.empty((2, p, m))
        weigh_ancestors(stages, value, chains.forecast, component, weight)
        for k in range(2):
            for a in range(p):
                for j in range(m):
                    averages.target[k, a, 0] += share * weight[j] * component[k, a, j]
    averages.weight[:] += share * weight


@njit(cache=True, nogil=True, error_model="numpy")
def renew_member(chains, stages, value, push, i, j, other, scale):
    """Draw the scalars given member i's factors, from ancestor j and another's noise; and these."""
    p = chains.centre.size
    state, steps = np.empty((p, 1)), np.empty((2, p, 1))
    for a in range(p):
        state[a, 0] = chains.forecast[a, j] + chains.own[a, other]
    draw_members(stages, value, push, state.copy(), steps)
    if stages.bridge > 0.0:
        add_product(chains.kernel, steps[0], state)
    if stages.bridge < 1.0:
        add_product(chains.noise, steps[1], state)
    renew_factors(chains, i, state, scale)


@njit(cache=True, nogil=True, error_model="numpy")
def choose_bridge(chains, draws, ladder, enough):
    """The bridge that the first guesses of the factors ask for, and whether there is one."""
    p, m = chains.forecast.shape
    value, error, _ = merge_member(chains, 0, draws.normal[:2])
    stages, _, fine = choose_stages(
        chains.noise, chains.kernel, error, value, chains.forecast, ladder, enough,
        np.empty((2, p, m)), np.empty(m),
    )  # fmt: skip
    return stages.bridge, fine


@njit(cache=True, nogil=True, error_model="numpy")
def run_sweeps(chains, draws, bridge, sweeps, seed, cycle, block, averages):
    """Run all chains and fill the averages; return success. The last sweep only counts."""
    m = chains.forecast.shape[1]
    weight = np.empty(m)
    share = 1.0 / (m * (sweeps + 1 - sweeps // 2))
    for t in range(sweeps + 1):
        counts = share if t >= sweeps // 2 else 0.0
        for i in range(m):
            value, error, push = merge_member(chains, i, draws.normal[2 * t + 2 : 2 * t + 4])
            stages, fine = factor_stages(chains.noise, chains.kernel, error, bridge)
            if not fine:
                return False
            if counts > 0.0 or bridge < 1.0:
                weigh_member(chains, stages, value, counts, averages, weight)
            if t < sweeps:
                j = other = (i + 1 + t) % m
                if bridge < 1.0:
                    j = pick(weight, uniform_at(seed, cycle, _ANCESTORS, block, 1 + t * m + i))
                renew_member(chains, stages, value, push, i, j, other, draws.scale[t])
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def last_draw(chains, draws, bridge, sweeps, ancestor, steps):
    """Fill where each member goes, (2, p, m), from its ancestor and with its own noise."""
    p, m = chains.forecast.shape
    prior, move = np.empty((p, 1)), np.empty((2, p, 1))
    more = sweeps // 2 if bridge < 1.0 else 0
    for i in range(m):
        for t in range(sweeps, sweeps + more + 1):
            last = t == sweeps + more
            first = 0 if last else 2 * t + 2
            value, error, push = merge_member(chains, i, draws.normal[first : first + 2])
            stages, fine = factor_stages(chains.noise, chains.kernel, error, bridge)
            if not fine:
                return False
            if not last:
                other = (i + 1 + t) % m
                renew_member(chains, stages, value, push, i, ancestor[i], other, draws.scale[t])
        for a in range(p):
            prior[a, 0] = chains.forecast[a, ancestor[i]] + chains.own[a, i]
        draw_members(stages, value, push, prior, move)
        steps[:, :, i] = move[:, :, 0]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def heavy_block(
    view, scalars, weights, draws, sweeps, ladder, enough, seed, cycle, block, ancestor, weight
):
    """Sample one block: fill ancestor and weight (m,).

    Returns (bridge, where the members go (2, p, m), where the mean goes (2, p, 1), success).
    """
    p, m = scalars.size, view.forecast.shape[1]
    chains = start_chains(view, scalars, weights)
    averages = Averages(np.zeros(m), np.zeros((2, p, 1)))
    steps = np.empty((2, p, m))
    bridge, fine = ladder[0], True
    if ladder.size > 1:
        bridge, fine = choose_bridge(chains, draws, ladder, enough)
    if fine:
        fine = run_sweeps(chains, draws, bridge, sweeps, seed, cycle, block, averages)
    if fine:
        weight[:] = averages.weight
        uniform = uniform_at(seed, cycle, _ANCESTORS, block, 0)
        fill_ancestors(weight, uniform, ancestor, np.empty(m, np.int64))
        fine = last_draw(chains, draws, bridge, sweeps, ancestor, steps)
    return bridge, steps, averages.target, fine
