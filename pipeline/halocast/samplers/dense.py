"""Small dense algebra in loops of our own: factors, triangular solves, products.

A symmetric positive definite A is factorised as A = U'U with U upper triangular, held row by row,
so that every inner loop runs along a row of contiguous numbers and adds element by element: it
vectorises without changing the order of any sum. Results depend on the numbers alone, not on
threads, a library's choice of kernel or what else is solved in the same call.

Right-hand sides are the columns of (p, n) arrays. Cost: p^3 / 3 multiplications and additions for
a factor, p^2 n for a solve with both factors, about 1 ns each; less for n of 8 and more.
"""

from __future__ import annotations

from math import sqrt

from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def factorise(a):
    """Overwrite the upper triangle of ``a`` (p, p) with U of a = U'U; return whether it exists.

    Only the upper triangle is read. It does not exist where a pivot is not positive, or lost in
    the rounding of what was subtracted from it.
    """
    p = a.shape[0]
    for k in range(p):
        pivot = a[k, k]
        for h in range(k):
            pivot -= a[h, k] * a[h, k]
        if not pivot > 4e-16 * a[k, k]:
            return False
        root = sqrt(pivot)
        for h in range(k):
            factor = a[h, k]
            for j in range(k + 1, p):
                a[k, j] -= factor * a[h, j]
        a[k, k] = root
        for j in range(k + 1, p):
            a[k, j] /= root
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def solve_lower(u, b):
    """Overwrite b (p, n) with the solution of U'x = b."""
    for k in range(b.shape[0]):
        for h in range(k):
            factor = u[h, k]
            for j in range(b.shape[1]):
                b[k, j] -= factor * b[h, j]
        pivot = u[k, k]
        for j in range(b.shape[1]):
            b[k, j] /= pivot


@njit(cache=True, nogil=True, error_model="numpy")
def solve_upper(u, b):
    """Overwrite b (p, n) with the solution of U x = b."""
    for k in range(b.shape[0] - 1, -1, -1):
        for h in range(k + 1, b.shape[0]):
            factor = u[k, h]
            for j in range(b.shape[1]):
                b[k, j] -= factor * b[h, j]
        pivot = u[k, k]
        for j in range(b.shape[1]):
            b[k, j] /= pivot


@njit(cache=True, nogil=True, error_model="numpy")
def solve(u, b):
    """Overwrite b (p, n) with the solution of U'U x = b."""
    solve_lower(u, b)
    solve_upper(u, b)


@njit(cache=True, nogil=True, error_model="numpy")
def add_product(a, b, out):
    """Add a b to ``out``; shapes (k, p), (p, n) and (k, n)."""
    for i in range(out.shape[0]):
        for h in range(b.shape[0]):
            factor = a[i, h]
            for j in range(out.shape[1]):
                out[i, j] += factor * b[h, j]


@njit(cache=True, nogil=True, error_model="numpy")
def subtract_product(a, b, out):
    """Subtract a b from ``out``; shapes (k, p), (p, n) and (k, n)."""
    for i in range(out.shape[0]):
        for h in range(b.shape[0]):
            factor = a[i, h]
            for j in range(out.shape[1]):
                out[i, j] -= factor * b[h, j]


@njit(cache=True, nogil=True, error_model="numpy")
def add_weighted_squares(h, d, out):
    """Add h' diag(d) h to ``out``; shapes (p, n), (p,) and (n, n)."""
    for k in range(h.shape[0]):
        for a in range(h.shape[1]):
            factor = h[k, a] * d[k]
            for c in range(h.shape[1]):
                out[a, c] += factor * h[k, c]
