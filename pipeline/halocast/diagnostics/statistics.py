"""Numbers that compare an estimate with what is held to be true.

    bias   = Σ w (x - y) / Σ w
    rmse   = sqrt(Σ w (x - y)² / Σ w)
    spread = sqrt(Σ w s² / Σ w)           s the ensemble's standard deviation

The root of the *mean variance*, not the mean standard deviation, is what a reliable ensemble's
rmse equals (Fortin et al. 2014, J. Hydrometeor. 15, 1708). Weights w are 1 for observations and
the cell's area for fields. Sums run over the cells in order, one by one, so the same arrays give
the same bits however the work that made them was shared.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.grid import Grid, Place


@njit(cache=True, nogil=True)
def _mean_in_order(values, weights):  # pragma: no cover - compiled
    total, weight = 0.0, 0.0
    for i in range(values.size):
        if weights[i] > 0.0:  # a cell without weight may hold NaN (land)
            total += weights[i] * values[i]
            weight += weights[i]
    return total / weight if weight > 0.0 else np.nan


def weighted_mean(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean over all values with a weight above 0; NaN where there is none.

    ``values`` and ``weights`` have the same shape; no weights means equal ones.
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones(values.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != values.shape:
        raise ValueError(f"values have shape {values.shape}, weights {weights.shape}")
    flat, flat_weights = values.reshape(-1), weights.reshape(-1)
    return float(_mean_in_order(np.ascontiguousarray(flat), np.ascontiguousarray(flat_weights)))


def bias(estimate: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean of estimate minus truth, in their unit."""
    return weighted_mean(np.asarray(estimate) - np.asarray(truth), weights)


def rmse(estimate: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Root mean square of estimate minus truth, in their unit."""
    difference = np.asarray(estimate) - np.asarray(truth)
    return float(np.sqrt(weighted_mean(difference * difference, weights)))


def spread(deviation: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Root mean variance of an ensemble with these standard deviations, in their unit."""
    deviation = np.asarray(deviation)
    return float(np.sqrt(weighted_mean(deviation * deviation, weights)))


def spread_skill(spread: float | np.ndarray, rmse: float | np.ndarray) -> float | np.ndarray:
    """Spread over rmse: 1 when reliable, below 1 when the ensemble is too sure of itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(spread, rmse)


def area_weights(grid: Grid, place: Place, wet: np.ndarray) -> np.ndarray:
    """Area in m² of the cells around the points of ``place``, 0 where not wet; shape (ny, nx).

    On the sphere the area goes with the cosine of the point's latitude; on a plane all are equal.
    """
    width = grid.dx_north if place == "north" else grid.dx
    # the northern edge of a grid that reaches the pole has no width but for rounding
    area = np.maximum(width, 0.0) * grid.dy
    return np.where(wet, area[:, None], 0.0)


def centred_innovation(
    value: np.ndarray, mean: np.ndarray, deviation: np.ndarray, error: np.ndarray
) -> np.ndarray:
    """Innovation over its expected size: (y - x̄) / sqrt(s² + e²), shape (p,).

    ``deviation`` is the ensemble's and ``error`` the observation's standard deviation. Where both
    are right the numbers have mean 0 and variance 1 (Desroziers et al. 2005, eq. 1).
    """
    expected = np.sqrt(np.asarray(deviation) ** 2 + np.asarray(error) ** 2)
    return (np.asarray(value) - np.asarray(mean)) / expected
