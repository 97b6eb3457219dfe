"""What groups of blocks hold in parts, put together again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

from halocast.cycle.context import Context
from halocast.cycle.groups import cycle_blocks, group_cells
from halocast.cycle.parts import Piece, Prepared, Statistics
from halocast.observations import ObservationTable


class Joined(Sequence[np.ndarray]):
    """Members whose states (F, ny, nx) are put together when they are asked for, one at a time.

    Parameters
    ----------
    shape
        (F, ny, nx).
    cells, values
        Flat cells of each group (c,), and the members there (b, F, c).
    """

    def __init__(
        self, shape: tuple[int, ...], cells: Sequence[np.ndarray], values: Sequence[np.ndarray]
    ) -> None:
        self._shape, self._cells, self._values = shape, cells, values

    def __len__(self) -> int:
        return len(self._values[0])

    @overload
    def __getitem__(self, k: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, k: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        if isinstance(k, slice):
            return Joined(self._shape, self._cells, [values[k] for values in self._values])
        if not -len(self) <= k < len(self):
            raise IndexError(k)
        out = np.empty((self._shape[0], self._shape[1] * self._shape[2]))
        for cells, values in zip(self._cells, self._values, strict=True):
            out[:, cells] = values[k]
        return out.reshape(self._shape)


def join(
    context: Context, prepared: Prepared, pieces: Sequence[Piece]
) -> tuple[Joined, Joined | None]:
    """Return some members, and those of the free run, from the pieces of all groups."""
    blocks = cycle_blocks(context, prepared)
    cells = [group_cells(blocks, numbers) for numbers in prepared.groups]
    shape = (len(context.model.layout), *context.grid.shape)
    analysis = Joined(shape, cells, [piece.analysis for piece in pieces])
    free = [piece.free for piece in pieces if piece.free is not None]
    return analysis, Joined(shape, cells, free) if free else None


def stacked(states: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Stack ``count`` arrays of one shape, holding one of them at a time."""
    out = np.empty(0)
    for k, state in enumerate(states):
        if k == 0:
            out = np.empty((count, *state.shape))
        out[k] = state
    return out


def with_fates(table: ObservationTable, kept: Sequence[Statistics]) -> ObservationTable:
    """Return a cycle's table with the fates that its groups have found."""
    fate = table.fate.copy()
    for statistics in kept:
        fate[statistics.seen] = statistics.fate
    return table.with_fate(fate)
