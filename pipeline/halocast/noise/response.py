"""What sea-surface height drags along in balance: velocity and thicknesses.

A model says, cell by cell, what 1 m of height in balance is in each layer's pressure (Montgomery)
potential and in each thickness: its `SurfaceResponse`. Velocity is linear in the potential: at a
face it is a sum over the six cells round it, with weights that the model gives (`Geostrophy`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

# rows and columns from a cell to the six whose potential its face sees
EAST_STEPS = np.array([(1, 0), (0, 0), (-1, 0), (1, 1), (0, 1), (-1, 1)])
NORTH_STEPS = np.array([(0, 1), (0, 0), (0, -1), (1, 1), (1, 0), (1, -1)])


class Geostrophy(NamedTuple):
    """Weights of geostrophic velocity, twelve numbers a cell.

    Attributes
    ----------
    east, north
        Weights of u at the east face of each cell and of v at its north face, s m⁻¹, shape
        (6, n_cells), of the cells that `EAST_STEPS` and `NORTH_STEPS` lead to.
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
        steps = EAST_STEPS if face == "east" else NORTH_STEPS
        weights = self.east if face == "east" else self.north
        around = (j[:, None] + steps[:, 0]) % ny * nx + (i[:, None] + steps[:, 1]) % nx
        return around, weights[:, cell].T

    def velocity(self, face: str, potential: np.ndarray) -> np.ndarray:
        """Velocity at the faces in balance with a potential; both of shape (n_cells,)."""
        steps = EAST_STEPS if face == "east" else NORTH_STEPS
        weights = self.east if face == "east" else self.north
        out = np.empty(potential.size)
        _apply_weights(weights, steps, potential.reshape(self.shape), out)
        return out


@njit(cache=True, nogil=True)
def _apply_weights(weights, steps, field, out):  # pragma: no cover - compiled
    ny, nx = field.shape
    out[:] = 0.0
    for n in range(steps.shape[0]):
        for j in range(ny):
            row = (j + steps[n, 0]) % ny
            for i in range(nx):
                column = i + steps[n, 1]
                if column < 0:
                    column += nx
                elif column >= nx:
                    column -= nx
                out[j * nx + i] += weights[n, j * nx + i] * field[row, column]


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
    geostrophy
        Velocity in balance with a potential.
    """

    surface: int
    u: np.ndarray
    v: np.ndarray
    potential: np.ndarray
    thickness: np.ndarray
    thickening: np.ndarray
    geostrophy: Geostrophy
