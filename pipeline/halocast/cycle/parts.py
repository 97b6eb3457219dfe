"""What travels between the tasks of a cycle.

m members in all, b of them in a batch, F fields, p observations, c cells of a group of blocks. The
free run's arrays are None in a run without one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.localization.blocks import Incidence
from halocast.observations.table import ObservationTable


class Batch(NamedTuple):
    """Some members' states, kept together where they were forecast: shape (b, F, ny, nx)."""

    numbers: np.ndarray
    analysis: np.ndarray
    free: np.ndarray | None


class Prepared(NamedTuple):
    """A cycle's observations before the forecast is known, and the groups of blocks."""

    table: ObservationTable
    first_row: int
    raw_fates: np.ndarray
    incidence: Incidence
    groups: tuple[np.ndarray, ...]


class Sighted(NamedTuple):
    """The forecasts of the observed state scalars of a batch, shape (b, p)."""

    numbers: np.ndarray
    analysis: np.ndarray
    free: np.ndarray | None


class Screened(NamedTuple):
    """A cycle's observations, checked against all members' forecasts (m, p)."""

    table: ObservationTable
    incidence: Incidence
    observed: np.ndarray
    free: np.ndarray | None


class Tile(NamedTuple):
    """A batch's states on the cells of one group, shape (b, F, c)."""

    numbers: np.ndarray
    analysis: np.ndarray
    free: np.ndarray | None


class Statistics(NamedTuple):
    """What is kept of a group's update besides its members.

    ``fields`` are arrays (F, c) on ``cells``; ``seen`` are the table rows whose scalar lies in the
    group and ``scalars`` the members' values of it, (m, p_g), by what they are of; ``health`` has
    one value a block.
    """

    cells: np.ndarray
    fields: dict[str, np.ndarray]
    seen: np.ndarray
    scalars: dict[str, np.ndarray]
    blocks: np.ndarray
    health: dict[str, np.ndarray]


class Updated(NamedTuple):
    """A group of blocks after the update: members (m, F, c), and what is kept of it."""

    analysis: np.ndarray
    free: np.ndarray | None
    statistics: Statistics
