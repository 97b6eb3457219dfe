"""Eigenvalues and eigenvectors of a small symmetric matrix.

Reflections make the matrix tridiagonal, implicit QL steps diagonal (Golub & Van Loan, Matrix
Computations, sections 8.3.1 and 8.3.3; Wilkinson's shift). One loop, no library: the same bits on
any number of threads. Inner loops run along rows. Eigenvalues are exact to rounding of the largest.

Cost: about 9 n^3 multiplications.
"""

from __future__ import annotations

from math import copysign, inf, nan, sqrt

import numpy as np
from numba import njit

_STEPS = 60  # of QL for one eigenvalue; 2 are usual
_ROUNDING = 2.0**-53


@njit(cache=True, nogil=True)
def symmetric_eigen(a, n, vectors):
    """Turn the leading n x n part of ``a`` into its eigenvalues, on the diagonal.

    Parameters
    ----------
    a
        Symmetric; destroyed. The eigenvalues are left on its diagonal, in no order; they are NaN
        where the matrix is not finite.
    n
        How many rows and columns to use.
    vectors
        Filled with the eigenvectors, one a row: ``vectors[k]`` belongs to ``a[k, k]``.
    """
    beside, factor, along = np.zeros(n), np.zeros(n), np.empty(n)
    for k in range(n - 2):
        factor[k] = _reflect(a, n, k, beside, along)
    if n > 1:
        beside[n - 2] = a[n - 2, n - 1]
    diagonal, size = np.empty(n), 0.0
    for i in range(n):
        diagonal[i] = a[i, i]
        size = max(size, abs(diagonal[i]) + abs(beside[i]))
    _gather_reflections(a, n, factor, along, vectors)
    if size < inf:
        _diagonalise(diagonal, beside, n, _ROUNDING * size, vectors)
    else:
        diagonal[:] = nan
    for i in range(n):
        a[i, i] = diagonal[i]


@njit(cache=True, nogil=True)
def _reflect(a, n, k, beside, along):
    """Clear row k right of ``beside[k]`` by I - factor v v'; v is left in the row."""
    head, tail = a[k, k + 1], 0.0
    for j in range(k + 2, n):
        tail += a[k, j] * a[k, j]
    if tail == 0.0:
        beside[k] = head
        return 0.0
    norm = sqrt(head * head + tail)
    beside[k] = -copysign(norm, head)
    v = a[k]
    v[k + 1] -= beside[k]
    factor = 1.0 / (norm * (norm + abs(head)))
    for j in range(k + 1, n):
        along[j] = 0.0
    for i in range(k + 1, n):
        f, row = factor * v[i], a[i]
        for j in range(k + 1, n):
            along[j] += f * row[j]
    overlap = 0.0
    for j in range(k + 1, n):
        overlap += along[j] * v[j]
    overlap *= 0.5 * factor
    for j in range(k + 1, n):
        along[j] -= overlap * v[j]
    for i in range(k + 1, n):
        f, g, row = v[i], along[i], a[i]
        for j in range(k + 1, n):
            row[j] -= f * along[j] + g * v[j]
    return factor


@njit(cache=True, nogil=True)
def _gather_reflections(a, n, factor, along, vectors):
    """Fill ``vectors`` with the transposed product of the reflections."""
    for i in range(n):
        for j in range(n):
            vectors[i, j] = 0.0
        vectors[i, i] = 1.0
    for k in range(n - 3, -1, -1):
        v = a[k]
        for j in range(k + 1, n):
            along[j] = 0.0
        for i in range(k + 1, n):
            row = vectors[i]
            for j in range(k + 1, n):
                along[j] += v[i] * row[j]
        for i in range(k + 1, n):
            f, row = factor[k] * v[i], vectors[i]
            for j in range(k + 1, n):
                row[j] -= f * along[j]
    for i in range(n):
        for j in range(i):
            vectors[i, j], vectors[j, i] = vectors[j, i], vectors[i, j]


@njit(cache=True, nogil=True)
def _diagonalise(diagonal, beside, n, small, vectors):
    """Turn a tridiagonal matrix into its eigenvalues; off-diagonals up to ``small`` are zero."""
    for low in range(n):
        for _ in range(_STEPS):
            high = low
            while high < n - 1 and abs(beside[high]) > small:
                high += 1
            if high == low:
                break
            _ql_step(diagonal, beside, n, low, high, vectors)


@njit(cache=True, nogil=True)
def _ql_step(diagonal, beside, n, low, high, vectors):
    """One implicit QL step on rows low…high, by rotations from the bottom up."""
    shift = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low])
    root = copysign(sqrt(shift * shift + 1.0), shift)
    g = diagonal[high] - diagonal[low] + beside[low] / (shift + root)
    s, c, moved = 1.0, 1.0, 0.0
    for i in range(high - 1, low - 1, -1):
        f, b = s * beside[i], c * beside[i]
        r = sqrt(f * f + g * g)
        beside[i + 1] = r
        if r == 0.0:  # the matrix has split on the way
            diagonal[i + 1] -= moved
            beside[high] = 0.0
            return
        s, c = f / r, g / r
        g = diagonal[i + 1] - moved
        r = (diagonal[i] - g) * s + 2.0 * c * b
        moved = s * r
        diagonal[i + 1] = g + moved
        g = c * r - b
        upper, lower = vectors[i], vectors[i + 1]
        for k in range(n):
            x, y = upper[k], lower[k]
            lower[k] = s * x + c * y
            upper[k] = c * x - s * y
    diagonal[low] -= moved
    beside[low] = g
    beside[high] = 0.0
