"""Geostrophic velocity of a pressure field on the C grid."""

from __future__ import annotations

import numpy as np

from halocast.grid import Grid

_SMALLEST_CORIOLIS = 1e-5  # s-1: closer to the equator there is no balance to speak of


def montgomery_potential(displacement: np.ndarray, gravity: np.ndarray) -> np.ndarray:
    """M_k = sum_(m<=k) g'_m e_m, shapes (L, ...) and (L,), m² s⁻²."""
    lead = (slice(None),) + (None,) * (displacement.ndim - 1)
    return np.cumsum(gravity[lead] * displacement, axis=0)


def geostrophic_velocity(grid: Grid, potential: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Velocity (u at east faces, v at north faces) in balance with a potential (..., ny, nx).

    f u = -dM/dy, f v = dM/dx, each gradient the mean of the sea faces round the point.
    """
    wet_u, wet_v = grid.wet_at("east"), grid.wet_at("north")
    slope_x = np.where(wet_u, (np.roll(potential, -1, -1) - potential) / grid.dx[:, None], 0.0)
    slope_y = np.where(wet_v, (np.roll(potential, -1, -2) - potential) / grid.dy, 0.0)
    u = -_four_mean(slope_y, wet_v, (1, 0), (0, -1)) * _per_coriolis(grid, "center")
    v = _four_mean(slope_x, wet_u, (0, 1), (-1, 0)) * _per_coriolis(grid, "north")
    return np.where(wet_u, u, 0.0), np.where(wet_v, v, 0.0)


def _four_mean(
    values: np.ndarray, wet: np.ndarray, back: tuple[int, int], ahead: tuple[int, int]
) -> np.ndarray:
    """Mean of the sea faces among the four round a point of the other kind."""
    total = np.zeros_like(values)
    count = np.zeros(wet.shape)
    both = (back[0] + ahead[0], back[1] + ahead[1])
    for shift in ((0, 0), back, ahead, both):
        total += np.roll(values, shift, (-2, -1))
        count += np.roll(wet, shift, (0, 1))
    return total / np.maximum(count, 1.0)


def _per_coriolis(grid: Grid, place: str) -> np.ndarray:
    y, _ = grid.coordinates_at(place)  # type: ignore[arg-type]
    f = grid.coriolis_at(y)[:, None]
    return np.where(np.abs(f) >= _SMALLEST_CORIOLIS, 1.0 / np.where(f == 0.0, 1.0, f), 0.0)
