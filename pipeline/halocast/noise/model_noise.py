"""The model noise Q of a run: what is drawn, and its exact covariance.

Q is a sum of independent stationary base fields b, one a settings entry, seen through sparse
stencils:

    noise of scalar s = sum_t coefficient_t b_t(cell_t),    b ~ N(0, C_b), unit variance

An entry shows in its own field, by a share in the layers below it and, where sea-surface height is
balanced, in velocity and thicknesses. The covariance of two scalars is then a double sum over their
terms, exactly that of the fields drawn (`halocast.noise.covariance`).

Draws are addressed by (seed, cycle, member, element). White noise of a scalar has its flat number
field * n_cells + cell as element; the lattices of correlated base fields follow behind these, one
after the other in the order of the state's fields.

Cost of a member's draw: of each base field 5 ns a point of its lattice and two real Fourier
transforms, then 1 ns a cell for every field it shows in (30 ns for a velocity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from halocast.draws import Address, Purpose
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.noise.base_fields import BaseField, white_field
from halocast.noise.correlation import Correlation, stack_tables
from halocast.noise.covariance import fill_variance
from halocast.noise.entries import base_field, find_entries, parts_of
from halocast.noise.parts import Part, PointPart
from halocast.noise.response import SurfaceResponse
from halocast.noise.settings import FieldNoise
from halocast.noise.terms import TermPiece, Terms, join_pieces
from halocast.noise.white import fill_white_at, fill_white_tile
from halocast.state import StateLayout

_STRETCH = 4096  # scalars whose terms are held at once


@dataclass(frozen=True, eq=False)
class ModelNoise:
    """The model noise of a state with F fields on a grid; see `ModelNoise.build`.

    Attributes
    ----------
    shape
        Shape of the grid.
    n_fields
        Number of fields F of the state.
    bases, parts
        The base fields, and how they show in the state.
    correlation
        Tables of the base fields' correlation.
    correlated
        Whether the noise of any two scalars correlates.
    balanced
        Whether sea-surface height drags velocity along.
    """

    shape: tuple[int, int]
    n_fields: int
    bases: tuple[BaseField, ...]
    parts: tuple[Part, ...]
    correlation: Correlation
    correlated: bool
    balanced: bool

    @classmethod
    def build(
        cls,
        settings: Mapping[str, FieldNoise],
        grid: Grid,
        layout: StateLayout,
        response: SurfaceResponse | None = None,
    ) -> ModelNoise:
        """Build the model noise that a run asks for.

        Parameters
        ----------
        settings
            Noise by name of a field (``u0``) or of a variable, for its top layer (``u``).
        grid, layout
            Of the state.
        response
            What balanced height shows as; None where the model has nothing to balance.

        Raises
        ------
        ConfigError
            There is no such field, or not so many layers; two entries are for one field; balance
            is asked for where there is none; a correlation is too long for a periodic axis.
        """
        entries = [e for e in find_entries(settings, layout, response) if e.noise.sd > 0]
        wet = layout.wet(grid).reshape(len(layout), -1)
        bases: list[BaseField] = []
        parts: list[Part] = []
        start = len(layout) * grid.n_cells
        for entry in entries:
            base = base_field(entry, grid, start)
            if base.amplitude is not None:
                start += base.lattice[0] * base.lattice[1]
            parts += parts_of(entry, len(bases), wet, response)
            bases.append(base)
        return cls(
            grid.shape,
            len(layout),
            tuple(bases),
            tuple(parts),
            stack_tables([b.table for b in bases], grid.shape, grid.periodic),
            any(b.amplitude is not None for b in bases) or len(parts) > len(bases),
            any(e.noise.balanced for e in entries),
        )

    @classmethod
    def independent(cls, sd: np.ndarray, grid: Grid) -> ModelNoise:
        """Build noise that is independent from scalar to scalar; ``sd`` has shape (F, n_cells)."""
        return cls(
            grid.shape,
            len(sd),
            tuple(white_field(grid, f * grid.n_cells) for f in range(len(sd))),
            tuple(PointPart(f, f, np.asarray(factor, float)) for f, factor in enumerate(sd)),
            stack_tables([np.ones((1, 1))] * len(sd), grid.shape, grid.periodic),
            correlated=False,
            balanced=False,
        )

    @cached_property
    def sd(self) -> np.ndarray:
        """Standard deviation of every scalar's noise, shape (F, n_cells); 0 on land."""
        n_cells = self.shape[0] * self.shape[1]
        variance = np.zeros((self.n_fields, n_cells))
        for field in {p.field for p in self.parts}:
            for first in range(0, n_cells, _STRETCH):
                cell = np.arange(first, min(first + _STRETCH, n_cells))
                terms = self.terms(np.full(cell.size, field), cell)
                fill_variance(self.correlation, terms, variance[field, cell[0] : cell[-1] + 1])
        return np.sqrt(variance)

    def terms(self, field: np.ndarray, cell: np.ndarray) -> Terms:
        """What the noise of some scalars is made of.

        Parameters
        ----------
        field, cell
            Positions of fields and flat cells, shape (k,).
        """
        pieces = []
        for part in self.parts:
            scalar = np.flatnonzero(field == part.field)
            if scalar.size:
                pieces.append(TermPiece(part.base, scalar, *part.terms(cell[scalar])))
        return join_pieces(field.size, pieces)

    def draw(
        self, seed: int, cycle: int, member: int, purpose: Purpose = Purpose.MODEL_NOISE
    ) -> np.ndarray:
        """Draw a member's noise in the fields' units, shape (F, ny, nx); not centred."""
        address = Address(seed, cycle, purpose, member)
        drawn = [b.draw(address, self.shape).ravel() for b in self.bases]
        out = np.zeros((self.n_fields, self.shape[0] * self.shape[1]))
        for part in self.parts:
            out[part.field] += part.apply(drawn[part.base])
        return out.reshape(self.n_fields, *self.shape)

    def white_tile(self, members: int, cells: np.ndarray, seed: int, cycle: int) -> np.ndarray:
        """Draw the noise of all members on flat cells (c,), shape (m, F, c); not centred.

        The values of `draw`, bit by bit, at the cost of these cells; they cost least when they lie
        close together. For noise that is not correlated.
        """
        factor = self._white_factor[:, cells]
        out = np.zeros((members, *factor.shape))
        if cells.size:
            n_cells = self.shape[0] * self.shape[1]
            fill_white_tile(
                out, factor, cells, n_cells, np.uint64(seed), cycle, int(Purpose.MODEL_NOISE)
            )
        return out

    def white_at(
        self, members: int, field: np.ndarray, cell: np.ndarray, seed: int, cycle: int
    ) -> np.ndarray:
        """Draw the noise of all members at scalars (k,), shape (m, k); not centred.

        The values of `draw`, bit by bit. For noise that is not correlated.
        """
        out = np.zeros((members, field.size))
        scalar = field.astype(np.int64) * (self.shape[0] * self.shape[1]) + cell
        fill_white_at(
            out,
            self._white_factor[field, cell],
            scalar,
            np.uint64(seed),
            cycle,
            int(Purpose.MODEL_NOISE),
        )
        return out

    @cached_property
    def _white_factor(self) -> np.ndarray:
        if self.correlated:
            raise ConfigError(
                "noise that correlates cannot be drawn scalar by scalar",
                where="ensemble.model_noise",
                remedy="draw whole members",
            )
        factor = np.zeros((self.n_fields, self.shape[0] * self.shape[1]))
        for part in self.parts:
            if isinstance(part, PointPart):
                factor[part.field] = part.factor
        return factor
