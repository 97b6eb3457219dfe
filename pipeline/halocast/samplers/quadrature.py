"""Exact sampling of pointwise observations of any operator and any noise density.

For one observed scalar with ancestors N(mu_j, q) and observations y_i = h_i(z) + e_i, at taper
weight w (each error scale is sd_i / sqrt(w)),

    I_j = integral of N(z; mu_j, q) prod_i g_i(y_i - h_i(z)) dz

by quadrature in one dimension (nodes: `halocast.samplers.nodes`), as are the mean, the variance
and the inverse cumulative of z given its ancestor. log I_j is given relative to a perfect fit of
every observation. q = 0 makes the scalar an atom at mu_j: I_j is the likelihood there.

Accuracy is checked, not assumed, on the untapered likelihood (w = 1, the narrowest), hence in the
same way for every block that sees the scalar:

* the integrals over even and over odd nodes estimate the trapezoidal error at twice the step, and
  the error at the step is about their square; above 1e-5 the step is halved, and then
* Gauss-Legendre panels are bisected until each agrees with its halves to 1e-11;
* a window whose ends still carry mass is doubled (observations far from every member);
* what underflows is redone in the log domain.

Cost per scalar of n nodes (about 150 at the default step), m ancestors: n m products for the
factors; per row n evaluations of the density and n m products.

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
    fill_cumulative,
    fill_lattice,
    fill_panels,
    lattice_size,
    log_sum,
    make_work,
    quantile_at_normal,
    room_for,
    sort_ancestors,
    sum_moments,
    sum_nodes,
)

HALF_WIDTH, WIDEST = 7.5, 60.0
RESOLVED = 1e-5
ENDED = 1e-11
AGREED = 1e-11
IRRELEVANT = 100.0
UNDERFLOW = 1e-280
LOG_SQRT_2PI = 0.9189385332046727
PANELS = 2  # refinement: 0 the step, 1 half the step, 2 panels


class ObservedScalars(NamedTuple):
    """S observed scalars and their p observations, m members.

    forecast (m, p) and noise_sd (p,) are those of the scalar behind each observation; start,
    index are the CSR of each scalar's observations; the rest are columns of the observations.
    """

    forecast: np.ndarray
    noise_sd: np.ndarray
    value: np.ndarray
    error: np.ndarray
    operator: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    start: np.ndarray
    index: np.ndarray


class Resolution(NamedTuple):
    """How finely one scalar must be integrated: refinement and half-width of the windows."""

    refinement: int
    half_width: float


@njit(cache=True, nogil=True)
def _fill_residuals(obs, s, origin, sd, work, n):
    for k in range(obs.start[s + 1] - obs.start[s]):
        o = obs.index[obs.start[s] + k]
        for g in range(n):
            z = origin + sd * work.x[g]
            work.residual[k, g] = obs.value[o] - apply_operator(
                obs.operator[o], z, obs.center[o], obs.scale[o]
            )


@njit(cache=True, nogil=True)
def _fill_likelihood(obs, s, weight, work, n):
    """Fill the likelihood at taper weight ``weight``; return the highest log and its node."""
    log_like = work.log_like
    log_like[:n] = 0.0
    for k in range(obs.start[s + 1] - obs.start[s]):
        o = obs.index[obs.start[s] + k]
        scale = obs.error[o] / sqrt(weight)
        for g in range(n):
            log_like[g] += log_density(obs.noise_kind[o], work.residual[k, g], scale, obs.df[o])
    peak = 0
    for g in range(n):
        if log_like[g] > log_like[peak]:
            peak = g
    highest = log_like[peak]
    for g in range(n):
        work.like[g] = exp(log_like[g] - highest)
    return highest, peak


@njit(cache=True, nogil=True)
def _log_likelihood_at(obs, s, weight, z):
    total = 0.0
    for k in range(obs.start[s], obs.start[s + 1]):
        o = obs.index[k]
        residual = obs.value[o] - apply_operator(obs.operator[o], z, obs.center[o], obs.scale[o])
        total += log_density(obs.noise_kind[o], residual, obs.error[o] / sqrt(weight), obs.df[o])
    return total


@njit(cache=True, nogil=True)
def _best_fit(obs, s, origin, sd, work, n):
    """Highest log likelihood (w = 1) at the nodes and at the roots of each residual."""
    best = -np.inf
    for g in range(n):
        best = max(best, work.log_like[g])
    for k in range(obs.start[s + 1] - obs.start[s]):
        o = obs.index[obs.start[s] + k]
        for g in range(1, n):
            a, b = work.x[g - 1], work.x[g]
            left = work.residual[k, g - 1]
            if (left > 0.0) == (work.residual[k, g] > 0.0):
                continue
            for _ in range(50):
                x = 0.5 * (a + b)
                z = origin + sd * x
                h = apply_operator(obs.operator[o], z, obs.center[o], obs.scale[o])
                if (obs.value[o] - h > 0.0) == (left > 0.0):
                    a = x
                else:
                    b = x
            best = max(best, _log_likelihood_at(obs, s, 1.0, origin + sd * 0.5 * (a + b)))
    return best


@njit(cache=True, nogil=True)
def _panel(obs, s, origin, sd, a, b, log_like):
    """Fill the log likelihood (w = 1) at the Gauss-Legendre nodes of [a, b]; the highest."""
    highest = -np.inf
    for i in range(POINTS):
        x = 0.5 * (a + b) + 0.5 * (b - a) * GAUSS_X[i]
        log_like[i] = _log_likelihood_at(obs, s, 1.0, origin + sd * x)
        highest = max(highest, log_like[i])
    return highest


@njit(cache=True, nogil=True)
def _panel_resolved(obs, s, origin, sd, a, b, best, scratch):
    """Whether the likelihood on [a, b] agrees with that on its halves, or cannot matter."""
    middle = 0.5 * (a + b)
    highest = _panel(obs, s, origin, sd, a, b, scratch[0])
    highest = max(highest, _panel(obs, s, origin, sd, a, middle, scratch[1]))
    highest = max(highest, _panel(obs, s, origin, sd, middle, b, scratch[2]))
    if not highest > best - IRRELEVANT:
        return True
    whole, halves = 0.0, 0.0
    for i in range(POINTS):
        whole += GAUSS_W[i] * exp(scratch[0, i] - highest)
        left, right = exp(scratch[1, i] - highest), exp(scratch[2, i] - highest)
        halves += 0.5 * GAUSS_W[i] * (left + right)
    return abs(whole - halves) <= AGREED * halves


@njit(cache=True, nogil=True)
def _bisect_panels(obs, s, origin, sd, center, half_width, best):
    """Panels, at most 1 wide, on which the likelihood is resolved: edges (count, 2), count."""
    deepest = 40
    edges, count = np.empty((256, 2)), 0
    stack = np.empty((deepest + 2, 3))
    scratch = np.empty((3, POINTS))
    covered = -np.inf
    for j in range(center.size):
        begin, end = max(center[j] - half_width, covered), center[j] + half_width
        pieces = max(np.int64(np.ceil(end - begin)), 0)
        for piece in range(pieces):
            stack[0, 0] = begin + (end - begin) * piece / pieces
            stack[0, 1] = begin + (end - begin) * (piece + 1) / pieces
            stack[0, 2] = 0.0
            top = 1
            while top > 0:
                top -= 1
                a, b, depth = stack[top, 0], stack[top, 1], stack[top, 2]
                if depth < deepest and not _panel_resolved(obs, s, origin, sd, a, b, best, scratch):
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


@njit(cache=True, nogil=True)
def _lay_nodes(obs, s, origin, sd, step, resolution, work):
    """Lay the nodes of one scalar and take the residuals there; return (scratch, nodes)."""
    half_width = resolution.half_width
    h = step if resolution.refinement == 0 else 0.5 * step
    work = room_for(work, lattice_size(work.center, half_width, h))
    n = fill_lattice(work, half_width, h)
    _fill_residuals(obs, s, origin, sd, work, n)
    if resolution.refinement == PANELS:
        _fill_likelihood(obs, s, 1.0, work, n)
        best = _best_fit(obs, s, origin, sd, work, n)
        edges, count = _bisect_panels(obs, s, origin, sd, work.center, half_width, best)
        work = room_for(work, count * POINTS)
        n = fill_panels(work, edges, count, half_width)
        _fill_residuals(obs, s, origin, sd, work, n)
    return work, n


@njit(cache=True, nogil=True)
def _windows_end(work):
    """Whether every ancestor's window holds its mass, with nothing left at the ends."""
    for j in range(work.center.size):
        total = work.zeroth[0, j] + work.zeroth[1, j]
        if not total > UNDERFLOW:
            return False
        for g in (work.first[j], work.last[j] - 1):
            if not work.factor[g, j] * work.like[g] <= ENDED * total:
                return False
    return True


