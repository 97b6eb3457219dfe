"""The Gaussian mixture of ancestors, and its closed form for identity + Gaussian observations.

Given its ancestor j a scalar is z ~ N(mu_j, q), with mu_j the noise-free forecast of member j. All
observations of the scalar merge into one by precision, at any common taper weight w:

    1/r = w sum_i 1/r_i,    y = (sum_i y_i / r_i) / (sum_i 1/r_i)

and with K = q / (q + r) (LSMCMC paper, Example 3.1; diagonal Q, selection C)

    log I_j  = -(y - mu_j)^2 / (2 (q + r)) + a constant        the ancestor's log weight
    z | j, y ~ N(mu_j + K (y - mu_j), (1 - K) q)

q = 0 needs no special case: K = 0 and z stays at mu_j. The log weight is given relative to a
perfect fit of every observation, the scale on which the quadrature gives its own (see
`halocast.samplers.quadrature`): it does not depend on units.

Differences are taken from a reference member before they are averaged, so scalars on which all
members agree (land) come out exactly as they went in.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import numpy as np
from numba import njit


class MergedObservation(NamedTuple):
    """All Gaussian observations of one scalar as one: its value, error variance and misfit.

    ``misfit`` is what the observations disagree among themselves, sum_i (y_i - y)^2 / (2 r_i).
    """

    value: float
    variance: float
    misfit: float


@njit(cache=True, nogil=True, error_model="numpy")
def merge_gaussian(value, error):
    """Merge the observations (k,) of one scalar by precision, in the order given."""
    precision, reference = 0.0, value[0]
    shift = 0.0
    for o in range(value.size):
        p = 1.0 / (error[o] * error[o])
        precision += p
        shift += p * (value[o] - reference)
    merged = reference + shift / precision
    misfit = 0.0
    for o in range(value.size):
        d = (value[o] - merged) / error[o]
        misfit += 0.5 * d * d
    return MergedObservation(merged, 1.0 / precision, misfit)


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_log_weights(merged, weight, mu, noise_sd, out):
    """Fill ``out`` (m,) with log I_j at taper weight ``weight``."""
    q = noise_sd * noise_sd
    r = merged.variance / weight
    total = q + r
    constant = 0.5 * log(r / total) - weight * merged.misfit
    for j in range(mu.size):
        d = merged.value - mu[j]
        out[j] = constant - 0.5 * d * d / total


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_conditionals(merged, weight, mu, noise_sd, mean):
    """Fill ``mean`` (m,) with E[z | j, y] and return the variance, which all ancestors share."""
    q = noise_sd * noise_sd
    r = merged.variance / weight
    gain = q / (q + r)
    for j in range(mu.size):
        mean[j] = mu[j] + gain * (merged.value - mu[j])
    return q * (r / (q + r))


@njit(cache=True, nogil=True, error_model="numpy")
def normalise_log_weights(log_weight, out):
    """Fill ``out`` (m,) with normalised weights; return (log of their mean before it, ESS).

    The log of the mean is the log of the mixture's mass. It is NaN, and ``out`` useless, when a
    log weight is NaN or +inf or when all are -inf.
    """
    m = log_weight.size
    highest = log_weight[0]
    for j in range(m):
        highest = max(highest, log_weight[j])
    total = 0.0
    for j in range(m):
        out[j] = exp(log_weight[j] - highest)
        total += out[j]
    squares = 0.0
    for j in range(m):
        out[j] /= total
        squares += out[j] * out[j]
    return highest + log(total / m), 1.0 / squares


@njit(cache=True, nogil=True, inline="always")
def mixture_moments(weight, mean):
    """Mean, and variance between the components, of a mixture with normalised weights.

    ``mean`` holds the components' means; the variance within components is the caller's to add.
    """
    reference = mean[0]
    first = 0.0
    for j in range(weight.size):
        first += weight[j] * (mean[j] - reference)
    between = 0.0
    for j in range(weight.size):
        d = mean[j] - reference - first
        between += weight[j] * (d * d)
    return reference + first, between


class Mixture(NamedTuple):
    """A Gaussian mixture with diagonal covariance after observation (paper, Example 3.1)."""

    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def condition_mixture(
    mu: np.ndarray, noise_sd: np.ndarray, scalar: np.ndarray, value: np.ndarray, error: np.ndarray
) -> Mixture:
    """Condition the equal-weight mixture of N(mu_j, diag(noise_sd^2)) on Gaussian observations.

    Parameters
    ----------
    mu
        Component means, shape (m, n).
    noise_sd
        Standard deviations, shape (n,); 0 makes a component an atom.
    scalar
        Which of the n scalars each observation is of, shape (p,); repeats are allowed.
    value, error
        Observations and their error standard deviations, shape (p,).

    Returns
    -------
    Mixture
        Weights (m,), component means (m, n) and their common variances (n,).
    """
    log_weight = np.zeros(mu.shape[0])
    mean, variance = mu.copy(), noise_sd**2
    part, column = np.empty(mu.shape[0]), np.empty(mu.shape[0])
    for s in np.unique(scalar):
        merged = merge_gaussian(value[scalar == s], error[scalar == s])
        forecast = np.ascontiguousarray(mu[:, s])
        gaussian_log_weights(merged, 1.0, forecast, noise_sd[s], part)
        log_weight += part
        variance[s] = gaussian_conditionals(merged, 1.0, forecast, noise_sd[s], column)
        mean[:, s] = column
    weight = np.empty(mu.shape[0])
    normalise_log_weights(log_weight, weight)
    return Mixture(weight, mean, variance)
