"""The continuous ranked probability score of an ensemble.

For members x_1 … x_m and a truth y (Gneiting & Raftery 2007, JASA 102, eq. 20-21),

    CRPS = ∫ (F(z) - 1[z ≥ y])² dz = 1/m Σ_i |x_i - y|  -  1/(2 m²) Σ_i Σ_j |x_i - x_j|,

F being the empirical distribution of the members. This is the score of the ensemble as it is,
not the "fair" estimate for an infinite one (which divides the second sum by m (m - 1) and may be
negative). It has the unit of the variable, equals |x - y| for one member, and is 0 only when all
members equal the truth.

With the members sorted the double sum is a single one (Jordan, Krüger & Lerch 2019, eq. 3):

    CRPS = 2/m² Σ_i (x_(i) - y) (m 1[y < x_(i)] - i + 1/2),   i = 1 … m.

Cost: one sort of m numbers a cell, about 0.4 µs a cell for 25 members.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _score_cells(members, truth, score):  # pragma: no cover - compiled
    m, n = members.shape
    ordered = np.empty(m)
    for cell in range(n):
        y = truth[cell]
        valid = not np.isnan(y)
        for i in range(m):  # insertion sort: members of an ensemble are few
            x = members[i, cell]
            if np.isnan(x):
                valid = False
                break
            k = i
            while k > 0 and ordered[k - 1] > x:
                ordered[k] = ordered[k - 1]
                k -= 1
            ordered[k] = x
        if not valid:
            score[cell] = np.nan
            continue
        total = 0.0
        for i in range(m):
            above = m if y < ordered[i] else 0
            total += (ordered[i] - y) * (above - i - 0.5)
        score[cell] = 2.0 * total / (m * m)


def ensemble_crps(members: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Score an ensemble in every cell.

    Parameters
    ----------
    members
        Shape (m, …), m ≥ 1.
    truth
        Shape (…).

    Returns
    -------
    The score, shape (…), in the unit of the members; NaN where the truth or a member is NaN.

    Notes
    -----
    A cell's score depends on that cell alone, so any cut of the cells gives the same bits.
    """
    members = np.asarray(members, dtype=np.float64)
    truth = np.asarray(truth, dtype=np.float64)
    if members.ndim == 0 or members.shape[1:] != truth.shape or members.shape[0] == 0:
        raise ValueError(f"members have shape {members.shape}, the truth {truth.shape}")
    score = np.empty(truth.size)
    flat = np.ascontiguousarray(members.reshape(members.shape[0], -1))
    _score_cells(flat, np.ascontiguousarray(truth.reshape(-1)), score)
    return score.reshape(truth.shape)