@njit(cache=True, nogil=True)
def _steps_resolve(work):
    """Whether even and odd nodes agree for every ancestor."""
    for j in range(work.center.size):
        even, odd = work.zeroth[0, j], work.zeroth[1, j]
        if not abs(even - odd) <= RESOLVED * (even + odd):
            return False
    return True


@njit(cache=True, nogil=True)
def _resolve(obs, s, origin, sd, step, work):
    """Find the resolution the untapered likelihood needs; return (scratch, nodes, resolution)."""
    refinement, half_width = 0, HALF_WIDTH
    while True:
        resolution = Resolution(refinement, half_width)
        work, n = _lay_nodes(obs, s, origin, sd, step, resolution, work)
        _fill_likelihood(obs, s, 1.0, work, n)
        sum_nodes(work, n)
        if refinement < PANELS and not _steps_resolve(work):
            refinement += 1
        elif half_width < WIDEST and not _windows_end(work):
            half_width *= 2.0
        else:
            return work, n, resolution


@njit(cache=True, nogil=True)
def _fill_row(work, n, highest, out):
    """Fill ``out`` (m,) with log I_j from the nodes."""
    sum_nodes(work, n)
    for j in range(work.center.size):
        total = work.zeroth[0, j] + work.zeroth[1, j]
        if total > UNDERFLOW:
            out[work.order[j]] = highest + log(total) - LOG_SQRT_2PI
        else:
            out[work.order[j]] = log_sum(work, j) - LOG_SQRT_2PI


