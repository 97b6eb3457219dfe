"""Exact sampling of pointwise observations of any operator and any noise density.

For one observed scalar with ancestors N(mu_j, q) and observations y_i = h_i(z) + e_i, at taper
weight w (each error scale is sd_i / sqrt(w)),

    I_j = integral of N(z; mu_j, q) prod_i g_i(y_i - h_i(z)) dz

by quadrature in one dimension (nodes: `halocast.samplers.nodes`), as are the mean, the variance
and the inverse cumulative of z given its ancestor. log I_j is given relative to a perfect fit of
every observation. q = 0 makes the scalar an atom at mu_j: I_j is the likelihood there.

Accuracy is checked, not assumed, on the untapered likelihood (w = 1, the narrowest), hence in the
same way for every block that sees the scalar:

* a lattice starts at twice the step asked for, finer where the likelihood's poles are near; the
  integrals over even and over odd nodes estimate its error at twice its own step, and the error
  at its own is about their square; above 1e-5 it is halved, and below half the step asked for
* Gauss-Legendre panels are bisected until each agrees with its halves to 1e-11;
* a window whose ends still carry mass is doubled (observations far from every member);
* what underflows is redone in the log domain.

Cost per scalar of n nodes (100 to 400 at the default step) and m ancestors: n evaluations of the
operator and n m products for the factors; per row n of the density and n m products.

The operator and the density are the built-in ones of `halocast.samplers.densities`;
`compile_sampler` makes the same two kernels for others.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt
from types import FunctionType
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers.densities import apply_operator, log_density
from halocast.samplers.nodes import (
    GAUSS_W,
    GAUSS_X,
    POINTS,
    UNDERFLOW,
    draw_quantiles,
    exponentiate,
    fill_factors,
    lattice_size,
    lay_lattice,
    lay_panels,
    log_sum,
    make_work,
    room_for,
    sort_ancestors,
    sum_moments,
    sum_nodes,
)

HALF_WIDTH, WIDEST = 7.0, 56.0
RESOLVED = 1e-5
ENDED = 1e-10
AGREED = 1e-11
IRRELEVANT = 100.0
LOG_SQRT_2PI = 0.9189385332046727
COARSEST, FINEST = 2.0, 0.5  # lattice steps, in units of the step asked for
POLE = 4.0  # steps wanted within the distance of a likelihood's pole


class ObservedScalars(NamedTuple):
    """S observed scalars of m members, and their p observations scalar after scalar.

    forecast (S, m) and noise_sd (S,) are the scalars'; start (S + 1,) says where the observations
    of each begin in the other columns, (p,).
    """

    forecast: np.ndarray
    noise_sd: np.ndarray
    start: np.ndarray
    value: np.ndarray
    error: np.ndarray
    operator: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray


class Resolution(NamedTuple):
    """How one scalar is integrated: lattice step (0: panels) and half-width of the windows."""

    h: float
    half_width: float


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_residuals(obs, s, origin, sd, work, n):
    x = work.x
    for o in range(obs.start[s], obs.start[s + 1]):
        value, operator = obs.value[o], obs.operator[o]
        center, scale = obs.center[o], obs.scale[o]
        residual = work.residual[o - obs.start[s]]
        for g in range(n):
            z = origin + sd * x[g]
            residual[g] = value - apply_operator(operator, z, center, scale)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_log_likelihood(error, noise_kind, df, residual, root_weight, n, stride, log_like):
    """Fill the log likelihood of one scalar's observations at every ``stride``-th node."""
    for g in range(0, n, stride):
        log_like[g] = 0.0
    for k in range(error.size):
        sd, kind, freedom = error[k] / root_weight, noise_kind[k], df[k]
        for g in range(0, n, stride):
            log_like[g] += log_density(kind, residual[k, g], sd, freedom)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_untapered(obs, s, work, n):
    """Fill the likelihood at taper weight 1; return its highest logarithm and its node."""
    a, b = obs.start[s], obs.start[s + 1]
    _fill_log_likelihood(
        obs.error[a:b], obs.noise_kind[a:b], obs.df[a:b], work.residual, 1.0, n, 1, work.log_like
    )
    return exponentiate(work.log_like, n, 1, work.like)


