"""The bounded-normal rank histogram (Anderson 2010, Mon. Wea. Rev. 138, 4186; 2022, 150, 1061).

m sorted members cut the line into m + 1 stretches, each of mass 1 / (m + 1): uniform between
members, and outside of them a normal's tail with the ensemble's deviation, placed so that just
this mass lies beyond the outermost member; where there is a bound the tail is cut there and
scaled up to the same mass. Bayes' rule multiplies each inner stretch by the mean of the
likelihoods at its ends; the tails by the likelihood itself where it is Gaussian (a normal again),
else by its value at the outermost member.

A distribution is the sorted members x (m,), the stretches' masses (m + 1,) and the tails
(mean, deviation, mean, deviation, lower bound, upper bound). Cost O(m) a build, O(log m) a value.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.draws import normal_quantile
from halocast.filters.quantile.tails import distribution_between, mass_between, quantile_between
from halocast.samplers.densities import GAUSSIAN, log_density


@njit(cache=True, nogil=True)
def prior(x, deviation, lower, upper):
    """Return masses (m + 1,) and tails (6,) of sorted members (m,)."""
    m = x.size
    edge = normal_quantile(1.0 / (m + 1.0)) * deviation
    tails = np.array([x[0] - edge, deviation, x[-1] + edge, deviation, lower, upper])
    return np.full(m + 1, 1.0 / (m + 1.0)), tails


@njit(cache=True, nogil=True)
def posterior(x, tails, y, sd, kind, df):
    """Return masses and tails after an observation y of error ``sd``."""
    m = x.size
    log_mass, out = np.empty(m + 1), tails.copy()
    before = log_density(kind, y - x[0], sd, df)
    left, right = before, before
    for k in range(1, m):
        right = log_density(kind, y - x[k], sd, df)
        top = max(before, right)
        log_mass[k] = top + np.log(0.5 * (np.exp(before - top) + np.exp(right - top)))
        before = right
    if kind == GAUSSIAN:
        log_mass[0] = _tail(out, 0, tails[4], x[0], y, sd)
        log_mass[m] = _tail(out, 2, x[-1], tails[5], y, sd)
    else:
        log_mass[0], log_mass[m] = left, right
    mass = np.exp(log_mass - log_mass.max())
    return mass / mass.sum(), out


@njit(cache=True, nogil=True)
def _tail(tails, at, low, high, y, sd):
    """Multiply the tail between ``low`` and ``high`` by the likelihood; return log of its mass."""
    mean, s2, r = tails[at], tails[at + 1] ** 2, sd * sd
    prior_mass = mass_between((low - mean) / tails[at + 1], (high - mean) / tails[at + 1])
    tails[at] = (mean * r + y * s2) / (s2 + r)
    tails[at + 1] = np.sqrt(s2 * r / (s2 + r))
    kept = mass_between((low - tails[at]) / tails[at + 1], (high - tails[at]) / tails[at + 1])
    if kept <= 0.0 or prior_mass <= 0.0:
        return -np.inf
    return (
        -0.5 * (mean - y) ** 2 / (s2 + r) + 0.5 * np.log(r / (s2 + r)) + np.log(kept / prior_mass)
    )


@njit(cache=True, nogil=True)
def distribution_at(value, x, mass, tails):
    """Return the distribution function at a value."""
    m = x.size
    if value < x[0]:
        low = (tails[4] - tails[0]) / tails[1]
        high = (x[0] - tails[0]) / tails[1]
        return mass[0] * distribution_between((value - tails[0]) / tails[1], low, high)
    if value >= x[-1]:
        low = (x[-1] - tails[2]) / tails[3]
        high = (tails[5] - tails[2]) / tails[3]
        share = distribution_between((value - tails[2]) / tails[3], low, high)
        return 1.0 - mass[m] * (1.0 - share) if value > x[-1] else 1.0 - mass[m]
    k = np.searchsorted(x, value, side="right")
    return mass[:k].sum() + mass[k] * (value - x[k - 1]) / (x[k] - x[k - 1])


@njit(cache=True, nogil=True)
def quantile_at(u, x, mass, tails):
    """Return the value with the share u of the mass below it."""
    m = x.size
    if u < mass[0]:
        low, high = (tails[4] - tails[0]) / tails[1], (x[0] - tails[0]) / tails[1]
        return min(x[0], tails[0] + tails[1] * quantile_between(u / mass[0], low, high))
    below = mass[0]
    for k in range(1, m):
        if u < below + mass[k]:
            return x[k - 1] + (u - below) / mass[k] * (x[k] - x[k - 1])
        below += mass[k]
    if u <= below or mass[m] <= 0.0:
        return x[-1]
    low, high = (x[-1] - tails[2]) / tails[3], (tails[5] - tails[2]) / tails[3]
    share = min((u - below) / mass[m], 1.0)
    return max(x[-1], min(tails[5], tails[2] + tails[3] * quantile_between(share, low, high)))
