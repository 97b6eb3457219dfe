"""What 1 m of sea-surface height in balance is in the layers: pressure, velocity and thickness.

The interfaces move as an increment of height moves them (`increments`), from the layers at rest,

    M_k = sum_(m<=k) g'_m e_m,    h_k = e_k - e_(k+1),    e the displacements for e_0 = 1 m,

so that under `balanced` the bottom layer's potential is 0, and under `top` every layer's is g.
Velocity is that of `balance.geostrophic_velocity`, written as weights of the cells round a face.
"""

from __future__ import annotations

import numpy as np

from halocast.grid import Grid
from halocast.models.shallow_water.balance import _per_coriolis, montgomery_potential
from halocast.models.shallow_water.increments import interface_increment
from halocast.models.shallow_water.layers import gravities
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.noise.response import Geostrophy, SurfaceResponse


def balanced_response(
    settings: ShallowWaterSettings, grid: Grid, rest: np.ndarray
) -> SurfaceResponse:
    """Response of a state (ssh, u0, v0, t0, h1, u1, …) to height, cell by cell.

    Parameters
    ----------
    rest
        Rest thickness (L, ny, nx); 0 on land, where there is no response.
    """
    layers, gravity = len(rest), gravities(settings)
    sea = np.flatnonzero(grid.sea)
    columns = rest.reshape(layers, -1)[:, sea]
    tops = np.zeros((layers, grid.n_cells))
    tops[:, sea] = interface_increment(settings.increments, np.ones(sea.size), columns, gravity)
    potential = montgomery_potential(tops, gravity)
    if settings.increments == "balanced" and layers > 1:
        potential[-1] = 0.0  # the bottom pressure keeps: what is left is rounding
    bottoms = np.concatenate([tops[1:], np.zeros((1, grid.n_cells))])
    first = 4 * np.arange(layers)
    return SurfaceResponse(
        surface=0,
        u=first + 1,
        v=first + 2,
        potential=potential,
        thickness=first[1:],
        thickening=(tops - bottoms)[1:],
        geostrophy=geostrophy(grid),
    )


def geostrophy(grid: Grid) -> Geostrophy:
    """Weights of `balance.geostrophic_velocity` on a grid, with its land and periodic axes.

    In open sea two of the six cancel.
    """
    wet_u, wet_v = grid.wet_at("east"), grid.wet_at("north")
    east = _weights(wet_v / grid.dy, wet_v, wet_u * -_per_coriolis(grid, "center"), axis=0)
    north = _weights(wet_u / grid.dx[:, None], wet_u, wet_v * _per_coriolis(grid, "north"), axis=1)
    return Geostrophy(east, north, grid.shape)


def _weights(per_metre: np.ndarray, wet: np.ndarray, factor: np.ndarray, axis: int) -> np.ndarray:
    """Weights of the six cells, in the order of the steps, shape (6, n_cells).

    ``per_metre`` (ny, nx) is 1 / spacing at the sea faces along ``axis``, the direction of the
    gradient; the four faces are a cell's own, the one behind it, and the same two of the
    neighbour across.
    """
    across = 1 - axis
    beside = [(per_metre, wet), (np.roll(per_metre, -1, across), np.roll(wet, -1, across))]
    count = sum(w.astype(float) + np.roll(w, 1, axis) for _, w in beside)
    scale = factor / np.maximum(count, 1.0)
    columns = []
    for ahead, _ in beside:
        behind = np.roll(ahead, 1, axis)
        columns += [scale * ahead, scale * (behind - ahead), -scale * behind]
    return np.stack([c.ravel() for c in columns])
