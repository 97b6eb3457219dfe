"""What sea-surface height drags along in balance: velocity and interfaces.

A model says, cell by cell, what 1 m of height in balance is in each layer's pressure (Montgomery)
potential and in each thickness: its `SurfaceResponse`. Velocity follows from the potential by
geostrophy on the C grid,

    f u = -dM/dy,   f v = dM/dx,   each gradient the mean of the sea faces round the point,

which is linear in M: u or v at a face is a sum over the six cells round it, with weights that
depend on the grid alone (`Geostrophy`). In open sea two of the six cancel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.grid import Grid

_SMALLEST_CORIOLIS = 1e-5  # s-1: closer to the equator there is no balance to speak of


class SurfaceResponse(NamedTuple):
    """What 1 m of sea-surface height in balance is in a state's other fields, L layers.

    Attributes
    ----------
    surface
        Position of the sea-surface height in the state.
    u, v
        Positions of the layers' velocities at east and north faces, shape (L,).
    potential
        Montgomery potential of each layer for 1 m, m s⁻², shape (L, n_cells).
    thickness
        Positions of the thickness fields, shape (K,).
    thickening
        Their increment for 1 m, shape (K, n_cells).
    """

    surface: int
    u: np.ndarray
    v: np.ndarray
    potential: np.ndarray
    thickness: np.ndarray
    thickening: np.ndarray


class Geostrophy(NamedTuple):
    """Weights of geostrophic velocity, twelve numbers a cell.

    Attributes
    ----------
    east, north
        Weights of u at the east face of each cell and of v at its north face, s m⁻¹, shape
        (n_cells, 6); 0 on land and at the equator.
    shape
        Shape of the grid.
    """

    east: np.ndarray
    north: np.ndarray
    shape: tuple[int, int]

    def stencil(self, face: str, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells round the faces of some cells (k,) and their weights, shapes (k, 6)."""
        ny, nx = self.shape
        j, i = np.divmod(cell, nx)
        steps = _EAST_STEPS if face == "east" else _NORTH_STEPS
        weights = self.east if face == "east" else self.north
        around = (j[:, None] + steps[:, 0]) % ny * nx + (i[:, None] + steps[:, 1]) % nx
        return around, weights[cell]

    def velocity(self, face: str, potential: np.ndarray) -> np.ndarray:
        """Velocity at the faces in balance with a potential; both of shape (n_cells,)."""
        steps = _EAST_STEPS if face == "east" else _NORTH_STEPS
        weights = self.east if face == "east" else self.north
        field = potential.reshape(self.shape)
        out = np.zeros(weights.shape[0])
        for n, (dj, di) in enumerate(steps):
            out += weights[:, n] * np.roll(field, (-dj, -di), (0, 1)).ravel()
        return out


# rows and columns from a cell to the six whose potential its face sees
_EAST_STEPS = np.array([(1, 0), (0, 0), (-1, 0), (1, 1), (0, 1), (-1, 1)])
_NORTH_STEPS = np.array([(0, 1), (0, 0), (0, -1), (1, 1), (1, 0), (1, -1)])


def geostrophy(grid: Grid) -> Geostrophy:
    """Weights of geostrophic velocity on a grid, its land and its periodic axes."""
    wet_u, wet_v = grid.wet_at("east"), grid.wet_at("north")
    east = _weights(wet_v / grid.dy, wet_v, wet_u * -_per_coriolis(grid, "center"), axis=0)
    north = _weights(wet_u / grid.dx[:, None], wet_u, wet_v * _per_coriolis(grid, "north"), axis=1)
    return Geostrophy(east, north, grid.shape)


def _weights(per_metre: np.ndarray, wet: np.ndarray, factor: np.ndarray, axis: int) -> np.ndarray:
    """Weights of the six cells, in the order of the steps, shape (n_cells, 6).

    ``per_metre`` (ny, nx) is 1 / spacing at sea faces across ``axis``, the direction of the
    gradient; the four faces are this one, the one behind, and the same two one further across.
    """
    across = 1 - axis
    beside = [(per_metre, wet), (np.roll(per_metre, -1, across), np.roll(wet, -1, across))]
    count = sum(w.astype(float) + np.roll(w, 1, axis) for _, w in beside)
    scale = factor / np.maximum(count, 1.0)
    columns = []
    for ahead, _ in beside:
        behind = np.roll(ahead, 1, axis)
        columns += [scale * ahead, scale * (behind - ahead), -scale * behind]
    return np.stack([c.ravel() for c in columns], axis=1)


def _per_coriolis(grid: Grid, place: str) -> np.ndarray:
    y, _ = grid.coordinates_at(place)  # type: ignore[arg-type]
    f = grid.coriolis_at(y)[:, None]
    return np.where(np.abs(f) >= _SMALLEST_CORIOLIS, 1.0 / np.where(f == 0.0, 1.0, f), 0.0)
