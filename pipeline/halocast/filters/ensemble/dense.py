"""Products and solutions of small dense matrices, with the same bits on any number of threads.

Every element is summed in one order, that of the inner index; libraries choose theirs by the
machine. Cost: a k n multiplications for a product (a, k) by (k, n), at about 2 a nanosecond; p^3/3
for a factor.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.filters.letkf.eigen import symmetric_eigen

_COLUMNS = 2048  # of a stretch that stays in the cache


@njit(cache=True, nogil=True)
def product(left, right):
    """Return ``left`` (a, k) times ``right`` (k, n), (a, n)."""
    rows, inner = left.shape
    columns = right.shape[1]
    out = np.zeros((rows, columns))
    for begin in range(0, columns, _COLUMNS):
        end = min(begin + _COLUMNS, columns)
        for i in range(rows):
            line = out[i, begin:end]
            for j in range(inner):
                f, other = left[i, j], right[j, begin:end]
                for c in range(line.size):
                    line[c] += f * other[c]
    return out


@njit(cache=True, nogil=True)
def gram(rows):
    """Return ``rows`` (a, k) times its transpose, (a, a)."""
    count, inner = rows.shape
    turned = np.empty((inner, count))
    for i in range(count):
        for j in range(inner):
            turned[j, i] = rows[i, j]
    out = np.zeros((count, count))
    for i in range(count):
        line = out[i]
        for j in range(inner):
            f, other = rows[i, j], turned[j]
            for c in range(i + 1):
                line[c] += f * other[c]
    for i in range(count):
        for j in range(i):
            out[j, i] = out[i, j]
    return out


@njit(cache=True, nogil=True)
def solve_positive(matrix, right):
    """Solve X ``matrix`` = ``right`` (k, p) for X (k, p); ``matrix`` (p, p) symmetric positive.

    X is NaN where the matrix is not positive: look at it.
    """
    p = matrix.shape[0]
    factor = np.zeros((p, p))
    for i in range(p):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i > j:
                factor[i, j] = total / factor[j, j]
            else:
                factor[i, i] = np.sqrt(total) if total > 0.0 else np.nan
    out = np.empty((p, right.shape[0]))
    for i in range(p):
        line = out[i]
        line[:] = right[:, i]
        for k in range(i):
            f, other = factor[i, k], out[k]
            for c in range(line.size):
                line[c] -= f * other[c]
        line /= factor[i, i]
    for i in range(p - 1, -1, -1):
        line = out[i]
        for k in range(i + 1, p):
            f, other = factor[k, i], out[k]
            for c in range(line.size):
                line[c] -= f * other[c]
        line /= factor[i, i]
    return out.T.copy()


@njit(cache=True, nogil=True)
def spectrum(matrix):
    """Return the eigenvalues of a symmetric matrix (n, n), largest first, and eigenvectors in rows.

    All are NaN where the matrix is not finite.
    """
    n = matrix.shape[0]
    work, vectors, values = matrix.copy(), np.empty((n, n)), np.empty(n)
    symmetric_eigen(work, n, vectors)
    for k in range(n):
        values[k] = work[k, k]
    order = np.argsort(-values)
    return values[order], vectors[order]
