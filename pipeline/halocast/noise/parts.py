"""How a base field shows in a field of the state: at the cell itself, or as velocity in balance.

Both are linear and local: `terms` gives the combination for single cells, `apply` the whole field.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.noise.response import Geostrophy


class PointPart(NamedTuple):
    """A field is ``factor`` (n_cells,) times a base field; 0 on land."""

    base: int
    field: int
    factor: np.ndarray

    def terms(self, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells and coefficients of some cells (k,), shapes (k, 1)."""
        return cell[:, None], self.factor[cell][:, None]

    def apply(self, base: np.ndarray) -> np.ndarray:
        """Noise (n_cells,) of the field, from the base field (n_cells,)."""
        return self.factor * base


class VelocityPart(NamedTuple):
    """A velocity is in balance with ``potential`` (n_cells,) times a base field."""

    base: int
    field: int
    potential: np.ndarray
    face: str
    geostrophy: Geostrophy

    def terms(self, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells and coefficients of some cells (k,), shapes (k, 6)."""
        around, weight = self.geostrophy.stencil(self.face, cell)
        return around, weight * self.potential[around]

    def apply(self, base: np.ndarray) -> np.ndarray:
        """Noise (n_cells,) of the field, from the base field (n_cells,)."""
        return self.geostrophy.velocity(self.face, self.potential * base)


Part = PointPart | VelocityPart
