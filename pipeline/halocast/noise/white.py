"""White noise on some scalars: the draws of those scalars alone. About 9 ns a normal."""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.draws import fill_normals, normal_quantile, uniform_at


@njit(cache=True, nogil=True)
def fill_white_tile(
    out, factor, cells, n_cells, seed, cycle, purpose
):  # pragma: no cover - compiled
    """Fill ``out`` (m, F, c) with ``factor`` (F, c) times the standard normals of flat cells."""
    m, n_fields = out.shape[:2]
    low, high = cells.min(), cells.max() + 1
    stretch = np.empty(high - low)
    for f in range(n_fields):
        if not factor[f].any():
            continue
        for member in range(m):
            fill_normals(stretch, seed, cycle, purpose, member, f * n_cells + low)
            for c in range(cells.size):
                out[member, f, c] = 0.0 + factor[f, c] * stretch[cells[c] - low]


@njit(cache=True, nogil=True)
def fill_white_at(out, factor, scalar, seed, cycle, purpose):  # pragma: no cover - compiled
    """Fill ``out`` (m, k) with ``factor`` (k,) times the standard normals of flat scalars."""
    for k in range(scalar.size):
        if factor[k] == 0.0:
            continue
        for member in range(out.shape[0]):
            normal = normal_quantile(uniform_at(seed, cycle, purpose, member, scalar[k]))
            out[member, k] = 0.0 + factor[k] * normal
