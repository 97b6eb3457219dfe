"""What travels between the tasks of a cycle.

m members in all, b of them in a batch, F fields, p observations, c cells of a group of blocks. The
free run's arrays are None in a run without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from halocast.cycle.failures import Failure
from halocast.diagnostics import Row
from halocast.filters.memory import Remembered
from halocast.localization.blocks import Blocks
from halocast.observations.table import ObservationTable

if TYPE_CHECKING:
    from halocast.samplers.chains import ChainTrace


class Batch(NamedTuple):
    """Some members' states, kept together where they were forecast: shape (b, F, ny, nx).

    ``noise`` is the model noise they are to get, drawn with the forecast where it is a whole field
    (correlated); noise that is independent from cell to cell is drawn tile by tile instead.
    ``failed`` are the members without a forecast, whose states are NaN.
    """

    numbers: np.ndarray
    analysis: np.ndarray
    free: np.ndarray | None
    noise: np.ndarray | None = None
    failed: tuple[Failure, ...] = ()


class Prepared(NamedTuple):
    """A cycle's observations before the forecast is known, and the groups of blocks.

    ``rows`` are the rows of the table that each group needs, rising: those its blocks may see and
    those of its cells. ``blocks`` is the cycle's own partition, None where it is the run's.
    """

    table: ObservationTable
    first_row: int
    raw_fates: np.ndarray
    groups: tuple[np.ndarray, ...]
    rows: tuple[np.ndarray, ...]
    blocks: Blocks | None


class Tile(NamedTuple):
    """A batch's states on the cells of one group, (b, F, c), and at the p rows it needs, (b, p)."""

    numbers: np.ndarray
    analysis: np.ndarray
    free: np.ndarray | None
    observed: np.ndarray
    noise: np.ndarray | None
    observed_noise: np.ndarray | None
    failed: tuple[Failure, ...]


class Piece(NamedTuple):
    """A batch's members on the cells of one group after the update, shape (b, F, c)."""

    numbers: np.ndarray
    analysis: np.ndarray
    free: np.ndarray | None


class Fields(NamedTuple):
    """What is kept of a group's update cell by cell: arrays (F, c) on its flat cells, by name."""

    cells: np.ndarray
    values: dict[str, np.ndarray]


class Statistics(NamedTuple):
    """What else is kept of a group's update besides its members: little.

    ``seen`` are the rows of the table whose scalar lies in the group, ``fate`` is what became of
    them, and ``scalars`` are the values there of the members that took part, (k, p_g), by what they
    are of; ``health`` has one value a block. ``trace`` are the chains of the group's busiest block,
    where chains ran; ``seconds`` is the processor time of the filter's update; ``account`` is what
    happened to members that failed (the same in all groups).
    """

    seen: np.ndarray
    fate: np.ndarray
    scalars: dict[str, np.ndarray]
    blocks: np.ndarray
    health: dict[str, np.ndarray]
    trace: ChainTrace | None
    seconds: float
    account: tuple[dict[str, Any], ...] = ()


class Updated(NamedTuple):
    """A group of blocks after the update: members (m, F, c), and what is kept of it.

    Members that were dropped are NaN. ``memory`` is what a filter with memory has left, by block.
    """

    analysis: np.ndarray
    free: np.ndarray | None
    fields: Fields
    statistics: Statistics
    memory: Remembered | None = None


class Written(NamedTuple):
    """Some variables' fields, written: digests of their arrays, and their scores.

    Scores are by the number of the comparison and that of the field, so that whoever has wrote
    which fields they come in one order.
    """

    digests: dict[str, str]
    scores: dict[tuple[int, int], Row]
