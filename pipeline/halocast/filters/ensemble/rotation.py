"""Random rotations of the anomalies that keep their mean and their covariance.

Omega (m, m) is orthogonal and Omega 1 = 1: a rotation, uniform over all of them (Haar), of the
m - 1 directions in which members differ (Sakov & Oke 2008b, section 5). It removes the outliers
that symmetric square roots breed in nonlinear models. It is drawn once a cycle, the same for all
windows: blocks that meet keep members that fit.

Cost: m^3 multiplications a cycle, m^2 n to apply.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit

from halocast.draws import Address, Purpose, normals
from halocast.filters.ensemble.dense import product
from halocast.filters.window import Window


def rotate(window: Window, anomalies: np.ndarray) -> np.ndarray:
    """Return anomalies (m, n) rotated by the matrix of the window's cycle."""
    return product(rotation(window.seed, window.cycle, anomalies.shape[0]), anomalies)


@lru_cache(maxsize=8)
def rotation(seed: int, cycle: int, m: int) -> np.ndarray:
    """Return the rotation of a cycle, (m, m), read-only."""
    drawn = normals(Address(seed, cycle, Purpose.ROTATION, 0), (m - 1) ** 2)
    out = _embed(_orthonormal(drawn.reshape(m - 1, m - 1)))
    out.setflags(write=False)
    return out


@njit(cache=True, nogil=True)
def _orthonormal(rows):
    """Gram and Schmidt's rows, twice over: of normals, uniform over the orthogonal group."""
    n = rows.shape[0]
    for i in range(n):
        for _ in range(2):
            for k in range(i):
                overlap = 0.0
                for j in range(n):
                    overlap += rows[i, j] * rows[k, j]
                for j in range(n):
                    rows[i, j] -= overlap * rows[k, j]
        total = 0.0
        for j in range(n):
            total += rows[i, j] * rows[i, j]
        rows[i] /= np.sqrt(total)
    return rows


@njit(cache=True, nogil=True)
def _embed(inner):
    """Let a rotation of m - 1 directions act on what is orthogonal to (1, ..., 1).

    The reflection H that takes the first axis to (1, ..., 1) / sqrt(m) carries it there and back.
    """
    m = inner.shape[0] + 1
    out = np.zeros((m, m))
    out[0, 0] = 1.0
    out[1:, 1:] = inner
    axis = np.full(m, -1.0 / np.sqrt(m))
    axis[0] += 1.0
    size = 2.0 / np.sum(axis * axis) if m > 1 else 0.0
    for i in range(m):  # columns, then rows, by I - size axis axis'
        along = 0.0
        for j in range(m):
            along += out[i, j] * axis[j]
        for j in range(m):
            out[i, j] -= size * along * axis[j]
    for j in range(m):
        along = 0.0
        for i in range(m):
            along += axis[i] * out[i, j]
        for i in range(m):
            out[i, j] -= size * along * axis[i]
    return out
