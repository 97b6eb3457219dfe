"""One scalar's ensemble as a distribution: to probits and back, and from prior to posterior.

With F the distribution a family fits to the members, z = Phi^-1(F(x)) is its probit: standard
normal for a member of that distribution, of any shape and with any bounds. An observation moves
members so that each keeps its quantile, x^a = F_a^-1(F(x)) (Anderson 2022).

NORMAL        mean and variance (m - 1); no bounds
HISTOGRAM     the bounded-normal rank histogram: quantiles are ranks / (m + 1)
KERNEL        a mixture of normals about the members
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.filters.quantile import histogram, kernel
from halocast.filters.quantile.tails import distribution, probit

NORMAL, HISTOGRAM, KERNEL = 0, 1, 2


@njit(cache=True, nogil=True)
def mean_and_deviation(x):
    """Return mean and standard deviation of members (m,)."""
    mean, square = 0.0, 0.0
    for value in x:
        mean += value / x.size
    for value in x:
        square += (value - mean) ** 2
    return mean, np.sqrt(square / (x.size - 1))


@njit(cache=True, nogil=True)
def probits(values, x, family, lower, upper, exact):
    """Return the probits (k,) of values (k,) in the distribution of members x (m,).

    ``exact``: the values are the members, whose ranks are their quantiles, ties and all.
    """
    mean, s = mean_and_deviation(x)
    out, m = np.empty(values.size), x.size
    if family == NORMAL:
        return (values - mean) / s
    if family == KERNEL:
        weight, h = np.full(m, 1.0 / m), kernel.width(m, s)
        for i in range(values.size):
            out[i] = probit(kernel.distribution_at(values[i], weight, x, h, lower, upper))
        return out
    order = np.argsort(x, kind="mergesort")
    if exact:
        for k in range(m):
            out[order[k]] = probit((k + 1.0) / (m + 1.0))
        return out
    ranked = x[order]
    mass, tails = histogram.prior(ranked, s, lower, upper)
    for i in range(values.size):
        out[i] = probit(histogram.distribution_at(values[i], ranked, mass, tails))
    return out


@njit(cache=True, nogil=True)
def values_of(z, x, family, lower, upper):
    """Return the values (k,) with probits z (k,) in the distribution of members x (m,)."""
    mean, s = mean_and_deviation(x)
    out, m = np.empty(z.size), x.size
    if family == NORMAL:
        return mean + s * z
    if family == KERNEL:
        weight, h = np.full(m, 1.0 / m), kernel.width(m, s)
        for i in range(z.size):
            out[i] = kernel.quantile_at(distribution(z[i]), weight, x, h, lower, upper)
        return out
    ranked = np.sort(x)
    mass, tails = histogram.prior(ranked, s, lower, upper)
    for i in range(z.size):
        out[i] = histogram.quantile_at(distribution(z[i]), ranked, mass, tails)
    return out


@njit(cache=True, nogil=True)
def conserved(x, family, lower, upper, y, sd, kind, df):
    """Return members (m,) moved to the posterior of an observation y, their quantiles kept."""
    mean, s = mean_and_deviation(x)
    out, m = np.empty(x.size), x.size
    if family == NORMAL:
        r = sd * sd
        gain = s * s / (s * s + r)
        return mean + gain * (y - mean) + np.sqrt(r / (s * s + r)) * (x - mean)
    if family == KERNEL:
        weight, h = np.full(m, 1.0 / m), kernel.width(m, s)
        after, centres, narrow = kernel.posterior(x, h, lower, upper, y, sd, kind, df)
        for i in range(m):
            u = kernel.distribution_at(x[i], weight, x, h, lower, upper)
            out[i] = kernel.quantile_at(u, after, centres, narrow, lower, upper)
        return out
    order = np.argsort(x, kind="mergesort")
    ranked = x[order]
    _, tails = histogram.prior(ranked, s, lower, upper)
    mass, moved = histogram.posterior(ranked, tails, y, sd, kind, df)
    for k in range(m):
        out[order[k]] = histogram.quantile_at((k + 1.0) / (m + 1.0), ranked, mass, moved)
    return out
