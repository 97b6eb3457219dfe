"""Relaxation of an analysis ensemble towards its forecast: RTPS and RTPP.

RTPS (Whitaker & Hamill 2012, eq. 2) gives anomalies back a share of the spread they lost, cell by
cell: A_a <- A_a (1 + alpha (s_b - s_a) / s_a). alpha = 1 restores the forecast's spread exactly.
RTPP (Zhang et al. 2004, eq. 5) mixes the anomalies themselves: A_a <- (1 - alpha) A_a + alpha A_b;
it needs members that are paired with those of the forecast. Neither moves the mean; scalars that
the analysis left alone stay so, bit by bit.

Cost: about 5 ns a member and scalar.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_COLLAPSED = 1e-12  # share of the forecast's spread below which there is nothing to scale


@njit(cache=True, nogil=True)
def _moments(members, f, c):
    """Mean, and root of the sum of squared deviations; exact where members are all alike."""
    m = members.shape[0]
    first, mean = members[0, f, c], 0.0
    for i in range(m):
        mean += members[i, f, c] - first
    mean = first + mean / m
    total = 0.0
    for i in range(m):
        d = members[i, f, c] - mean
        total += d * d
    return mean, np.sqrt(total)


@njit(cache=True, nogil=True)
def _same(before, members, f, c):
    same = True
    for i in range(members.shape[0]):
        same = same and members[i, f, c] == before[i, f, c]
    return same


@njit(cache=True, nogil=True)
def relax_to_prior_spread(before, alpha, members):
    """Relax the spread of ``members`` (m, F, c), in place, towards that of ``before`` (m, F, c)."""
    m, n_fields, n_cells = members.shape
    for f in range(n_fields):
        for c in range(n_cells):
            if _same(before, members, f, c):
                continue
            _, prior = _moments(before, f, c)
            mean, now = _moments(members, f, c)
            if now <= _COLLAPSED * prior:
                continue
            factor = 1.0 + alpha * (prior - now) / now
            for i in range(m):
                members[i, f, c] = mean + factor * (members[i, f, c] - mean)


@njit(cache=True, nogil=True)
def relax_to_prior_perturbations(before, alpha, members):
    """Mix the anomalies of ``members`` (m, F, c), in place, with those of ``before`` (m, F, c)."""
    m, n_fields, n_cells = members.shape
    for f in range(n_fields):
        for c in range(n_cells):
            if _same(before, members, f, c):
                continue
            prior, _ = _moments(before, f, c)
            mean, _ = _moments(members, f, c)
            for i in range(m):
                kept = (1.0 - alpha) * (members[i, f, c] - mean)
                members[i, f, c] = mean + kept + alpha * (before[i, f, c] - prior)
