"""Whether chains can be believed: split R-hat, effective sample size, distinct ancestors.

For a series of P chains of n iterations (Gelman et al. 2013, Bayesian Data Analysis, 11.4-11.5):
each chain is cut in two; with W the mean variance within the halves and B / n that of their means,

    V = (n - 1) / n W + B / n,    R-hat = sqrt(V / W),    rho_t = 1 - (W - mean acov_t) / V

and the integrated autocorrelation time is 1 + 2 sum rho_t, summed over pairs as long as they are
positive, each no larger than the one before (Geyer 1992, Statist. Sci. 7, 473-483). From lag 32
on a pair stands for those that follow, twice as many with every doubling of the lag: the time
comes out a few per cent too long at most, and a slow chain is not slow to judge. A series that
never changes, in chains that agree, has R-hat 1 and all its samples; in chains that do not agree,
the largest R-hat there is: nothing here is infinite or NaN.

Cost: n P a lag, and some tens of lags a series.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit

from halocast.samplers.chains.target import Chains
from halocast.samplers.chains.walk import dot

LARGEST_R_HAT = 1000.0
_DENSE_LAGS = 32

# when chains are believed
R_HAT_LIMIT = 1.1
ACCEPTANCE_LIMIT = 0.01
ESS_LIMIT = 10.0


def mixed(chains: Chains) -> bool:
    """Whether chains agree, every one of them moved, and their samples tell enough."""
    return bool(
        chains.r_hat <= R_HAT_LIMIT
        and chains.ess >= ESS_LIMIT
        and chains.acceptance.min() > ACCEPTANCE_LIMIT
    )


def autocorrelation(x: np.ndarray, lags: int) -> np.ndarray:
    """Autocorrelation of lags 0 … ``lags`` - 1 of a series (n,), or the mean over chains (P, n).

    A series that never changes has autocorrelation 1.
    """
    series = np.atleast_2d(x)
    d = series - series.mean(axis=1, keepdims=True)
    n = d.shape[1]
    out = np.array([(d[:, : n - t] * d[:, t:]).sum() for t in range(min(lags, n))])
    return out / out[0] if out[0] > 0 else np.ones_like(out)


@njit(cache=True, nogil=True, error_model="numpy")
def _halves(series, out):
    """Fill ``out`` (2 P, n // 2) with the halves of chains, less the first value; their means."""
    n = out.shape[1]
    means = np.empty(out.shape[0])
    for h in range(out.shape[0]):
        begin = 0 if h % 2 == 0 else series.shape[1] - n
        total = 0.0
        for t in range(n):
            out[h, t] = series[h // 2, begin + t] - series[0, 0]
            total += out[h, t]
        means[h] = total / n
    return means


@njit(cache=True, nogil=True, error_model="numpy")
def convergence(series):
    """Return split R-hat and effective sample size of one series (P, n), n of 4 and more."""
    size = series.size
    halves = np.empty((2 * series.shape[0], series.shape[1] // 2))
    means = _halves(series, halves)
    chains, n = halves.shape
    middle = means.mean()
    within, between = 0.0, 0.0
    for h in range(chains):
        for t in range(n):
            halves[h, t] -= means[h]
        within += dot(halves[h], halves[h]) / (n - 1)
        between += (means[h] - middle) ** 2 / (chains - 1)
    within /= chains
    pooled = within * (n - 1) / n + between
    if not within > 1e-24 * between:
        return (1.0, float(size)) if between == 0.0 else (LARGEST_R_HAT, 1.0)
    time = _autocorrelation_time(halves, within, pooled)
    return min(sqrt(pooled / within), LARGEST_R_HAT), max(min(size / time, float(size)), 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _correlation(halves, lag, within, pooled):
    chains, n = halves.shape
    total = 0.0
    for h in range(chains):
        total += dot(halves[h, : n - lag], halves[h, lag:])
    return 1.0 - (within - total / (chains * (n - 1))) / pooled


@njit(cache=True, nogil=True, error_model="numpy")
def _autocorrelation_time(halves, within, pooled):
    """Geyer's initial monotone sequence, -1 + 2 sum of pairs, ever fewer of them at long lags."""
    total, previous, lag, stride = 0.0, np.inf, 0, 1
    while lag + 1 < halves.shape[1]:
        first = 1.0 if lag == 0 else _correlation(halves, lag, within, pooled)
        pair = first + _correlation(halves, lag + 1, within, pooled)
        if not pair > 0.0:
            break
        previous = min(previous, pair)
        total += stride * previous
        lag += 2 * stride
        if lag >= _DENSE_LAGS * stride:
            stride *= 2
    return max(2.0 * total - 1.0, 1e-3)


@njit(cache=True, nogil=True, error_model="numpy")
def check(samples, ancestor, log_like, ancestors):
    """Return the worst R-hat, the lowest ESS, and the number of distinct ancestors."""
    chains, n, p = samples.shape
    r_hat, ess = convergence(log_like)
    count = np.zeros(ancestors, np.int64)
    for c in range(chains):
        for t in range(n):
            count[ancestor[c, t]] += 1
    favourite, distinct = 0, 0
    for j in range(ancestors):
        if count[j] > 0:
            distinct += 1
        if count[j] > count[favourite]:
            favourite = j
    series = np.empty((chains, n))
    for k in range(-1, p):
        for c in range(chains):
            for t in range(n):
                series[c, t] = samples[c, t, k] if k >= 0 else 1.0 * (ancestor[c, t] == favourite)
        found = convergence(series)
        r_hat, ess = max(r_hat, found[0]), min(ess, found[1])
    return r_hat, ess, distinct
