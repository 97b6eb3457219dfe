"""What is computed over members: their mean and spread."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _moments(members, mean, spread):  # pragma: no cover - compiled
    m, n = members.shape
    mean[:] = 0.0
    spread[:] = 0.0
    for j in range(m):
        for c in range(n):
            mean[c] += members[j, c]
    for c in range(n):
        mean[c] /= m
    for j in range(m):
        for c in range(n):
            d = members[j, c] - mean[c]
            spread[c] += d * d
    for c in range(n):
        spread[c] = np.sqrt(spread[c] / m)


def mean_and_spread(members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and (population) standard deviation over members.

    ``members`` has shape (m, …). Members are summed in order, element by element, so the result
    does not depend on how the elements were cut into tiles (as NumPy's reduction would).
    """
    flat = np.ascontiguousarray(members).reshape(members.shape[0], -1)
    mean, spread = np.empty(flat.shape[1]), np.empty(flat.shape[1])
    _moments(flat, mean, spread)
    return mean.reshape(members.shape[1:]), spread.reshape(members.shape[1:])