@njit(cache=True, nogil=True, error_model="numpy")
def _log_likelihood_at(obs, s, weight, z):
    total = 0.0
    for o in range(obs.start[s], obs.start[s + 1]):
        residual = obs.value[o] - apply_operator(obs.operator[o], z, obs.center[o], obs.scale[o])
        total += log_density(obs.noise_kind[o], residual, obs.error[o] / sqrt(weight), obs.df[o])
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _find_peaks(obs, s, origin, sd, work, n):
    """Where the likelihood (w = 1) may peak, and its highest logarithm there.

    Peaks are the roots of each residual, found by bisection between lattice nodes, and the
    local maxima of the likelihood on the lattice.
    """
    peaks, count = np.empty(n * (1 + obs.start[s + 1] - obs.start[s])), 0
    x, log_like = work.x, work.log_like
    best = -np.inf
    for g in range(n):
        best = max(best, log_like[g])
        left, right = log_like[max(g - 1, 0)], log_like[min(g + 1, n - 1)]
        if log_like[g] >= left and log_like[g] >= right and log_like[g] > min(left, right):
            peaks[count] = x[g]
            count += 1
    for o in range(obs.start[s], obs.start[s + 1]):
        residual = work.residual[o - obs.start[s]]
        for g in range(1, n):
            if (residual[g - 1] > 0.0) == (residual[g] > 0.0):
                continue
            a, b = x[g - 1], x[g]
            for _ in range(50):
                middle = 0.5 * (a + b)
                z = origin + sd * middle
                h = apply_operator(obs.operator[o], z, obs.center[o], obs.scale[o])
                if (obs.value[o] - h > 0.0) == (residual[g - 1] > 0.0):
                    a = middle
                else:
                    b = middle
            peaks[count] = 0.5 * (a + b)
            best = max(best, _log_likelihood_at(obs, s, 1.0, origin + sd * peaks[count]))
            count += 1
    return peaks[:count], best


@njit(cache=True, nogil=True, error_model="numpy")
def _panel(obs, s, origin, sd, a, b, log_like):
    """Fill the log likelihood (w = 1) at the Gauss-Legendre nodes of [a, b]; the highest."""
    log_like[:] = 0.0
    middle, radius = origin + sd * 0.5 * (a + b), sd * 0.5 * (b - a)
    for o in range(obs.start[s], obs.start[s + 1]):
        value, operator, center, scale = obs.value[o], obs.operator[o], obs.center[o], obs.scale[o]
        error, kind, df = obs.error[o], obs.noise_kind[o], obs.df[o]
        for i in range(POINTS):
            h = apply_operator(operator, middle + radius * GAUSS_X[i], center, scale)
            log_like[i] += log_density(kind, value - h, error, df)
    return log_like.max()


@njit(cache=True, nogil=True, error_model="numpy")
def _panel_resolved(obs, s, origin, sd, a, b, peaks, best, scratch):
    """Whether the likelihood on [a, b] agrees with that on its halves, or cannot matter.

    It cannot where it is negligible at the nodes and no peak is nearer than the panel's width.
    """
    middle = 0.5 * (a + b)
    highest = _panel(obs, s, origin, sd, a, b, scratch[0])
    highest = max(highest, _panel(obs, s, origin, sd, a, middle, scratch[1]))
    highest = max(highest, _panel(obs, s, origin, sd, middle, b, scratch[2]))
    if not highest > best - IRRELEVANT:
        near = False
        for peak in peaks:
            near = near or (peak > a - (b - a) and peak < b + (b - a))
        if not near:
            return True
    whole, halves = 0.0, 0.0
    for i in range(POINTS):
        whole += GAUSS_W[i] * exp(scratch[0, i] - highest)
        left, right = exp(scratch[1, i] - highest), exp(scratch[2, i] - highest)
        halves += 0.5 * GAUSS_W[i] * (left + right)
    return abs(whole - halves) <= AGREED * halves


