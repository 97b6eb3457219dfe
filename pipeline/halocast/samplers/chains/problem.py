"""A target made ready for chains: atoms absorbed, coordinates whitened, ancestors compared.

Atoms (sd 0) follow their ancestor, s_k = mu_jk, so their likelihood is a factor of p(j); it is put
there once and the chain runs over the other scalars.

Those are written s = mu_j + L u, S = LL'. The prior of (u, j) is N(0, I) p(j), a product: the
non-centred coordinates. An ancestor move i -> j is a shift of u that depends on i and j only,

    u -> u - a_i + a_j,    s -> s - b_i + b_j,    b_j = mu_j + L a_j,

whose Jacobian is 1. Three choices of a matter:

    a_j = 0                            u is kept (non-centred)
    a_j = -L^{-1} mu_j                 s is kept (centred)
    a_j = -(I + L'DL)^{-1} L'D mu_j    s less what observations leave of mu_j is kept

The last is between the two, scalar by scalar, according to what the observations know: D is their
mean Fisher information at the ancestors' forecasts (partially non-centred parametrisation,
Papaspiliopoulos, Roberts & Sköld 2003, Bayesian Statistics 7). For linear Gaussian observations it
keeps the departure from the posterior mean of the ancestor, and drawing j anew given what is kept
is then an independent draw from the ancestors' posterior.

Cost: with a diagonal S, O(m p). With a dense one p^3 / 2 + 2 m p^2 once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers.chains.density import Sightings, prepare_sightings
from halocast.samplers.dense import factorise, solve
from halocast.samplers.densities import apply_operator, log_density

_TINY = 1e-10


class Problem(NamedTuple):
    """A target in whitened coordinates, of p scalars that are not atoms.

    ``lower`` (p, p) is L and ``upper`` its transpose, of shape (0, 0) where S is diagonal.
    ``whitened`` (m, p) is L^{-1} (mu_j - mu_0), of shape (0, 0) where it does not exist;
    ``shift`` and ``offset`` (m, p) are a_j and b_j of the third choice, up to a constant over j.
    """

    scalar: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    log_prior: np.ndarray
    seen: Sightings
    whitened: np.ndarray
    shift: np.ndarray
    offset: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def prepare(target):
    """Return the `Problem` of a target."""
    free = np.flatnonzero(target.sd > 0.0)
    log_prior = target.log_prior.copy()
    _absorb_atoms(target, log_prior)
    seen = _sightings(target, free)
    mean = np.ascontiguousarray(target.mean[:, free])
    sd = target.sd[free]
    diagonal = target.factor.shape[0] == 0
    n = 0 if diagonal else free.size
    lower, upper = np.empty((n, n)), np.empty((n, n))
    for a in range(n):
        for b in range(n):
            lower[a, b] = target.factor[free[a], free[b]] if b <= a else 0.0
            upper[b, a] = lower[a, b]
    information = _information(seen, mean)
    difference = mean - mean[0]
    shift = np.zeros_like(mean)
    if diagonal:
        whitened = difference / sd
        for k in range(free.size):
            gain = sd[k] * information[k] / (1.0 + sd[k] * sd[k] * information[k])
            shift[:, k] = -gain * difference[:, k]
        kept = mean + sd * shift
    else:
        whitened = _whiten(upper, sd, difference)
        _fill_dense_shift(lower, information, difference, shift)
        kept = mean.copy()
        for j in range(mean.shape[0]):
            add_noise(sd, upper, shift[j], kept[j])
    return Problem(free, mean, sd, lower, upper, log_prior, seen, whitened, shift, kept)


@njit(cache=True, nogil=True, error_model="numpy")
def add_noise(sd, upper, u, s):
    """Add L u to ``s`` (p,)."""
    if upper.shape[0] == 0:
        for k in range(u.size):
            s[k] += sd[k] * u[k]
        return
    for k in range(u.size):
        factor = u[k]
        for i in range(k, u.size):
            s[i] += factor * upper[k, i]


@njit(cache=True, nogil=True, error_model="numpy")
def whiten_gradient(sd, lower, gradient, out):
    """Fill ``out`` (p,) with L' gradient."""
    if lower.shape[0] == 0:
        for k in range(out.size):
            out[k] = sd[k] * gradient[k]
        return
    out[:] = 0.0
    for i in range(out.size):
        factor = gradient[i]
        for k in range(i + 1):
            out[k] += factor * lower[i, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _absorb_atoms(target, log_prior):
    for k in range(target.sd.size):
        if target.sd[k] > 0.0:
            continue
        for o in range(target.start[k], target.start[k + 1]):
            sd = target.error[o] / np.sqrt(target.weight[k])
            for j in range(log_prior.size):
                h = apply_operator(
                    target.operator[o], target.mean[j, k], target.center[o], target.scale[o]
                )
                residual = target.value[o] - h
                log_prior[j] += log_density(target.noise_kind[o], residual, sd, target.df[o])


@njit(cache=True, nogil=True, error_model="numpy")
def _sightings(target, free):
    count = 0
    for k in free:
        count += target.start[k + 1] - target.start[k]
    row, column = np.empty(count, np.int64), np.empty(count, np.int64)
    at = 0
    for i in range(free.size):
        for o in range(target.start[free[i]], target.start[free[i] + 1]):
            row[at], column[at] = i, o
            at += 1
    return prepare_sightings(
        row, target.value[column], target.error[column], target.operator[column],
        target.center[column], target.scale[column], target.noise_kind[column],
        target.df[column], target.weight[free][row],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _information(seen, mean):
    """Fisher information of each scalar's observations, averaged over the ancestors' forecasts."""
    out = np.zeros(mean.shape[1])
    for o in range(seen.scalar.size):
        k, df = seen.scalar[o], seen.df[o]
        own = seen.precision[o] * seen.precision[o]
        if df > 0.0:
            own *= (df + 1.0) / (df + 3.0)
        squared = 0.0
        for j in range(mean.shape[0]):
            slope = 1.0
            if seen.curved[o]:
                x = (mean[j, k] - seen.center[o]) * seen.slope[o]
                slope = seen.slope[o] / (1.0 + x * x)
            squared += slope * slope
        out[k] += own * squared / mean.shape[0]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _whiten(upper, sd, difference):
    """L^{-1} difference, rows (m, p); of shape (0, 0) where S is singular beyond its atoms."""
    out = difference.copy()
    for k in range(sd.size):
        if not upper[k, k] > _TINY * sd[k]:
            return np.empty((0, 0))
        for j in range(out.shape[0]):
            out[j, k] /= upper[k, k]
            factor = out[j, k]
            for i in range(k + 1, sd.size):
                out[j, i] -= factor * upper[k, i]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_dense_shift(lower, information, difference, shift):
    """Fill a_j = -(I + L'DL)^{-1} L'D (mu_j - mu_0), rows (m, p)."""
    p, m = lower.shape[0], difference.shape[0]
    hessian, right = np.eye(p), np.zeros((p, m))
    for k in range(p):
        for a in range(k + 1):
            factor = information[k] * lower[k, a]
            for c in range(a, k + 1):
                hessian[a, c] += factor * lower[k, c]
            for j in range(m):
                right[a, j] -= factor * difference[j, k]
    factorise(hessian)
    solve(hessian, right)
    shift[:] = right.T
