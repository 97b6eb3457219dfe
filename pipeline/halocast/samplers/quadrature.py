"""Exact sampling of pointwise observations of any operator and any noise density.

For one observed scalar with ancestors N(mu_j, q) and observations y_i = h_i(z) + e_i, at taper
weight w (each error scale is sd_i / sqrt(w)),

    I_j = integral of N(z; mu_j, q) prod_i g_i(y_i - h_i(z)) dz

by quadrature in one dimension (nodes: `halocast.samplers.nodes`), as are the mean, the variance
and the inverse cumulative of z given its ancestor. log I_j is given relative to a perfect fit of
every observation. q = 0 makes the scalar an atom at mu_j: I_j is the likelihood there.

Accuracy is checked, not assumed (`halocast.samplers.resolution`); what underflows is redone in the
log domain.

Cost per scalar of n nodes (100 to 400 at the default step) and m ancestors: n evaluations of the
operator and n m products for the factors; per row n of the density and n m products.

The operator and the density are the built-in ones of `halocast.samplers.densities`;
`compile_sampler` makes the same two kernels for others.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from types import FunctionType
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers import likelihoods, panels, resolution
from halocast.samplers.likelihoods import fill_log_likelihood, log_likelihood_at
from halocast.samplers.nodes import (
    UNDERFLOW,
    exponentiate,
    log_moments,
    log_sum,
    make_work,
    sort_ancestors,
    sum_moments,
    sum_nodes,
)
from halocast.samplers.quantiles import draw_quantiles, fill_mixture, mixture_quantiles
from halocast.samplers.resolution import (
    COARSEST,
    Resolution,
    agree,
    lay_nodes,
    operator_width,
    resolve,
    underflow,
)

LOG_SQRT_2PI = 0.9189385332046727


@njit(cache=True, nogil=True, error_model="numpy")
def _first_stride(weight, h, step, width):
    """How many nodes a tapered row may step over: its likelihood is 1 / sqrt(weight) wider."""
    stride = 1
    coarsest = min(COARSEST * step, width / 3.0)
    while stride < 4 and 4.0 * weight * stride * stride <= 1.0:
        if h == 0.0 or 2.0 * stride * h > coarsest:
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
            stride = _first_stride(summed, h, step, operator_width(obs, s, sd))
            while True:
                fill_log_likelihood(error, kind, df, residual, sqrt(summed), n, stride, log_like)
                highest, peak = exponentiate(log_like, n, stride, like)
                sum_nodes(factor, low, high, rule, like, n, stride, even, odd)
                if stride == 1 or (agree(even, odd) and not underflow(even, odd)):
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
        if total > UNDERFLOW:
            a, b = first[j] / total, second[j] / total
            place, square = about + a, b - a * a
        else:
            window = slice(work.first[j], work.last[j])
            place, square = log_moments(
                work.center[j], work.x[window], work.rule[window], work.log_like[window]
            )
        mean[work.order[j]] = origin + sd * place
        variance[work.order[j]] = sd * sd * max(square, 0.0)


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
                    log_weight[r, j] = log_likelihood_at(obs, s, row_weight[r], mu[j])
            mean[s] = mu
            variance[s] = 0.0
            continue
        origin = sort_ancestors(mu, sd, work)
        work, n, found, highest, peak = resolve(obs, s, origin, sd, step, work)
        resolution[s, 0], resolution[s, 1] = found.h, found.half_width
        _fill_rows(
            obs, s, origin, sd, step, work, n, found.h, highest, peak, row_weight[begin:end],
            own_row[s] - begin, log_weight[begin:end], mean[s], variance[s],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _lay_likelihood(obs, s, origin, sd, weight, step, resolution, work):
    """Lay the nodes for draws of one scalar and take the likelihood; scratch, nodes and step."""
    # a cumulative is less exacting than an integral: this keeps it to 0.002
    h = min(1.5 * resolution[0], COARSEST * step)
    work, n = lay_nodes(obs, s, origin, sd, step, Resolution(h, resolution[1]), work)
    a, b = obs.start[s], obs.start[s + 1]
    fill_log_likelihood(
        obs.error[a:b], obs.noise_kind[a:b], obs.df[a:b], work.residual, sqrt(weight), n, 1,
        work.log_like,
    )  # fmt: skip
    exponentiate(work.log_like, n, 1, work.like)
    return work, n, h


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
        work, n, h = _lay_likelihood(obs, s, origin, sd, weight[k], step, resolution[s], work)
        draw_quantiles(work, n, h, ancestor[k], normal[k], out[k])
        for i in range(ancestor.shape[1]):
            out[k, i] = origin + sd * out[k, i]


@njit(cache=True, nogil=True, error_model="numpy")
def map_scalars(obs, scalars, weight, ancestor_weight, normal, step, resolution, out):
    """Find the quantiles of some scalars' mixture over all ancestors.

    Parameters
    ----------
    obs, scalars, weight, step, resolution
        As for `draw_scalars`.
    ancestor_weight
        Posterior weights of the ancestors, normalised, (k, m).
    normal
        The quantiles wanted, as standard normals, (k, d).
    out
        Filled, (k, d); left as it is where the noise is nothing.
    """
    work = make_work(1024, obs.forecast.shape[1], _most_observations(obs))
    for k in range(scalars.size):
        s = scalars[k]
        sd = obs.noise_sd[s]
        if _is_atom(obs.forecast[s], sd):
            continue
        origin = sort_ancestors(obs.forecast[s], sd, work)
        work, n, h = _lay_likelihood(obs, s, origin, sd, weight[k], step, resolution[s], work)
        mixture = fill_mixture(work, n, h, ancestor_weight[k])
        mixture_quantiles(work, n, mixture, normal[k], out[k])
        for i in range(normal.shape[1]):
            out[k, i] = origin + sd * out[k, i]


class Sampler(NamedTuple):
    """The three kernels, for one pair of operator and density functions."""

    condition_scalars: Callable
    draw_scalars: Callable
    map_scalars: Callable


BUILT_IN = Sampler(condition_scalars, draw_scalars, map_scalars)

# every function that meets the operator or the density, callees first
_DEPENDENT = (
    likelihoods.fill_residuals, likelihoods.fill_log_likelihood, likelihoods.fill_untapered,
    likelihoods.log_likelihood_at, panels.find_peaks, panels.panel, panels.panel_difference,
    panels.bisect_panels, resolution.lay_nodes, resolution.resolve, _fill_rows, _lay_likelihood,
    condition_scalars, draw_scalars, map_scalars,
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
    names = {**vars(likelihoods), **vars(panels), **vars(resolution), **globals()}
    names |= {"apply_operator": apply_operator, "log_density": log_density}
    for compiled in _DEPENDENT:
        python = compiled.py_func
        names[python.__name__] = njit(nogil=True, error_model="numpy")(
            FunctionType(python.__code__, names, python.__name__)
        )
    return Sampler(*(names[kernel.__name__] for kernel in BUILT_IN))
