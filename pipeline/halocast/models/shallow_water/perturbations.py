"""Perturbations of the initial ensemble: red-noise height in balance, and surface temperature.

A smooth random height is continued downwards like an analysis' (barotropic and first baroclinic
mode, a share each) and moves in geostrophic balance without divergence of the total transport, so
that members start without a burst of gravity waves. The top layer's temperature gets a smooth
field of its own.
"""

from __future__ import annotations

import numpy as np

from halocast.draws import Address, Purpose
from halocast.grid import Grid
from halocast.models.shallow_water.balance import geostrophic_velocity, montgomery_potential
from halocast.models.shallow_water.layers import gravities, surface_response
from halocast.models.shallow_water.nondivergence import without_divergence
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.random_fields import red_noise

_HEIGHT, _TEMPERATURE = 0, 1


def initial_increment(
    grid: Grid, rest: np.ndarray, settings: ShallowWaterSettings, seed: int, member: int
) -> np.ndarray:
    """Draw a member's increment of the state array, (F, ny, nx), addressed by (seed, member)."""
    wish = settings.perturbation
    height = wish.ssh_sd * _field(grid, wish.ssh_length_km, seed, member, _HEIGHT)
    warmth = wish.temperature_sd * _field(
        grid, wish.temperature_length_km, seed, member, _TEMPERATURE
    )
    response = surface_response(settings, wish.baroclinic_share)
    displaced = np.where(grid.sea, response[:, None, None] * height, 0.0)
    u, v = geostrophic_velocity(grid, montgomery_potential(displaced, gravities(settings)))
    u, v = without_divergence(grid, rest, u, v)
    out = np.zeros((4 * len(response), *grid.shape))
    out[0::4] = displaced
    out[4:-4:4] -= displaced[2:]  # a layer's thickness: its top less its bottom
    out[1::4], out[2::4] = u, v
    out[3] = warmth
    out[:, ~grid.sea] = 0.0
    return out


def _field(grid: Grid, length_km: float, seed: int, member: int, kind: int) -> np.ndarray:
    """Unit-variance field; ``kind`` takes the place of the cycle in its address."""
    middle = grid.dx[grid.shape[0] // 2]
    cells = (1000.0 * length_km / grid.dy, 1000.0 * length_km / float(middle))
    return red_noise(grid.shape, cells, Address(seed, kind, Purpose.INITIAL_STATE, member))
