"""Quadrature nodes for one scalar, and the Gaussian factors of its ancestors at them.

Everything is in units of the model-noise sd, x = (z - min_j mu_j) / sqrt(q), so that ancestor j
is a unit Gaussian at X_j; the X_j are sorted. Nodes cover the windows [X_j - K, X_j + K] and skip
what lies between them. Two layouts:

lattice  a uniform step h: the trapezoidal rule, spectrally accurate when the likelihood is
         analytic and wider than h. With X_j = k_j h + d_j the factor at node n is
             exp(-(n h - d_j)^2 / 2) = T_n E_j^n exp(-d_j^2 / 2),   E_j = exp(h d_j),
         a table, a recurrence and a constant: no exponential a node.
panels   Gauss-Legendre panels from adaptive bisection (`halocast.samplers.quadrature`), for
         likelihoods with features narrower than a lattice resolves.

Factors are stored (node, ancestor), so that sums over nodes run over ancestors innermost: element
by element, hence vectorised without changing the order of any sum.
"""

from __future__ import annotations

from math import erfc, exp, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

POINTS = 10
_abscissae, _weights = np.polynomial.legendre.leggauss(POINTS)
GAUSS_X = tuple(float(a) for a in _abscissae)
GAUSS_W = tuple(float(w) for w in _weights)


class Work(NamedTuple):
    """Scratch of one scalar: room for n nodes, m ancestors and k observations.

    x, rule
        Nodes and their quadrature weights, (n,).
    low, high
        The ancestors active at each node, low[g] <= j < high[g], (n,).
    factor
        Gaussian factors, (n, m), set where active.
    residual
        Residual of each observation at each node, (k, n).
    log_like, like
        Log likelihood at the nodes, and the likelihood over its highest value, (n,).
    density, cumulative
        The density of one ancestor at the nodes and its integral, (n,).
    center, order
        The sorted X_j and their member numbers, (m,).
    first, last
        First node of each ancestor's window and the one past its last, (m,).
    zeroth, first_moment, second_moment
        Sums over nodes, (2, m), (m,), (m,).
    """

    x: np.ndarray
    rule: np.ndarray
    low: np.ndarray
    high: np.ndarray
    factor: np.ndarray
    residual: np.ndarray
    log_like: np.ndarray
    like: np.ndarray
    density: np.ndarray
    cumulative: np.ndarray
    center: np.ndarray
    order: np.ndarray
    first: np.ndarray
    last: np.ndarray
    zeroth: np.ndarray
    first_moment: np.ndarray
    second_moment: np.ndarray


@njit(cache=True, nogil=True)
def make_work(n, m, k):
    """Scratch for n nodes, m ancestors and k observations of one scalar."""
    return Work(
        np.empty(n), np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64),
        np.empty((n, m)), np.empty((k, n)), np.empty(n), np.empty(n), np.empty(n), np.empty(n),
        np.empty(m), np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64),
        np.empty((2, m)), np.empty(m), np.empty(m),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def room_for(work, n):
    """The same scratch if it holds n nodes, else a larger one with the ancestors kept."""
    if n <= work.x.size:
        return work
    larger = make_work(2 * n, work.center.size, work.residual.shape[0])
    larger.center[:] = work.center
    larger.order[:] = work.order
    return larger


@njit(cache=True, nogil=True)
def sort_ancestors(mu, sd, work):
    """Fill center and order from the forecasts (m,); return the origin min_j mu_j."""
    order = work.order
    for j in range(mu.size):
        i = j
        while i > 0 and mu[order[i - 1]] > mu[j]:
            order[i] = order[i - 1]
            i -= 1
        order[i] = j
    origin = mu[order[0]]
    for j in range(mu.size):
        work.center[j] = (mu[order[j]] - origin) / sd
    return origin


@njit(cache=True, nogil=True)
def lattice_size(center, half_width, h):
    """How many nodes the lattice of step h needs, at most."""
    steps = np.int64(np.ceil(half_width / h))
    m = center.size
    spread = (center[m - 1] - center[0]) / h
    return np.int64(min(m * (2.0 * steps + 1.0), spread + 2.0 * steps + 3.0))


@njit(cache=True, nogil=True)
def fill_lattice(work, half_width, h):
    """Fill nodes, rule, windows and Gaussian factors of the lattice of step h; how many nodes."""
    steps = np.int64(np.ceil(half_width / h))
    m = work.center.size
    n, run, run_start = 0, 0, 0  # nodes so far; global index and place of the run's first node
    for j in range(m):
        k = np.int64(np.floor(work.center[j] / h + 0.5))
        if j == 0 or k - steps > run + (n - run_start):
            run, run_start = k - steps, n
        work.first[j] = run_start + (k - steps - run)
        work.last[j] = work.first[j] + 2 * steps + 1
        while n < work.last[j]:
            work.x[n] = (run + (n - run_start)) * h
            work.rule[n] = h
            n += 1
    _fill_active(work, n)
    _fill_lattice_factors(work, steps, h)
    return n


@njit(cache=True, nogil=True)
def _fill_active(work, n):
    low, high, m = 0, 0, work.center.size
    for g in range(n):
        while high < m and work.first[high] <= g:
            high += 1
        while low < m and work.last[low] <= g:
            low += 1
        work.low[g], work.high[g] = low, high


