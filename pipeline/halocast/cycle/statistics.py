"""What is kept of a group's update besides its members, collected strip by strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from halocast.cycle.context import Context
from halocast.cycle.parts import Fields, Statistics
from halocast.diagnostics import ensemble_crps, score_name
from halocast.ensemble import mean_and_spread
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.observations import ObservationTable

if TYPE_CHECKING:
    from halocast.samplers.chains import ChainTrace


class Strip(NamedTuple):
    """Some updated blocks: of every track, and the processor time of the filter's update."""

    blocks: BlockGroup
    tracks: dict[str, BlockUpdate]
    seconds: float


class GroupStatistics:
    """The statistics of a group of c cells.

    Parameters
    ----------
    context, cycle
        Whose group it is.
    cells
        The group's flat cells, (c,).
    table, rows
        The rows of the cycle's table that the group needs, with their fates, and their numbers.
    """

    def __init__(
        self,
        context: Context,
        cycle: int,
        cells: np.ndarray,
        table: ObservationTable,
        rows: np.ndarray,
    ) -> None:
        self._context, self._cells, self._table = context, cells, table
        self._truth = context.truth_at(cycle)
        place = np.full(context.grid.n_cells, -1)
        place[cells] = np.arange(cells.size)
        self._place = place[table.cell]  # of each row among the group's cells
        self._own = np.flatnonzero(self._place >= 0)
        self._seen, self._fate = rows[self._own], table.fate[self._own]
        self._fields: dict[str, np.ndarray] = {}
        self._scalars: dict[str, np.ndarray] = {}
        self._health: list[dict[str, np.ndarray]] = []
        self._busiest: tuple[float, ChainTrace | None] = (-1.0, None)
        self._seconds = 0.0

    def add(self, strip: Strip, here: slice) -> None:
        """Take note of a strip, which is the part ``here`` of the group's cells."""
        values = {name: track.members for name, track in strip.tracks.items()}
        values["forecast-mean"] = strip.blocks.forecast
        for name, track in strip.tracks.items():
            self._note(f"{name}/mean", here, track.mean)
            self._note(f"{name}/spread", here, track.spread)
        self._note("forecast-mean/spread", here, mean_and_spread(strip.blocks.forecast)[1])
        if self._truth is not None:
            true = self._truth.reshape(len(self._truth), -1)[:, self._cells[here]]
            for name, members in values.items():
                self._note(f"{name}/crps", here, self._crps(members, true))
        self._note_scalars(values, here)
        self._note_health(strip)

    def _note(self, name: str, here: slice, values: np.ndarray) -> None:
        if name not in self._fields:
            self._fields[name] = np.empty((len(values), self._cells.size))
        self._fields[name][:, here] = values

    def _crps(self, members: np.ndarray, true: np.ndarray) -> np.ndarray:
        crps = np.full(true.shape, np.nan)
        for i, field in enumerate(self._context.model.layout.fields):
            if score_name(field) == field.variable:
                crps[i] = ensemble_crps(members[:, i], true[i])
        return crps

    def _note_scalars(self, values: dict[str, np.ndarray], here: slice) -> None:
        place = self._place[self._own]
        mine = np.flatnonzero((place >= here.start) & (place < here.stop))
        field, cell = self._table.field[self._own[mine]], place[mine] - here.start
        for name, members in values.items():
            if name not in self._scalars:
                self._scalars[name] = np.empty((len(members), self._own.size))
            self._scalars[name][:, mine] = members[:, field, cell]

    def _note_health(self, strip: Strip) -> None:
        analysis = strip.tracks["analysis"]
        self._health.append(analysis.health)
        self._seconds += strip.seconds
        if analysis.trace is not None:
            observations = float(analysis.health["observations"].max())
            if observations > self._busiest[0]:  # the first of equals
                self._busiest = (observations, analysis.trace)

    def fields(self) -> Fields:
        """Return what was collected cell by cell."""
        return Fields(self._cells, self._fields)

    def rest(self, numbers: np.ndarray, account: tuple[dict[str, Any], ...]) -> Statistics:
        """Return the rest; ``numbers`` are the group's blocks."""
        health = {
            name: np.concatenate([strip[name] for strip in self._health])
            for name in self._health[0]
        }
        return Statistics(
            self._seen, self._fate, self._scalars, np.asarray(numbers, np.int64), health,
            self._busiest[1], self._seconds, account,
        )  # fmt: skip
