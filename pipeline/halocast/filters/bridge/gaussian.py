"""The bridge where every observation is identity + Gaussian: closed form, one factor a block."""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.draws import Purpose, uniform_at
from halocast.filters.bridge.stages import apply_stages, factor_stages
from halocast.filters.bridge.view import gather_rows, merge_observations, scalar_covariances
from halocast.samplers.mixture import normalise_log_weights
from halocast.samplers.resampling import fill_ancestors

_ANCESTORS = int(Purpose.ANCESTORS)


@njit(cache=True, nogil=True, error_model="numpy")
def merge_block(view, scalars, weights, normal):
    """Merged values and error variances (p,) of a block's scalars, and perturbations (2, p, m).

    ``normal`` (2, O, m) are the members' standard normals for the stages.
    """
    p, m = scalars.size, view.forecast.shape[1]
    value, error, push = np.empty(p), np.empty(p), np.empty((2, p, m))
    for a in range(p):
        these = slice(view.start[scalars[a]], view.start[scalars[a] + 1])
        y, sd = view.value[these], view.error[these] / np.sqrt(weights[a])
        ones = np.ones(y.size)
        for k in range(2):
            for i in range(m):
                value[a], error[a], push[k, a, i] = merge_observations(
                    y, sd, ones, normal[k, these, i]
                )
    return value, error, push


@njit(cache=True, nogil=True, error_model="numpy")
def innovations(value, push, scale, state):
    """y + scale * perturbation - state, (p, n)."""
    out = np.empty_like(state)
    for a in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[a, i] = value[a] + scale * push[a, i] - state[a, i]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def weigh_ancestors(stages, value, forecast, component, weight):
    """Fill the ancestors' weights (m,) and where their kernels' means go, (2, p, m).

    Return (log of the weights' mean before they were normalised, effective number of ancestors).
    """
    still = np.zeros_like(forecast)
    d1 = innovations(value, still, 0.0, forecast)
    misfit = np.empty(forecast.shape[1])
    apply_stages(stages, d1, d1.copy(), component[0], component[1], misfit)
    return normalise_log_weights(-0.5 * misfit, weight)


@njit(cache=True, nogil=True, error_model="numpy")
def draw_members(stages, value, push, prior, steps):
    """Fill where each member's draw goes, (2, p, m), from its prior draw (p, m)."""
    g = stages.bridge
    d1 = innovations(value, push[0], 1.0 / np.sqrt(g) if g > 0.0 else 0.0, prior)
    d2 = innovations(value, push[1], 1.0 / np.sqrt(1.0 - g) if g < 1.0 else 0.0, prior)
    apply_stages(stages, d1, d2, steps[0], steps[1], np.empty(prior.shape[1]))


@njit(cache=True, nogil=True, error_model="numpy")
def choose_stages(noise, kernel, error, value, forecast, ladder, enough, component, weight):
    """Climb the ladder of bridges until the effective number of ancestors is ``enough``.

    Fills weight and component; returns (stages, that number, whether all went well).
    """
    stages, fine = factor_stages(noise, kernel, error, ladder[0])
    ess = np.nan
    for rung in range(ladder.size):
        if rung > 0:
            stages, fine = factor_stages(noise, kernel, error, ladder[rung])
        if not fine:
            break
        mass, ess = weigh_ancestors(stages, value, forecast, component, weight)
        fine = np.isfinite(mass)
        if not fine or ess >= enough:
            break
    return stages, ess, fine


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_block(view, scalars, weights, normal, ladder, enough, uniform, ancestor, weight):
    """Sample one block: fill ancestor and weight (m,).

    ``normal`` (2, O, m) perturbs the observations of each stage. Returns (stages, where the
    members go (2, p, m), where the components go (2, p, m), effective ancestors, success).
    """
    p, m = scalars.size, view.forecast.shape[1]
    noise, kernel = scalar_covariances(view, scalars)
    value, error, push = merge_block(view, scalars, weights, normal)
    forecast, prior = gather_rows(view.forecast, scalars), gather_rows(view.noise, scalars)
    component, steps = np.zeros((2, p, m)), np.zeros((2, p, m))
    stages, ess, fine = choose_stages(
        noise, kernel, error, value, forecast, ladder, enough, component, weight
    )
    if fine:
        fill_ancestors(weight, uniform, ancestor, np.empty(m, np.int64))
        for a in range(p):
            for i in range(m):
                prior[a, i] += forecast[a, ancestor[i]]
        draw_members(stages, value, push, prior, steps)
    return stages, steps, component, ess, fine


@njit(cache=True, nogil=True)
def ancestors_uniform(seed, cycle, block):
    """The uniform that places a block's ancestors."""
    return uniform_at(seed, cycle, _ANCESTORS, block, 0)
