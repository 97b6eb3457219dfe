"""The likelihood of an observed scalar at quadrature nodes: where operators and densities are met.

The functions here and in `halocast.samplers.panels` and `halocast.samplers.quadrature` that call
``apply_operator`` or ``log_density`` are compiled anew for a user's own, see
`halocast.samplers.quadrature.compile_sampler`.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers.densities import apply_operator, log_density
from halocast.samplers.nodes import exponentiate


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


@njit(cache=True, nogil=True, error_model="numpy")
def fill_residuals(obs, s, origin, sd, work, n):
    """Fill the residuals y - h(z) of scalar ``s`` at its ``n`` nodes, z = origin + sd x."""
    x = work.x
    for o in range(obs.start[s], obs.start[s + 1]):
        value, operator = obs.value[o], obs.operator[o]
        center, scale = obs.center[o], obs.scale[o]
        residual = work.residual[o - obs.start[s]]
        for g in range(n):
            z = origin + sd * x[g]
            residual[g] = value - apply_operator(operator, z, center, scale)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_log_likelihood(error, noise_kind, df, residual, root_weight, n, stride, log_like):
    """Fill the log likelihood of one scalar's observations at every ``stride``-th node."""
    for g in range(0, n, stride):
        log_like[g] = 0.0
    for k in range(error.size):
        sd, kind, freedom = error[k] / root_weight, noise_kind[k], df[k]
        for g in range(0, n, stride):
            log_like[g] += log_density(kind, residual[k, g], sd, freedom)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_untapered(obs, s, work, n):
    """Fill the likelihood at taper weight 1; return its highest logarithm and its node."""
    a, b = obs.start[s], obs.start[s + 1]
    fill_log_likelihood(
        obs.error[a:b], obs.noise_kind[a:b], obs.df[a:b], work.residual, 1.0, n, 1, work.log_like
    )
    return exponentiate(work.log_like, n, 1, work.like)


@njit(cache=True, nogil=True, error_model="numpy")
def log_likelihood_at(obs, s, weight, z):
    """Log likelihood of scalar ``s`` at the value ``z``, errors tapered by ``weight``."""
    total = 0.0
    for o in range(obs.start[s], obs.start[s + 1]):
        residual = obs.value[o] - apply_operator(obs.operator[o], z, obs.center[o], obs.scale[o])
        total += log_density(obs.noise_kind[o], residual, obs.error[o] / sqrt(weight), obs.df[o])
    return total