@njit(cache=True, nogil=True)
def _fill_conditionals(work, n, peak, origin, sd, mean, variance):
    """Fill mean and variance (m,) of z given each ancestor; `sum_nodes` has been called."""
    about = work.x[peak]
    sum_moments(work, n, about)
    for j in range(work.center.size):
        total = work.zeroth[0, j] + work.zeroth[1, j]
        a, b = 0.0, 0.0
        if total > UNDERFLOW:
            a, b = work.first_moment[j] / total, work.second_moment[j] / total
        mean[work.order[j]] = origin + sd * (about + a)
        variance[work.order[j]] = sd * sd * max(b - a * a, 0.0)


@njit(cache=True, nogil=True)
def _is_atom(mu, sd):
    """Whether the noise is nothing, or nothing beside the spread of the members."""
    low, high = mu[0], mu[0]
    for j in range(mu.size):
        low, high = min(low, mu[j]), max(high, mu[j])
    return not high - low < 1e10 * sd


@njit(cache=True, nogil=True)
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
        Filled: (R, m); (S, m); (S, m); (S, 2) refinement and half-width, for `draw_scalar`.
    """
    m = obs.forecast.shape[0]
    most = 1
    for s in range(chosen.size):
        most = max(most, obs.start[s + 1] - obs.start[s])
    work = make_work(1024, m, most)
    mu = np.empty(m)
    for s in range(chosen.size):
        if not chosen[s]:
            continue
        first = obs.index[obs.start[s]]
        mu[:] = obs.forecast[:, first]
        sd = obs.noise_sd[first]
        if _is_atom(mu, sd):
            for r in range(row_start[s], row_start[s + 1]):
                for j in range(m):
                    log_weight[r, j] = _log_likelihood_at(obs, s, row_weight[r], mu[j])
            mean[s] = mu
            variance[s] = 0.0
            continue
        origin = sort_ancestors(mu, sd, work)
        work, n, found = _resolve(obs, s, origin, sd, step, work)
        resolution[s, 0], resolution[s, 1] = found.refinement, found.half_width
        for r in range(row_start[s], row_start[s + 1]):
            highest, peak = _fill_likelihood(obs, s, row_weight[r], work, n)
            _fill_row(work, n, highest, log_weight[r])
            if r == own_row[s]:
                _fill_conditionals(work, n, peak, origin, sd, mean[s], variance[s])


@njit(cache=True, nogil=True)
def draw_scalars(obs, scalars, weight, ancestor, normal, step, resolution, out):
    """Draw each of some scalars for every member, given its ancestor.

    Parameters
    ----------
    obs
        The observed scalars, `ObservedScalars`.
    scalars, weight
        Which of them, and the taper weight of each, (k,).
    ancestor, normal
        Ancestor and standard normal of each member, (k, m).
    step, resolution
        As given to and filled by `condition_scalars`.
    out
        Filled, (k, m).
    """
    m = obs.forecast.shape[0]
    most = 1
    for s in scalars:
        most = max(most, obs.start[s + 1] - obs.start[s])
    work = make_work(1024, m, most)
    mu = np.empty(m)
    for k in range(scalars.size):
        s = scalars[k]
        first = obs.index[obs.start[s]]
        mu[:] = obs.forecast[:, first]
        sd = obs.noise_sd[first]
        if _is_atom(mu, sd):
            for i in range(m):
                out[k, i] = mu[ancestor[k, i]]
            continue
        origin = sort_ancestors(mu, sd, work)
        wanted = Resolution(np.int64(resolution[s, 0]), resolution[s, 1])
        work, n = _lay_nodes(obs, s, origin, sd, step, wanted, work)
        _fill_likelihood(obs, s, weight[k], work, n)
        for j in range(m):
            filled = False
            for i in range(m):
                if ancestor[k, i] != work.order[j]:
                    continue
                if not filled:
                    fill_cumulative(work, j)
                    filled = True
                out[k, i] = origin + sd * quantile_at_normal(work, j, normal[k, i])


class Sampler(NamedTuple):
    """The two kernels, for one pair of operator and density functions."""

    condition_scalars: Callable
    draw_scalars: Callable


BUILT_IN = Sampler(condition_scalars, draw_scalars)

# every function above that meets the operator or the density, callees first
_DEPENDENT = (
    _fill_residuals, _fill_likelihood, _log_likelihood_at, _best_fit, _panel, _panel_resolved,
    _bisect_panels, _lay_nodes, _resolve, condition_scalars, draw_scalars,
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
        names[python.__name__] = njit(nogil=True)(
            FunctionType(python.__code__, names, python.__name__)
        )
    return Sampler(names["condition_scalars"], names["draw_scalars"])
