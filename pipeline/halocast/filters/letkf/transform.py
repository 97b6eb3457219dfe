"""The transform of one analysis point.

With S = R^(-1/2) rho^(1/2) Y / sqrt(m - 1), (p, m), and delta = R^(-1/2) rho^(1/2) (y - mean of Y's
members), Hunt et al. (2007), equations 20-24, read

    w = S' (I + S S')^-1 delta,     T = (I + S' S)^(-1/2), the symmetric root,
    mean_a = mean_b + A w / sqrt(m - 1),     A_a = A T.

For p < m both come from the p x p matrix S S' = U L U':

    w = S' U (1 + L)^-1 U' delta,     T = I - S' U [1 / (r (1 + r))] U' S,     r = sqrt(1 + L),

which has no division by small eigenvalues; else from S'S, m x m. The symmetric root leaves the mean
alone (T 1 = 1, as S 1 = 0) and moves the members least.

Cost: p m min(p, m) + 9 min(p, m)^3 + m^2 min(p, m) multiplications.
"""

from __future__ import annotations

from math import sqrt

from numba import njit

from halocast.filters.letkf.eigen import symmetric_eigen


@njit(cache=True, nogil=True)
def fill_transform(s, delta, p, square, vectors, row, weight, transform):
    """Fill the mean's weights w (m,) and the symmetric transform T (m, m).

    Parameters
    ----------
    s
        S in its leading p rows, (at least p, m).
    delta
        Scaled innovations, in its first p places.
    square, vectors
        Scratch, at least (min(p, m), min(p, m)).
    row
        Scratch, (m,).
    """
    if p < s.shape[1]:
        _from_observations(s, delta, p, square, vectors, row, weight, transform)
    else:
        _from_members(s, delta, p, square, vectors, row, weight, transform)


@njit(cache=True, nogil=True)
def _from_observations(s, delta, p, square, vectors, row, weight, transform):
    m = s.shape[1]
    for a in range(p):
        for b in range(a + 1):
            total = 0.0
            for i in range(m):
                total += s[a, i] * s[b, i]
            square[a, b] = square[b, a] = total
    symmetric_eigen(square, p, vectors)
    for i in range(m):
        weight[i] = 0.0
        for j in range(m):
            transform[i, j] = 0.0
        transform[i, i] = 1.0
    for k in range(p):
        value = max(square[k, k], 0.0)
        root = sqrt(1.0 + value)
        along = 0.0
        for i in range(m):
            row[i] = 0.0
        for a in range(p):
            u = vectors[k, a]
            along += u * delta[a]
            for i in range(m):
                row[i] += u * s[a, i]
        along /= 1.0 + value
        shrink = 1.0 / (root * (1.0 + root))
        for i in range(m):
            weight[i] += along * row[i]
            f = shrink * row[i]
            for j in range(m):
                transform[i, j] -= f * row[j]


@njit(cache=True, nogil=True)
def _from_members(s, delta, p, square, vectors, row, weight, transform):
    m = s.shape[1]
    for i in range(m):
        for j in range(i + 1):
            square[i, j] = 0.0
        row[i] = 0.0
    for a in range(p):
        for i in range(m):
            f = s[a, i]
            row[i] += f * delta[a]
            for j in range(i + 1):
                square[i, j] += f * s[a, j]
    for i in range(m):
        weight[i] = 0.0
        for j in range(i):
            square[j, i] = square[i, j]
        for j in range(m):
            transform[i, j] = 0.0
    symmetric_eigen(square, m, vectors)
    for k in range(m):
        value = max(square[k, k], 0.0)
        along = 0.0
        for i in range(m):
            along += vectors[k, i] * row[i]
        along /= 1.0 + value
        shrink = 1.0 / sqrt(1.0 + value)
        for i in range(m):
            weight[i] += along * vectors[k, i]
            f = shrink * vectors[k, i]
            for j in range(m):
                transform[i, j] += f * vectors[k, j]
