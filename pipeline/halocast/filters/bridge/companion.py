"""Conditioning observed scalars by quadrature, and the companion's likelihoods.

The companion's likelihood of a scalar is the Gaussian that turns the prior N(mean, B_kk) of the
ensemble into the mean and variance of the scalar's posterior given its own observations alone;
flat where the posterior is no narrower than the prior. It depends on the scalar and its taper
weight, not on the block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.bridge.view import View, scalar_covariances
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import Sampler

STEP = 0.1  # of the quadrature, in deviations of a coordinate's conditional prior
FLAT = 1e-6  # share of a prior's precision below which a likelihood counts as flat


def mean_over_members(table: np.ndarray) -> np.ndarray:
    """Mean of each row (k, m), members summed in order whatever the number of rows."""
    total = np.zeros(table.shape[0])
    for j in range(table.shape[1]):
        total += table[:, j]
    return total / table.shape[1]


def take_observations(scalars: ObservedScalars, index: np.ndarray) -> ObservedScalars:
    """Repeat the observations of some scalars, with forecasts still to be put in."""
    count = scalars.start[index + 1] - scalars.start[index]
    start = np.concatenate([[0], np.cumsum(count)])
    rows = np.arange(start[-1]) + np.repeat(scalars.start[index] - start[:-1], count)
    empty = np.empty(0)
    return ObservedScalars(empty, empty, start, *(column[rows] for column in scalars[3:]))


def condition(
    sampler: Sampler, obs: ObservedScalars, weight: np.ndarray, mean: np.ndarray, sd: np.ndarray
) -> tuple[ObservedScalars, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Condition N(mean, sd^2), (k, n) and (k,), on each scalar's observations.

    Returns the scalars with these forecasts, log integrals, means, variances and resolution.
    """
    count, n = mean.shape
    obs = obs._replace(forecast=mean, noise_sd=sd)
    rows = np.arange(count + 1)
    integral, first, second = np.empty((3, count, n))
    resolution = np.empty((count, 2))
    sampler.condition_scalars(
        obs, np.ones(count, dtype=bool), rows, weight, rows[:-1], STEP, integral, first, second,
        resolution,
    )  # fmt: skip
    return obs, integral, first, second, resolution


class Companion(NamedTuple):
    """Gaussian likelihoods that stand for the true ones, (P,): value, variance; if they exist."""

    value: np.ndarray
    variance: np.ndarray
    known: np.ndarray


def make_companion(
    view: View,
    scalar: np.ndarray,
    weight: np.ndarray,
    scalars: ObservedScalars,
    sampler: Sampler,
) -> Companion:
    """Match mean and variance of each pair's scalar given its own observations alone."""
    pair, back = np.unique(
        np.stack([scalar, weight]), axis=1, return_inverse=True
    )  # blocks at the same distance share theirs
    index = pair[0].astype(np.int64)
    centre = mean_over_members(view.forecast[index])
    prior = np.empty(index.size)
    fill_variances(view, index, prior)
    found = condition(
        sampler, take_observations(scalars, index), pair[1], centre[:, None], np.sqrt(prior)
    )
    mean, variance = found[2][:, 0], found[3][:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = 1.0 / variance - 1.0 / prior
        says = (prior > 0) & (gained * prior > FLAT) & np.isfinite(gained)
        value = np.where(says, (mean / variance - centre / prior) / gained, centre)
        spread = np.where(says, 1.0 / gained, np.where(prior > 0, prior, 1.0) / FLAT)
        known = np.isfinite(found[1][:, 0]) & np.isfinite(prior)
    back = back.reshape(-1)
    return Companion(value[back], spread[back], known[back])


@njit(cache=True, nogil=True)
def fill_variances(view, scalars, out):
    """Fill the kernels' variances B_kk of some observed scalars."""
    for a in range(scalars.size):
        out[a] = scalar_covariances(view, scalars[a : a + 1])[1][0, 0]
