"""Quadrature nodes for one scalar, and the Gaussian factors of its ancestors at them.

Everything is in units of the model-noise sd, x = (z - min_j mu_j) / sqrt(q), so that ancestor j
is a unit Gaussian at X_j; the X_j are sorted. Nodes cover the windows [X_j - K, X_j + K] and skip
what lies between them. Two layouts:

lattice  a uniform step h: the trapezoidal rule, spectrally accurate when the likelihood is
         analytic and wider than h. With X_j = k_j h + d_j the factor at node k_j + n is
             exp(-(n h - d_j)^2 / 2) = T_n E_j^n exp(-d_j^2 / 2),   E_j = exp(h d_j),
         a table, a recurrence and a constant: no exponential a node.
panels   Gauss-Legendre panels from adaptive bisection (`halocast.samplers.panels`), for
         likelihoods with features narrower than a lattice resolves. Their step h is given as 0.

Factors are stored (node, ancestor) and summed four nodes at a time with the ancestors innermost:
element by element, hence vectorised without changing the order of any sum. A smooth likelihood
may be summed over every 2nd or 4th node.

Scratch travels in one tuple, which costs some 0.3 microseconds a call: functions called per row or
per ancestor take plain arrays.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import numpy as np
from numba import njit

POINTS = 10
BATCH = 16  # nodes that share one stretch of active ancestors
UNDERFLOW = 1e-280
_abscissae, _weights = np.polynomial.legendre.leggauss(POINTS)
GAUSS_X = tuple(float(a) for a in _abscissae)
GAUSS_W = tuple(float(w) for w in _weights)


class Work(NamedTuple):
    """Scratch of one scalar: room for n nodes (a multiple of 16), m ancestors, k observations.

    x, rule
        Nodes and their quadrature weights, (n,).
    factor
        Gaussian factors, (n, m); within the active ancestors of its batch, 0 outside the window.
    low, high
        The ancestors active in each batch of nodes, low <= j < high, (n / 16,).
    residual
        Residual of each observation at each node, (k, n).
    log_like, like
        Log likelihood at the nodes, and the likelihood over its highest value, (n,).
    density, cumulative
        The density of one ancestor at the nodes and its integral, (n,).
    slope, half_gap, bend, per_two_gaps
        Its slope; of the spacing before each node, half of it and its square / 12; and one over
        the distance between the neighbours of each node, (n,).
    table
        exp(-(n h)^2 / 2), (n,).
    center, order
        The sorted X_j and their member numbers, (m,).
    first, last
        First node of each ancestor's window and the one past its last, (m,).
    even, odd
        Sums over even and over odd nodes, (m,).
    """

    x: np.ndarray
    rule: np.ndarray
    factor: np.ndarray
    low: np.ndarray
    high: np.ndarray
    residual: np.ndarray
    log_like: np.ndarray
    like: np.ndarray
    density: np.ndarray
    cumulative: np.ndarray
    slope: np.ndarray
    half_gap: np.ndarray
    bend: np.ndarray
    per_two_gaps: np.ndarray
    table: np.ndarray
    center: np.ndarray
    order: np.ndarray
    first: np.ndarray
    last: np.ndarray
    even: np.ndarray
    odd: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def make_work(n, m, k):
    """Scratch for n nodes, m ancestors and k observations of one scalar."""
    batches = (n + BATCH - 1) // BATCH
    n = BATCH * batches
    return Work(
        np.empty(n), np.empty(n), np.empty((n, m)), np.empty(batches, np.int64),
        np.empty(batches, np.int64), np.empty((k, n)), np.empty(n), np.empty(n), np.empty(n),
        np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(m),
        np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m),
        np.empty(m),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def room_for(work, n):
    """The same scratch if it holds n nodes, else a larger one with the ancestors kept."""
    if n <= work.x.size:
        return work
    larger = make_work(2 * n, work.center.size, work.residual.shape[0])
    larger.center[:] = work.center
    larger.order[:] = work.order
    return larger


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def lattice_size(center, half_width, h):
    """How many nodes the lattice of step h needs, at most."""
    window = 2.0 * np.ceil(half_width / h) + 1.0
    spread = (center[center.size - 1] - center[0]) / h
    return int(min(center.size * window, spread + window + 2.0))


@njit(cache=True, nogil=True, error_model="numpy")
def lay_lattice(work, half_width, h):
    """Fill nodes, rule, windows and table of the lattice of step h; return how many nodes."""
    steps = int(np.ceil(half_width / h))
    n, run, run_start = 0, 0, 0  # nodes so far; global number and place of the run's first node
    for j in range(work.center.size):
        k = int(np.floor(work.center[j] / h + 0.5))
        if j == 0 or k - steps > run + (n - run_start):
            run, run_start = k - steps, n
        work.first[j] = run_start + (k - steps - run)
        work.last[j] = work.first[j] + 2 * steps + 1
        while n < work.last[j]:
            work.x[n] = (run + (n - run_start)) * h
            work.rule[n] = h
            n += 1
    for k in range(steps + 1):
        work.table[k] = exp(-0.5 * (k * h) * (k * h))
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def lay_panels(work, edges, count, half_width):
    """Fill nodes, rule and windows of ``count`` panels, edges (count, 2); how many nodes."""
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
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def fill_column(center, x, table, h, out):
    """Fill ``out`` with the Gaussian factor of an ancestor at the nodes ``x`` of its window."""
    if h == 0.0:
        for g in range(x.size):
            d = x[g] - center
            out[g] = exp(-0.5 * d * d)
        return
    steps = x.size // 2
    d = center - x[steps]
    up = exp(h * d)
    down = 1.0 / up
    rising = exp(-0.5 * d * d)
    falling = rising
    out[steps] = rising
    for k in range(1, steps + 1):
        rising *= up
        falling *= down
        out[steps + k] = table[k] * rising
        out[steps - k] = table[k] * falling


@njit(cache=True, nogil=True, error_model="numpy")
def fill_factors(work, n, h):
    """Fill the Gaussian factors of all ancestors, and which are active where."""
    m = work.center.size
    low, high = 0, 0
    for batch in range((n + BATCH - 1) // BATCH):
        begin, end = BATCH * batch, BATCH * (batch + 1)
        while high < m and work.first[high] < end:
            high += 1
        while low < m and work.last[low] <= begin:
            low += 1
        work.low[batch], work.high[batch] = low, high
        work.factor[begin:end, low:high] = 0.0
        for g in range(max(begin, n), end):
            work.rule[g] = 0.0
    x, factor, table = work.x, work.factor, work.table
    for j in range(m):
        first, last = work.first[j], work.last[j]
        fill_column(work.center[j], x[first:last], table, h, factor[first:last, j])


@njit(cache=True, nogil=True, error_model="numpy")
def exponentiate(log_like, n, stride, like):
    """Fill ``like`` over its highest value at every ``stride``-th node; the log of that, where."""
    highest, peak = log_like[0], 0
    for g in range(0, n, stride):
        if log_like[g] > highest:
            highest, peak = log_like[g], g
    for g in range(0, n, stride):
        like[g] = exp(log_like[g] - highest)
    like[n : BATCH * ((n + BATCH - 1) // BATCH)] = 0.0
    return highest, peak


@njit(cache=True, nogil=True, error_model="numpy")
def sum_nodes(factor, low, high, rule, like, n, stride, even, odd):
    """Fill even and odd with the integrals of factor x likelihood over even and odd nodes.

    Only every ``stride``-th node is used, 1, 2 or 4; their rule is scaled accordingly.
    """
    even[:] = 0.0
    odd[:] = 0.0
    for g0 in range(0, n, 4 * stride):
        g1, g2, g3 = g0 + stride, g0 + 2 * stride, g0 + 3 * stride
        a, b = stride * rule[g0] * like[g0], stride * rule[g1] * like[g1]
        c, d = stride * rule[g2] * like[g2], stride * rule[g3] * like[g3]
        for j in range(low[g0 // BATCH], high[g0 // BATCH]):
            even[j] += a * factor[g0, j] + c * factor[g2, j]
            odd[j] += b * factor[g1, j] + d * factor[g3, j]


@njit(cache=True, nogil=True, error_model="numpy")
def sum_moments(work, n, stride, about, first, second):
    """Fill the first and second moments (m,) of factor x likelihood about the place ``about``."""
    first[:] = 0.0
    second[:] = 0.0
    x, factor, rule, like = work.x, work.factor, work.rule, work.like
    for g0 in range(0, n, 2 * stride):
        g1 = g0 + stride
        d0 = x[g0] - about
        d1 = x[g1] - about if g1 < n else 0.0
        a, b = stride * rule[g0] * like[g0] * d0, stride * rule[g1] * like[g1] * d1
        a2, b2 = a * d0, b * d1
        for j in range(work.low[g0 // BATCH], work.high[g0 // BATCH]):
            first[j] += a * factor[g0, j] + b * factor[g1, j]
            second[j] += a2 * factor[g0, j] + b2 * factor[g1, j]


@njit(cache=True, nogil=True, error_model="numpy")
def log_sum(center, x, rule, log_like):
    """Log of one ancestor's integral, node by node in the log domain: for what underflows."""
    highest = -np.inf
    for g in range(x.size):
        d = x[g] - center
        highest = max(highest, log_like[g] - 0.5 * d * d)
    total = 0.0
    for g in range(x.size):
        d = x[g] - center
        total += rule[g] * exp(log_like[g] - 0.5 * d * d - highest)
    return highest + log(total)


@njit(cache=True, nogil=True, error_model="numpy")
def log_moments(center, x, rule, log_like):
    """Mean and variance of one ancestor's density in the same way."""
    highest, mode = -np.inf, center
    for g in range(x.size):
        d = x[g] - center
        if log_like[g] - 0.5 * d * d > highest:
            highest, mode = log_like[g] - 0.5 * d * d, x[g]
    total, first, second = 0.0, 0.0, 0.0
    for g in range(x.size):
        d, off = x[g] - center, x[g] - mode
        mass = rule[g] * exp(log_like[g] - 0.5 * d * d - highest)
        total += mass
        first += mass * off
        second += mass * off * off
    first /= total
    return mode + first, second / total - first * first
