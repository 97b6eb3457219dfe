"""Centring of noise over members.

Noise is centred and not rescaled: the mean over members is then not disturbed, and the expected
sample variance, with m - 1 in the denominator, is exactly the noise variance.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _centre(noise, mean):  # pragma: no cover - compiled
    m, n = noise.shape
    mean[:] = 0.0
    for j in range(m):
        for c in range(n):
            mean[c] += noise[j, c]
    for c in range(n):
        mean[c] /= m
    for j in range(m):
        for c in range(n):
            noise[j, c] -= mean[c]


def centre(noise: np.ndarray) -> np.ndarray:
    """Return noise less its mean over members; a single member's noise stays as it is.

    ``noise`` has shape (m, …). Members are summed in order, element by element, so the result does
    not depend on how the elements were cut into tiles.
    """
    flat = np.array(noise, dtype=float, order="C").reshape(noise.shape[0], -1)
    if flat.shape[0] > 1:
        _centre(flat, np.empty(flat.shape[1]))
    return flat.reshape(noise.shape)
