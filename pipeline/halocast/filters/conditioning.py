"""What observations say of each observed scalar on its own, and exact draws of it.

As the model noise is independent from scalar to scalar and each observation is of one scalar, the
posterior over a region's scalars z and ancestor j,

    pi(z, j) ~ p(j) prod_c N(z_c; mu_jc, q_c) prod_i g_i(y_i | z_c(i)),

factorises: with I_jc the integral of N(z; mu_jc, q_c) times the likelihood of scalar c,

    P(j | y) ~ p(j) prod_c I_jc,    and given j the scalars are independent.

I_jc, the moments and the draws are Gaussian in closed form for identity + Gaussian observations
(`halocast.samplers.mixture`) and come from one-dimensional quadrature for any other
(`halocast.samplers.quadrature`).

Cost: per (scalar, taper weight) row 2 ns a member in closed form, about 5 microseconds by
quadrature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.base import BlockGroup
from halocast.filters.sighting import Sighting
from halocast.samplers.densities import is_closed_form
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.mixture import (
    gaussian_conditionals,
    gaussian_log_weights,
    merge_gaussian,
    mixture_moments,
    normalise_log_weights,
)
from halocast.samplers.quadrature import Sampler


class Conditioned(NamedTuple):
    """What the observations say: of every row, and of the group's own scalars.

    Attributes
    ----------
    closed
        Whether the scalar has identity + Gaussian observations only, (S,).
    log_weight
        log I_j of each row, (R, m).
    mean, variance
        Of an own scalar given each ancestor, (S, m).
    resolution
        Of the quadrature, (S, 2).
    """

    scalars: ObservedScalars
    closed: np.ndarray
    log_weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    resolution: np.ndarray


class Weighed(NamedTuple):
    """Ancestors of each region: normalised weights (R, m), their ESS and log mass (R,)."""

    weight: np.ndarray
    ess: np.ndarray
    mass_log: np.ndarray


def observed_scalars(group: BlockGroup, seen: Sighting) -> ObservedScalars:
    """Return the group's observations scalar after scalar, in the types the kernels know."""

    def sort(column: np.ndarray, kind: type) -> np.ndarray:
        return column[seen.observation].astype(kind, copy=False)

    return ObservedScalars(
        forecast=np.ascontiguousarray(group.observed[:, seen.first].T),
        noise_sd=group.observed_noise_sd[seen.first],
        start=seen.scalar_start,
        value=sort(group.value, np.float64),
        error=sort(group.error, np.float64),
        operator=sort(group.operator, np.int32),
        center=sort(group.center, np.float64),
        scale=sort(group.scale, np.float64),
        noise_kind=sort(group.noise_kind, np.int8),
        df=sort(group.df, np.float64),
    )


def condition(
    scalars: ObservedScalars, seen: Sighting, step: float, sampler: Sampler
) -> Conditioned:
    """Condition every scalar on its observations.

    ``step`` is the quadrature's coarsest, in standard deviations of the model noise.
    """
    count, m = scalars.forecast.shape
    closed = np.zeros(count, dtype=bool)
    if count:
        simple = is_closed_form(scalars.operator, scalars.noise_kind)
        closed = np.logical_and.reduceat(simple, seen.scalar_start[:-1])
    log_weight = np.empty((seen.row_weight.size, m))
    mean, variance = np.empty((count, m)), np.empty((count, m))
    resolution = np.empty((count, 2))
    own_row = np.full(count, -1, dtype=np.int64)
    own_row[seen.own_scalar] = seen.own_row
    rows = (seen.row_start, seen.row_weight, own_row)
    if closed.any():
        _condition_gaussian(scalars, closed, *rows, log_weight, mean, variance)
    if not closed.all():
        sampler.condition_scalars(
            scalars, ~closed, *rows, step, log_weight, mean, variance, resolution
        )
    return Conditioned(scalars, closed, log_weight, mean, variance, resolution)


def weigh_ancestors(seen: Sighting, log_weight: np.ndarray) -> Weighed:
    """Add the rows' log weights up to the ancestors' weights of each region.

    Where they are not finite the weights are equal and the log mass is not finite.
    """
    regions, m = seen.pair_start.size - 1, log_weight.shape[1]
    weighed = Weighed(np.empty((regions, m)), np.empty(regions), np.empty(regions))
    _weigh(seen.pair_start, seen.pair_row, log_weight, *weighed)
    return weighed


def own_moments(
    known: Conditioned, seen: Sighting, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the own scalars, (O,); ``weight`` is theirs, (O, m)."""
    mean, spread = np.empty(seen.own_scalar.size), np.empty(seen.own_scalar.size)
    _fill_moments(seen.own_scalar, known.mean, known.variance, weight, mean, spread)
    return mean, spread


def draw_scalars(
    known: Conditioned,
    seen: Sighting,
    own: np.ndarray,
    ancestor: np.ndarray,
    normal: np.ndarray,
    step: float,
    sampler: Sampler,
) -> np.ndarray:
    """Draw some own scalars, given the ancestor and the standard normal of every draw.

    Parameters
    ----------
    own
        Which of the O own scalars, (k,).
    ancestor, normal
        Shape (k, d).

    Returns
    -------
    Draws (k, d), at the quantile of their normal.
    """
    scalar = seen.own_scalar[own]
    drawn = np.take_along_axis(known.mean[scalar], ancestor.astype(np.int64), axis=1)
    drawn += np.sqrt(known.variance[scalar][:, :1]) * normal
    numeric = np.flatnonzero(~known.closed[scalar])
    if numeric.size:
        out = np.empty((numeric.size, ancestor.shape[1]))
        sampler.draw_scalars(
            known.scalars, scalar[numeric], seen.row_weight[seen.own_row[own[numeric]]],
            ancestor[numeric], normal[numeric], step, known.resolution, out,
        )  # fmt: skip
        drawn[numeric] = out
    return drawn


@njit(cache=True, nogil=True, error_model="numpy")
def _condition_gaussian(
    obs, closed, row_start, row_weight, own_row, log_weight, mean, variance
):  # the closed-form counterpart of `condition_scalars`
    for s in range(closed.size):
        if not closed[s]:
            continue
        these = slice(obs.start[s], obs.start[s + 1])
        merged = merge_gaussian(obs.value[these], obs.error[these])
        mu, sd = obs.forecast[s], obs.noise_sd[s]
        for r in range(row_start[s], row_start[s + 1]):
            gaussian_log_weights(merged, row_weight[r], mu, sd, log_weight[r])
        if own_row[s] >= 0:
            weight = row_weight[own_row[s]]
            variance[s] = gaussian_conditionals(merged, weight, mu, sd, mean[s])


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(pair_start, pair_row, log_weight, weight, ess, mass_log):
    m = weight.shape[1]
    total = np.empty(m)
    for b in range(weight.shape[0]):
        total[:] = 0.0
        for p in range(pair_start[b], pair_start[b + 1]):
            for j in range(m):
                total[j] += log_weight[pair_row[p], j]
        mass_log[b], ess[b] = normalise_log_weights(total, weight[b])
        if not np.isfinite(mass_log[b]):  # refused by the caller, once all are known
            weight[b] = 1.0 / m


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_moments(own_scalar, conditional_mean, conditional_variance, weight, mean, spread):
    for o in range(own_scalar.size):
        s = own_scalar[o]
        mean[o], variance = mixture_moments(weight[o], conditional_mean[s])
        for j in range(weight.shape[1]):
            variance += weight[o, j] * conditional_variance[s, j]
        spread[o] = np.sqrt(variance)