@njit(cache=True, nogil=True, error_model="numpy")
def _bisect_panels(obs, s, origin, sd, center, half_width, peaks, best):
    """Panels, at most 1 wide, on which the likelihood is resolved: edges (count, 2), count."""
    deepest = 40
    edges, count = np.empty((256, 2)), 0
    stack = np.empty((deepest + 2, 3))
    scratch = np.empty((3, POINTS))
    covered = -np.inf
    for j in range(center.size):
        begin, end = max(center[j] - half_width, covered), center[j] + half_width
        pieces = max(int(np.ceil(end - begin)), 0)
        for piece in range(pieces):
            stack[0, 0] = begin + (end - begin) * piece / pieces
            stack[0, 1] = begin + (end - begin) * (piece + 1) / pieces
            stack[0, 2] = 0.0
            top = 1
            while top > 0:
                top -= 1
                a, b, depth = stack[top, 0], stack[top, 1], stack[top, 2]
                if depth < deepest and not _panel_resolved(
                    obs, s, origin, sd, a, b, peaks, best, scratch
                ):
                    middle = 0.5 * (a + b)
                    stack[top, 0], stack[top, 1], stack[top, 2] = middle, b, depth + 1
                    stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = a, middle, depth + 1
                    top += 2
                    continue
                if count == edges.shape[0]:
                    larger = np.empty((2 * count, 2))
                    larger[:count] = edges
                    edges = larger
                edges[count, 0], edges[count, 1] = a, b
                count += 1
        covered = end
    return edges, count


@njit(cache=True, nogil=True, error_model="numpy")
def _lay_nodes(obs, s, origin, sd, step, resolution, work):
    """Lay the nodes of one scalar and take the residuals; return (scratch, nodes)."""
    h, half_width = resolution.h, resolution.half_width
    lattice = h if h > 0.0 else FINEST * step
    work = room_for(work, lattice_size(work.center, half_width, lattice))
    n = lay_lattice(work, half_width, lattice)
    _fill_residuals(obs, s, origin, sd, work, n)
    if h > 0.0:
        return work, n
    _fill_untapered(obs, s, work, n)
    peaks, best = _find_peaks(obs, s, origin, sd, work, n)
    edges, count = _bisect_panels(obs, s, origin, sd, work.center, half_width, peaks, best)
    work = room_for(work, count * POINTS)
    n = lay_panels(work, edges, count, half_width)
    _fill_residuals(obs, s, origin, sd, work, n)
    return work, n


@njit(cache=True, nogil=True, error_model="numpy")
def _guess_step(obs, s, work, n, h):
    """The lattice step that the likelihood's poles suggest, given its residuals at step h.

    A Student-t's likelihood has them about sqrt(residual^2 + sd^2) / |slope of the residual| off
    the axis; the trapezoidal rule wants steps below a quarter of that. Only a first guess.
    """
    nearest = np.inf
    for o in range(obs.start[s], obs.start[s + 1]):
        error, residual = obs.error[o], work.residual[o - obs.start[s]]
        for g in range(1, n):
            slope = abs(residual[g] - residual[g - 1])
            squared = residual[g] * residual[g] + error * error
            if squared < nearest * slope * slope:
                nearest = squared / (slope * slope)
    return h * sqrt(nearest) / POLE


@njit(cache=True, nogil=True, error_model="numpy")
def _windows_end(work):
    """Whether every ancestor's window holds its mass, with nothing left at the ends."""
    if _underflow(work.even, work.odd):
        return False
    for j in range(work.center.size):
        total = work.even[j] + work.odd[j]
        for g in (work.first[j], work.last[j] - 1):
            if not work.factor[g, j] * work.like[g] <= ENDED * total:
                return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _agree(even, odd):
    """Whether the sums over even and over odd nodes agree for every ancestor."""
    agreed = True
    for j in range(even.size):
        agreed = agreed and abs(even[j] - odd[j]) <= RESOLVED * (even[j] + odd[j])
    return agreed


@njit(cache=True, nogil=True, error_model="numpy")
def _underflow(even, odd):
    lowest = np.inf
    for j in range(even.size):
        lowest = min(lowest, even[j] + odd[j])
    return not lowest > UNDERFLOW


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve(obs, s, origin, sd, step, work):
    """Find the resolution the untapered likelihood needs; leave nodes, likelihood and sums filled.

    Returns scratch, number of nodes, resolution, highest log likelihood and its node.
    """
    finest = FINEST * step
    h, half_width = COARSEST * step, HALF_WIDTH
    work, n = _lay_nodes(obs, s, origin, sd, step, Resolution(h, half_width), work)
    guess = _guess_step(obs, s, work, n, h)
    laid = not guess < h
    if not laid:
        h = max(guess, finest)
    while True:
        resolution = Resolution(h, half_width)
        if not laid:
            work, n = _lay_nodes(obs, s, origin, sd, step, resolution, work)
        laid = False
        fill_factors(work, n, h)
        highest, peak = _fill_untapered(obs, s, work, n)
        sum_nodes(work.factor, work.low, work.high, work.rule, work.like, n, 1, work.even, work.odd)
        if h > 0.0 and not _agree(work.even, work.odd):
            h = max(0.5 * h, finest) if h > finest else 0.0
        elif half_width < WIDEST and not _windows_end(work):
            half_width *= 2.0
        else:
            return work, n, resolution, highest, peak


