"""The localized particle filter (Poterjoy 2016, Mon. Wea. Rev. 144, 59-76).

Observations are taken one at a time. With p_n the likelihood of particle n, scaled to mean 1, and
l_j the taper between scalar j and the observation (notation of the paper, its alpha a):

    w_n  = a (p_n - 1) + 1              from current predictions; s(n) systematic draws from w
    W_jn = W_jn (a l_j (p0_n - 1) + 1)  from first predictions; x_j, s_j^2: moments of the first
                                        members x0 weighted by W_j
    c_j  = m (1 - a l_j) / (a l_j sum w)
    x_jn = x_j + r_j (x_j,s(n) - x_j + c_j (x_jn - x_j)),   r_j such that the variance is s_j^2

and then shifted to the mean x_j exactly. Where l_j = 0 nothing changes, bit for bit; where
a l_j = 1 particles are the drawn ones but for that shift and scale. Scaled to mean 1, a
likelihood's constant does not matter, and W is a mixture: 1 - a l_j of what was, a l_j of Bayes'
rule. Predictions are updated as if they were scalars of the state: operators may be anything.

a < 1 keeps the weights from collapsing: with 40 particles on Lorenz-96 0.98 diverges, 0.9 with one
seed of three, 0.85 with none. Many accurate observations collapse them still: then
`min_effective` makes each observation's likelihood flatter, p^b, until that many particles count
(Poterjoy, Wicker & Buehner 2019).
Cost O(p (n + p) m); no matrix is solved.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from halocast.draws import Purpose, uniform_at
from halocast.errors import ConfigError
from halocast.filters.particle.weights import require_usable
from halocast.filters.window import Analysis, Window, from_members
from halocast.samplers.densities import log_density
from halocast.samplers.resampling import fill_ancestors
from halocast.settings import Settings

_RESAMPLING = int(Purpose.RESAMPLING)
_HALVINGS = 30  # of the interval that b is sought in


class LocalizedSettings(Settings):
    """The localized particle filter."""

    method: Literal["lpf"] = Field("lpf", description="The filter.")
    alpha: float = Field(
        0.85, gt=0, le=1, description="Share of each observation's weights that is believed."
    )
    min_effective: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Likelihoods are flattened until this share of the particles counts; 0: never.",
    )
    jitter: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Members are moved by draws of their own spread times this, mean kept.",
    )
    inflation: float = Field(
        1.0, gt=0, le=10, description="Factor on the anomalies after the analysis."
    )


def analyse(window: Window, settings: LocalizedSettings) -> Analysis:
    """Update members by one observation after the other.

    Returns
    -------
    ``health``: ``ess``, the least effective number of an observation's own weights.

    Raises
    ------
    ConfigError
        The window has no taper; see also `require_usable`.
    RunError
        See `require_usable`.
    """
    require_usable(window)
    if window.taper is None or window.taper_between is None:
        raise ConfigError(
            "the localized particle filter needs to know how far an observation reaches",
            where="filter.localization",
            remedy="use localization: covariances; for a global filter use sir",
        )
    members, ess = _update(
        np.hstack([window.forecast, window.predicted]).T.copy(),
        np.vstack([window.taper, window.taper_between]),
        window.forecast.shape[1], window.number, window.value, np.sqrt(window.variance),
        window.noise_kind, window.df, settings.alpha, settings.min_effective,
        window.seed, window.cycle,
    )  # fmt: skip
    if settings.inflation != 1.0 or settings.jitter > 0:
        members = _spread_out(window, members, settings)
    return from_members(members, ess=ess)


def _spread_out(window: Window, members: np.ndarray, settings: LocalizedSettings) -> np.ndarray:
    mean = members.mean(axis=0)
    moved = settings.inflation * (members - mean)
    if settings.jitter > 0:
        drawn = window.own_normals(Purpose.JITTER, members.size).reshape(members.shape)
        moved += settings.jitter * members.std(axis=0, ddof=1) * (drawn - drawn.mean(axis=0))
    return mean + moved


@njit(cache=True, nogil=True)
def _update(
    state, taper, n, number, value, error, kind, df, alpha, share, seed, cycle
):  # pragma: no cover - compiled
    """Update scalars and predictions ``state`` (n + p, m); return members (m, n) and the ESS."""
    m = state.shape[1]
    first, believed = state.copy(), np.ones(state.shape)
    now, before = np.empty(m), np.empty(m)
    slot, count = np.empty(m, np.int64), np.empty(m, np.int64)
    least = float(m)
    for o in range(value.size):
        y, sd = value[o], error[o]
        _likelihood(state[n + o], y, sd, kind[o], df[o], share, now)
        _likelihood(first[n + o], y, sd, kind[o], df[o], share, before)
        least = min(least, m * m / np.sum(now * now))
        weight = alpha * (now - 1.0) + 1.0
        fill_ancestors(weight, uniform_at(seed, cycle, _RESAMPLING, 0, number[o]), slot, count)
        for j in range(state.shape[0]):
            reach = alpha * taper[j, o]
            if reach > 0.0:
                for i in range(m):
                    believed[j, i] *= reach * (before[i] - 1.0) + 1.0
                _move(state[j], first[j], believed[j], slot, (1.0 - reach) / reach)
    return state[:n].T.copy(), least


@njit(cache=True, nogil=True)
def _likelihood(predicted, y, sd, kind, df, share, out):  # pragma: no cover - compiled
    """Fill the likelihoods (m,), scaled to mean 1; flattened where too few particles count."""
    m, top = predicted.size, -np.inf
    log = np.empty(m)
    for i in range(m):
        log[i] = log_density(kind, y - predicted[i], sd, df)
        top = max(top, log[i])
    log -= top
    power = 1.0
    if share > 0.0 and _effective(log, 1.0) < share * m:
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            power = 0.5 * (low + high)
            if _effective(log, power) < share * m:
                high = power
            else:
                low = power
        power = low
    total = 0.0
    for i in range(m):
        out[i] = np.exp(power * log[i])
        total += out[i]
    for i in range(m):
        out[i] *= m / total


@njit(cache=True, nogil=True)
def _effective(log, power):  # pragma: no cover - compiled
    total, square = 0.0, 0.0
    for i in range(log.size):
        w = np.exp(power * log[i])
        total += w
        square += w * w
    return total * total / square


@njit(cache=True, nogil=True)
def _move(x, first, believed, slot, keep):  # pragma: no cover - compiled
    """Merge a scalar's drawn particles with its own, to its weighted mean and variance."""
    m = x.size
    total, mean, square = 0.0, 0.0, 0.0
    for i in range(m):
        total += believed[i]
    for i in range(m):
        believed[i] /= total / m  # mean 1: products of many stay in range
        mean += believed[i] * first[i] / m
        square += believed[i] * believed[i] / (m * m)
    variance = 0.0
    for i in range(m):
        variance += believed[i] * (first[i] - mean) ** 2 / m
    variance /= max(1.0 - square, 1.0 / m)
    merged, centre = np.empty(m), 0.0
    for i in range(m):
        merged[i] = x[slot[i]] - mean + keep * (x[i] - mean)
        centre += merged[i] / m
    spread = 0.0
    for i in range(m):
        spread += (merged[i] - centre) ** 2 / (m - 1)
    # one particle drawn for all slots has no spread to scale
    scale = np.sqrt(variance / spread) if spread > 0.0 else 0.0
    for i in range(m):
        x[i] = mean + scale * (merged[i] - centre)
