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

from halocast.samplers.chains.density import (
    CENTER,
    DF,
    EXPONENTIAL,
    PRECISION,
    SLOPE,
    prepare_sightings,
)
from halocast.samplers.dense import factorise, solve
from halocast.samplers.densities import apply_operator, log_density

_TINY = 1e-10


class Problem(NamedTuple):
    """The posterior of p scalars that are not atoms, as a kernel sees it.

    ``mean`` (m, p) is mu; ``root`` is L: its diagonal, (1, 1, p), where S is diagonal, else L and
    its transpose row by row, (2, p, p). ``scalar`` and ``table`` are the observations, see
    `halocast.samplers.chains.density.Sightings`.
    """

    mean: np.ndarray
    root: np.ndarray
    scalar: np.ndarray
    table: np.ndarray


class Kinship(NamedTuple):
    """What a move from ancestor to ancestor needs to know.

    ``free`` (p,) are the scalars of the target that are not atoms. ``whitened`` (p, m) is
    L^{-1} (mu_j - mu_0), ancestors along a row, of shape (0, 0) where it does not exist.
    ``shift`` and ``offset`` (m, p) are a_j and b_j of the third choice, up to a constant over j.
    """

    free: np.ndarray
    log_prior: np.ndarray
    whitened: np.ndarray
    shift: np.ndarray
    offset: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def prepare(target):
    """Return the `Problem` and the `Kinship` of a target."""
    free = np.flatnonzero(target.sd > 0.0)
    log_prior = target.log_prior.copy()
    _absorb_atoms(target, log_prior)
    seen = _sightings(target, free)
    mean = np.ascontiguousarray(target.mean[:, free])
    sd, root = target.sd[free], _root(target, free)
    information = _information(seen, mean)
    difference = mean - mean[0]
    shift = np.zeros_like(mean)
    if root.shape[0] == 1:
        _fill_diagonal_shift(sd, information, difference, shift)
    else:
        _fill_dense_shift(root[0], information, difference, shift)
    offset = mean.copy()
    for j in range(mean.shape[0]):
        add_noise(root, shift[j], offset[j])
    kinship = Kinship(free, log_prior, _whiten(root, sd, difference), shift, offset)
    return Problem(mean, root, seen.scalar, seen.table), kinship


@njit(cache=True, nogil=True, error_model="numpy")
def add_noise(root, u, s):
    """Add L u to ``s`` (p,)."""
    if root.shape[0] == 1:
        for k in range(u.size):
            s[k] += root[0, 0, k] * u[k]
        return
    for k in range(u.size):
        factor = u[k]
        for i in range(k, u.size):
            s[i] += factor * root[1, k, i]


@njit(cache=True, nogil=True, error_model="numpy")
def whiten_gradient(root, gradient, out):
    """Fill ``out`` (p,) with L' gradient."""
    if root.shape[0] == 1:
        for k in range(out.size):
            out[k] = root[0, 0, k] * gradient[k]
        return
    out[:] = 0.0
    for i in range(out.size):
        factor = gradient[i]
        for k in range(i + 1):
            out[k] += factor * root[0, i, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _root(target, free):
    n = free.size
    if target.factor.shape[0] == 0:
        root = np.empty((1, 1, n))
        root[0, 0] = target.sd[free]
        return root
    root = np.zeros((2, n, n))
    for a in range(n):
        for b in range(a + 1):
            root[0, a, b] = target.factor[free[a], free[b]]
            root[1, b, a] = root[0, a, b]
    return root


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
    out, table = np.zeros(mean.shape[1]), seen.table
    for o in range(seen.scalar.size):
        k, df, slope = seen.scalar[o], table[DF, o], table[SLOPE, o]
        own = table[PRECISION, o] * table[PRECISION, o]
        if df > 0.0:
            own *= (df + 1.0) / (df + 3.0)
        elif df == EXPONENTIAL:
            own *= 2.0
        squared = 0.0
        for j in range(mean.shape[0]):
            x = (mean[j, k] - table[CENTER, o]) * slope
            bend = 1.0 if slope == 0.0 else slope / (1.0 + x * x)
            squared += bend * bend
        out[k] += own * squared / mean.shape[0]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _whiten(root, sd, difference):
    """L^{-1} difference, columns (p, m); of shape (0, 0) where S is singular beyond its atoms."""
    out = np.ascontiguousarray(difference.T)
    diagonal = root.shape[0] == 1
    for k in range(sd.size):
        pivot = sd[k] if diagonal else root[0, k, k]
        if not pivot > _TINY * sd[k]:
            return np.empty((0, 0))
        for i in range(k if not diagonal else 0):
            factor = root[0, k, i]
            for j in range(out.shape[1]):
                out[k, j] -= factor * out[i, j]
        for j in range(out.shape[1]):
            out[k, j] /= pivot
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_diagonal_shift(sd, information, difference, shift):
    """Fill a_j = -sd D (mu_j - mu_0) / (1 + sd^2 D), rows (m, p)."""
    for k in range(sd.size):
        gain = sd[k] * information[k] / (1.0 + sd[k] * sd[k] * information[k])
        for j in range(shift.shape[0]):
            shift[j, k] = -gain * difference[j, k]


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