@njit(cache=True, nogil=True, error_model="numpy")
def _first_stride(weight, h, step):
    """How many nodes a tapered row may step over: its likelihood is 1 / sqrt(weight) wider."""
    stride = 1
    while stride < 4 and 4.0 * weight * stride * stride <= 1.0:
        if h == 0.0 or 2.0 * stride * h > COARSEST * step:
            break
        stride *= 2
    return stride


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_rows(
    obs, s, origin, sd, step, work, n, h, highest, peak, weights, own, log_weight, mean, variance
):
    """Fill log I_j of a scalar's rows (k, m), and the moments (m,) of its row ``own``.

    Weights increase; those of weight 1 find their sums, ``highest`` and ``peak`` at hand.
    """
    a, b = obs.start[s], obs.start[s + 1]
    error, kind, df = obs.error[a:b], obs.noise_kind[a:b], obs.df[a:b]
    x, rule, residual, log_like, like = (
        work.x, work.rule, work.residual, work.log_like, work.like
    )  # fmt: skip
    factor, low, high, even, odd = work.factor, work.low, work.high, work.even, work.odd
    stride, summed = 1, 1.0
    for r in range(weights.size - 1, -1, -1):
        if weights[r] != summed:
            summed = weights[r]
            stride = _first_stride(summed, h, step)
            while True:
                _fill_log_likelihood(error, kind, df, residual, sqrt(summed), n, stride, log_like)
                highest, peak = exponentiate(log_like, n, stride, like)
                sum_nodes(factor, low, high, rule, like, n, stride, even, odd)
                if stride == 1 or (_agree(even, odd) and not _underflow(even, odd)):
                    break
                stride = 1
        for j in range(even.size):
            total = even[j] + odd[j]
            if total > UNDERFLOW:
                total = highest + log(total)
            else:
                window = slice(work.first[j], work.last[j])
                total = log_sum(work.center[j], x[window], rule[window], log_like[window])
            log_weight[r, work.order[j]] = total - LOG_SQRT_2PI
        if r == own:
            _fill_conditionals(work, n, stride, peak, origin, sd, mean, variance)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_conditionals(work, n, stride, peak, origin, sd, mean, variance):
    """Fill mean and variance (m,) of z given each ancestor, after the sums over nodes."""
    about, m = work.x[peak], work.center.size
    first, second = np.empty(m), np.empty(m)
    sum_moments(work, n, stride, about, first, second)
    for j in range(m):
        total = work.even[j] + work.odd[j]
        a, b = 0.0, 0.0
        if total > UNDERFLOW:
            a, b = first[j] / total, second[j] / total
        mean[work.order[j]] = origin + sd * (about + a)
        variance[work.order[j]] = sd * sd * max(b - a * a, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _most_observations(obs):
    most = 1
    for s in range(obs.noise_sd.size):
        most = max(most, obs.start[s + 1] - obs.start[s])
    return most


@njit(cache=True, nogil=True, error_model="numpy")
def _is_atom(mu, sd):
    """Whether the noise is nothing, or nothing beside the spread of the members."""
    low, high = mu[0], mu[0]
    for j in range(mu.size):
        low, high = min(low, mu[j]), max(high, mu[j])
    return not high - low < 1e10 * sd


@njit(cache=True, nogil=True, error_model="numpy")
def condition_scalars(
    obs, chosen, row_start, row_weight, own_row, step, log_weight, mean, variance, resolution
):
    """Fill log I_j of every row, and the conditional moments of every own row.

    Parameters
    ----------
    obs
        The observed scalars, `ObservedScalars`.
    chosen
        Which of them to treat, bool (S,).
    row_start, row_weight
        CSR of each scalar's taper weights.
    own_row
        The row whose conditionals are wanted, (S,), -1 for none.
    step
        Coarsest step in units of the model-noise sd.
    log_weight, mean, variance, resolution
        Filled: (R, m); (S, m); (S, m); (S, 2) lattice step and half-width, for `draw_scalars`.
    """
    m = obs.forecast.shape[1]
    work = make_work(1024, m, _most_observations(obs))
    for s in range(chosen.size):
        if not chosen[s]:
            continue
        begin, end, mu, sd = row_start[s], row_start[s + 1], obs.forecast[s], obs.noise_sd[s]
        if _is_atom(mu, sd):
            for r in range(begin, end):
                for j in range(m):
                    log_weight[r, j] = _log_likelihood_at(obs, s, row_weight[r], mu[j])
            mean[s] = mu
            variance[s] = 0.0
            continue
        origin = sort_ancestors(mu, sd, work)
        work, n, found, highest, peak = _resolve(obs, s, origin, sd, step, work)
        resolution[s, 0], resolution[s, 1] = found.h, found.half_width
        _fill_rows(
            obs, s, origin, sd, step, work, n, found.h, highest, peak, row_weight[begin:end],
            own_row[s] - begin, log_weight[begin:end], mean[s], variance[s],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def draw_scalars(obs, scalars, weight, ancestor, normal, step, resolution, out):
    """Draw each of some scalars, given the ancestor of every draw.

    Parameters
    ----------
    obs
        The observed scalars, `ObservedScalars`.
    scalars, weight
        Which of them, and the taper weight of each, (k,).
    ancestor, normal
        Ancestor and standard normal of each draw, (k, d).
    step, resolution
        As given to and filled by `condition_scalars`.
    out
        Filled, (k, d).
    """
    work = make_work(1024, obs.forecast.shape[1], _most_observations(obs))
    for k in range(scalars.size):
        s = scalars[k]
        mu, sd = obs.forecast[s], obs.noise_sd[s]
        if _is_atom(mu, sd):
            for i in range(ancestor.shape[1]):
                out[k, i] = mu[ancestor[k, i]]
            continue
        origin = sort_ancestors(mu, sd, work)
        # a cumulative is less exacting than an integral: this keeps it to 0.002
        h = min(1.5 * resolution[s, 0], COARSEST * step)
        work, n = _lay_nodes(obs, s, origin, sd, step, Resolution(h, resolution[s, 1]), work)
        a, b = obs.start[s], obs.start[s + 1]
        _fill_log_likelihood(
            obs.error[a:b], obs.noise_kind[a:b], obs.df[a:b], work.residual, sqrt(weight[k]),
            n, 1, work.log_like,
        )  # fmt: skip
        exponentiate(work.log_like, n, 1, work.like)
        draw_quantiles(work, n, h, ancestor[k], normal[k], out[k])
        for i in range(ancestor.shape[1]):
            out[k, i] = origin + sd * out[k, i]


class Sampler(NamedTuple):
    """The two kernels, for one pair of operator and density functions."""

    condition_scalars: Callable
    draw_scalars: Callable


BUILT_IN = Sampler(condition_scalars, draw_scalars)

# every function above that meets the operator or the density, callees first
_DEPENDENT = (
    _fill_residuals, _fill_log_likelihood, _fill_untapered, _log_likelihood_at, _find_peaks, _panel,
    _panel_resolved, _bisect_panels, _lay_nodes, _resolve, _fill_rows, condition_scalars,
    draw_scalars,
)  # fmt: skip


def compile_sampler(apply_operator: Callable, log_density: Callable) -> Sampler:
    """Compile the sampler for other operators and densities.

    Parameters
    ----------
    apply_operator, log_density
        Compiled functions with the signatures, and the meaning of the arguments, of those in
        `halocast.samplers.densities`; codes are theirs to define. The density's terms that do
        not depend on the residual are free.

    Notes
    -----
    Compiled afresh in every process (some seconds): numba cannot cache what is chosen at run
    time.
    """
    names = {**globals(), "apply_operator": apply_operator, "log_density": log_density}
    for compiled in _DEPENDENT:
        python = compiled.py_func
        names[python.__name__] = njit(nogil=True, error_model="numpy")(
            FunctionType(python.__code__, names, python.__name__)
        )
    return Sampler(names["condition_scalars"], names["draw_scalars"])