@njit(cache=True, nogil=True)
def _fill_lattice_factors(work, steps, h):
    table = np.empty(steps + 1)
    for n in range(steps + 1):
        table[n] = exp(-0.5 * (n * h) * (n * h))
    for j in range(work.center.size):
        middle = work.first[j] + steps
        d = work.center[j] - work.x[middle]
        up = exp(h * d)
        down = 1.0 / up
        rising = exp(-0.5 * d * d)
        falling = rising
        work.factor[middle, j] = rising
        for n in range(1, steps + 1):
            rising *= up
            falling *= down
            work.factor[middle + n, j] = table[n] * rising
            work.factor[middle - n, j] = table[n] * falling


@njit(cache=True, nogil=True)
def fill_panels(work, edges, count, half_width):
    """Fill nodes, rule, windows and Gaussian factors of ``count`` panels (count, 2)."""
    n = 0
    for p in range(count):
        middle = 0.5 * (edges[p, 0] + edges[p, 1])
        radius = 0.5 * (edges[p, 1] - edges[p, 0])
        for i in range(POINTS):
            work.x[n] = middle + radius * GAUSS_X[i]
            work.rule[n] = radius * GAUSS_W[i]
            n += 1
    low, high = 0, 0
    for j in range(work.center.size):
        while low < n and work.x[low] < work.center[j] - half_width:
            low += 1
        while high < n and work.x[high] <= work.center[j] + half_width:
            high += 1
        work.first[j], work.last[j] = low, high
    _fill_active(work, n)
    for g in range(n):
        for j in range(work.low[g], work.high[g]):
            d = work.x[g] - work.center[j]
            work.factor[g, j] = exp(-0.5 * d * d)
    return n


@njit(cache=True, nogil=True)
def sum_nodes(work, n):
    """Fill ``zeroth`` with the integrals over even and over odd nodes of factor x likelihood."""
    work.zeroth[:] = 0.0
    even, odd = work.zeroth[0], work.zeroth[1]
    for g in range(n):
        mass = work.like[g] * work.rule[g]
        total = odd if g & 1 else even
        row = work.factor[g]
        for j in range(work.low[g], work.high[g]):
            total[j] += mass * row[j]


@njit(cache=True, nogil=True)
def sum_moments(work, n, about):
    """Fill the first and second moments of factor x likelihood about the place ``about``."""
    first, second = work.first_moment, work.second_moment
    first[:] = 0.0
    second[:] = 0.0
    for g in range(n):
        d = work.x[g] - about
        mass = work.like[g] * work.rule[g] * d
        square = mass * d
        row = work.factor[g]
        for j in range(work.low[g], work.high[g]):
            first[j] += mass * row[j]
            second[j] += square * row[j]


@njit(cache=True, nogil=True)
def log_sum(work, j):
    """Log of ancestor j's integral, node by node in the log domain: for what underflows."""
    highest = -np.inf
    for g in range(work.first[j], work.last[j]):
        d = work.x[g] - work.center[j]
        highest = max(highest, work.log_like[g] - 0.5 * d * d)
    total = 0.0
    for g in range(work.first[j], work.last[j]):
        d = work.x[g] - work.center[j]
        total += work.rule[g] * exp(work.log_like[g] - 0.5 * d * d - highest)
    return highest + np.log(total)


@njit(cache=True, nogil=True)
def fill_cumulative(work, j):
    """Fill density and cumulative of ancestor j: piecewise linear density between the nodes.

    Products of factor and likelihood, or, when these underflow, from their logarithms.
    """
    first, last = work.first[j], work.last[j]
    total = 0.0
    for g in range(first, last):
        work.density[g] = work.factor[g, j] * work.like[g]
        total += work.density[g]
    if not total > 1e-280:
        highest = -np.inf
        for g in range(first, last):
            d = work.x[g] - work.center[j]
            work.density[g] = work.log_like[g] - 0.5 * d * d
            highest = max(highest, work.density[g])
        for g in range(first, last):
            work.density[g] = exp(work.density[g] - highest)
    work.cumulative[first] = 0.0
    for g in range(first + 1, last):
        area = 0.5 * (work.density[g] + work.density[g - 1]) * (work.x[g] - work.x[g - 1])
        work.cumulative[g] = work.cumulative[g - 1] + area


@njit(cache=True, nogil=True)
def quantile_at_normal(work, j, normal):
    """The place x where ancestor j's cumulative equals that of a standard normal at ``normal``."""
    low, high = work.first[j], work.last[j] - 1
    target = 0.5 * erfc(-normal / sqrt(2.0)) * work.cumulative[high]
    while high - low > 1:
        middle = (low + high) // 2
        if work.cumulative[middle] <= target:
            low = middle
        else:
            high = middle
    width = work.x[high] - work.x[low]
    left, right = work.density[low], work.density[high]
    area = (target - work.cumulative[low]) / width
    root = sqrt(max(left * left + 2.0 * (right - left) * area, 0.0))
    if not left + root > 0.0:
        return work.x[low]
    return work.x[low] + width * min(2.0 * area / (left + root), 1.0)
