"""The layout of a state: which field, which layer, which unit, where in the array.

A member's state is one float64 array of shape (n_fields, ny, nx). A *scalar* of the state has the
flat number ``field * n_cells + cell``: this number names it in observation tables, in addresses of
random draws and in error messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from halocast.grid import Grid, Place


@dataclass(frozen=True)
class Field:
    """One horizontal field of the state.

    ``variable`` and ``layer`` name it to users (``u`` in layer 0 is ``u0``); ``layer`` is None
    where the variable has no layers (sea-surface height).
    """

    variable: str
    layer: int | None
    units: str
    long_name: str
    standard_name: str | None = None
    place: Place = "center"

    @property
    def name(self) -> str:
        """The short name: variable and layer."""
        return self.variable if self.layer is None else f"{self.variable}{self.layer}"


@dataclass(frozen=True)
class StateLayout:
    """The fields of a state, in order."""

    fields: tuple[Field, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Short names in order."""
        return tuple(f.name for f in self.fields)

    @cached_property
    def variable_of_field(self) -> tuple[str, ...]:
        """The variable of each field, in order."""
        return tuple(f.variable for f in self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def index(self, name: str) -> int:
        """Position of the field with this short name; KeyError names the known ones."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"no field {name!r}; the state has {', '.join(self.names)}") from None

    def variables(self) -> dict[str, list[int]]:
        """Positions of the fields of each variable, layers in order."""
        positions: dict[str, list[int]] = {}
        for i, f in enumerate(self.fields):
            positions.setdefault(f.variable, []).append(i)
        return positions

    def wet(self, grid: Grid) -> np.ndarray:
        """Where each field lives, bool, shape (n_fields, ny, nx)."""
        return np.stack([grid.wet_at(f.place) for f in self.fields])
