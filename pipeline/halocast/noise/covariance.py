"""Covariance of the model noise of scalars: a double sum over their terms.

    cov(a, b) = sum_s sum_t coefficient_s coefficient_t C_base(cell_s - cell_t),   base_s = base_t

It is the covariance of the fields that are drawn, to rounding, so a matrix of it has no negative
eigenvalue beyond rounding. Cost: 2 to 4 ns a pair of terms.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.noise.correlation import Correlation, correlation_of_lag, row_of
from halocast.noise.terms import Terms


@njit(cache=True, nogil=True, inline="always")
def covariance_between(correlation, terms_a, a, terms_b, b):  # pragma: no cover - compiled
    """Covariance of scalar a of some terms with scalar b of others, in the product of units."""
    nx = correlation.shape[1]
    per_column = 1.0 / nx
    first, last = terms_b.start[b], terms_b.start[b + 1]
    total = 0.0
    for s in range(terms_a.start[a], terms_a.start[a + 1]):
        base = terms_a.base[s]
        row = row_of(terms_a.cell[s], per_column)
        column = terms_a.cell[s] - row * nx
        inner = 0.0
        for t in range(first, last):
            if terms_b.base[t] == base:
                other = row_of(terms_b.cell[t], per_column)
                dx = column - (terms_b.cell[t] - other * nx)
                inner += terms_b.coefficient[t] * correlation_of_lag(
                    correlation, base, row - other, dx
                )
        total += terms_a.coefficient[s] * inner
    return total


@njit(cache=True, nogil=True)
def fill_covariance(
    correlation, terms_a, rows_a, terms_b, rows_b, out
):  # pragma: no cover - compiled
    """Fill ``out`` (rows_a.size, rows_b.size) with the covariances of some scalars with others."""
    for i in range(rows_a.size):
        for j in range(rows_b.size):
            out[i, j] = covariance_between(correlation, terms_a, rows_a[i], terms_b, rows_b[j])


@njit(cache=True, nogil=True)
def fill_variance(correlation, terms, out):  # pragma: no cover - compiled
    """Fill ``out`` (n,) with the variances of all scalars of some terms."""
    for i in range(out.size):
        out[i] = covariance_between(correlation, terms, i, terms, i)


def covariance_matrix(correlation: Correlation, terms_a: Terms, terms_b: Terms) -> np.ndarray:
    """Return the covariance of every scalar of ``terms_a`` with every one of ``terms_b``.

    Returns
    -------
    Matrix of shape (n_a, n_b).
    """
    out = np.empty((terms_a.n_scalars, terms_b.n_scalars))
    rows_a, rows_b = np.arange(terms_a.n_scalars), np.arange(terms_b.n_scalars)
    fill_covariance(correlation, terms_a, rows_a, terms_b, rows_b, out)
    return out
