"""Eigenvalues and eigenvectors of a small symmetric matrix, by cyclic Jacobi rotations.

One loop, no library: the same bits on any number of threads. Golub & Van Loan, Matrix Computations,
section 8.5. Cost: about 4 n^3 multiplications a sweep, 5 to 8 sweeps.
"""

from __future__ import annotations

from math import sqrt

from numba import njit

_SWEEPS = 40
_TINY = 1e-30


@njit(cache=True, nogil=True)
def symmetric_eigen(a, n, vectors):
    """Turn the leading n x n part of ``a`` into its eigenvalues, on the diagonal.

    Parameters
    ----------
    a
        Symmetric; destroyed. The eigenvalues are left on its diagonal, in no order.
    n
        How many rows and columns to use.
    vectors
        Filled with the eigenvectors, one a row: ``vectors[k]`` belongs to ``a[k, k]``.
    """
    for i in range(n):
        for j in range(n):
            vectors[i, j] = 0.0
        vectors[i, i] = 1.0
    for _ in range(_SWEEPS):
        off, on = 0.0, 0.0
        for i in range(n):
            on += a[i, i] * a[i, i]
            for j in range(i):
                off += a[i, j] * a[i, j]
        if off <= _TINY * on or off == 0.0:
            return
        for p in range(n - 1):
            for q in range(p + 1, n):
                _rotate(a, n, vectors, p, q)


@njit(cache=True, nogil=True, inline="always")
def _rotate(a, n, vectors, p, q):
    """Make a[p, q] zero."""
    apq = a[p, q]
    if apq == 0.0:
        return
    theta = 0.5 * (a[q, q] - a[p, p]) / apq
    t = 1.0 / (abs(theta) + sqrt(theta * theta + 1.0))
    if theta < 0.0:
        t = -t
    c = 1.0 / sqrt(t * t + 1.0)
    s = t * c
    a[p, p] -= t * apq
    a[q, q] += t * apq
    a[p, q] = a[q, p] = 0.0
    for k in range(n):
        if k != p and k != q:
            akp, akq = a[k, p], a[k, q]
            a[k, p] = a[p, k] = c * akp - s * akq
            a[k, q] = a[q, k] = s * akp + c * akq
    for k in range(n):
        vp, vq = vectors[p, k], vectors[q, k]
        vectors[p, k] = c * vp - s * vq
        vectors[q, k] = s * vp + c * vq
