"""The tasks of a cycle with what they cost and what moves between them, for any number of places.

The same tasks with the same arguments at the same places as the driver's (a test holds the two
against each other); the small results of `keep` are counted as the rows they hold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.capacity.costs import Costs

FIELDS_KEPT = 5  # arrays of a state's size that an update leaves for the record


class Workload(NamedTuple):
    """A cycle: sizes, and what this run's model and filter cost on one core.

    Attributes
    ----------
    members, fields, cells, blocks
        Sizes of ensemble, state and partition.
    tracks
        2 with a free run beside.
    rows
        Observations.
    variables
        Number of fields of each variable: how finely the record is shared out.
    forecast, update
        A member's forecast, and the filter's update of the whole grid, s.
    correlated_noise
        Whether noise travels as whole fields.
    groups
        Groups of blocks, one a place when None.
    """

    members: int
    fields: int
    cells: int
    blocks: int
    tracks: int
    rows: int
    variables: tuple[int, ...]
    forecast: float
    update: float
    correlated_noise: bool = False
    groups: int | None = None

    @property
    def state(self) -> float:
        """Bytes of a member."""
        return 8.0 * self.fields * self.cells


class Planned(NamedTuple):
    """A task: where, how long on a core, bytes for shared storage, what it takes and how much."""

    name: str
    place: int
    seconds: float
    stored: float
    needs: tuple[tuple[int, float], ...]


class Graph:
    """Cycles, one on top of the other.

    Parameters
    ----------
    work, costs
        What a cycle is, and what its tasks cost.
    places
        Number of places.
    writers
        Number of fields of each writer of fields.
    """

    def __init__(self, work: Workload, costs: Costs, places: int, writers: list[int]) -> None:
        self.work, self.costs, self.places, self.writers = work, costs, places, writers
        self.tasks: list[Planned] = []
        self.groups = min(work.groups or places, work.blocks)
        split = np.array_split(np.arange(work.members), min(places, work.members))
        self.batches = [len(numbers) for numbers in split]
        self._parts: list[list[int]] = [[] for _ in self.batches]

    def add_cycle(self, *, checkpoint: bool) -> int:
        """Plan a cycle; returns the number of the last of its tasks, the commit's."""
        work, costs = self.work, self.costs
        prepare = self._add("prepare", 0, work.rows * costs.row)
        ahead = [self._forecast(b, prepare) for b in range(len(self.batches))]
        updated = [self._update(g, prepare, ahead) for g in range(self.groups)]
        kept = [
            (self._add("keep", g, 0.0, needs=((task, 0.0),)), 8.0 * self._rows * work.members)
            for g, task in enumerate(updated)
        ]
        self._parts = [
            [self._add("piece", g, 0.0, needs=((task, 0.0),)) for g, task in enumerate(updated)]
            for _ in self.batches
        ]
        fields = [self._write(w, updated) for w in range(len(self.writers))]
        seconds = work.rows * (costs.row + work.members * costs.row_member)
        needs = [(prepare, 0.0), *((task, 0.0) for task in fields), *kept]
        last = [(self._add("commit-record", 0, seconds, needs=tuple(needs)), 0.0)]
        if checkpoint:
            last += [(self._checkpoint(b), 0.0) for b in range(len(self.batches))]
        self.tasks.append(Planned("commit", self.places, 0.0, 0.0, tuple(last)))  # the driver's
        return len(self.tasks) - 1

    @property
    def _rows(self) -> float:
        return self.work.rows / self.groups

    def _tile(self, batch: int) -> float:
        """Bytes of a batch's members in a group, with their noise where it is a field."""
        work = self.work
        arrays = work.tracks + (1 if work.correlated_noise else 0)
        return self.batches[batch] * (arrays * work.state / self.groups + 8.0 * self._rows)

    def _add(
        self, name: str, place: int, seconds: float, stored: float = 0.0,
        needs: tuple[tuple[int, float], ...] = (),
    ) -> int:  # fmt: skip
        start = self.costs.start
        self.tasks.append(Planned(name, place % self.places, start + seconds, stored, needs))
        return len(self.tasks) - 1

    def _forecast(self, batch: int, prepare: int) -> int:
        work, copy = self.work, self.costs.copy
        share = self.batches[batch] * work.tracks * work.state / self.groups
        needs = tuple((part, share) for part in self._parts[batch])
        joined = self.batches[batch] * work.tracks * work.state * copy if needs else 0.0
        seconds = self.batches[batch] * work.tracks * work.forecast + joined
        return self._add("forecast", batch, seconds, needs=needs)

    def _update(self, group: int, prepare: int, ahead: list[int]) -> int:
        work, costs = self.work, self.costs
        cuts = tuple(
            (
                self._add(
                    "cut", b, self._tile(b) * costs.copy,
                    needs=((prepare, 150.0 * work.rows), (task, 0.0)),
                ),
                self._tile(b),
            )
            for b, task in enumerate(ahead)
        )  # fmt: skip
        scalars = work.members * work.fields * work.cells
        seconds = (scalars * (1 + work.tracks) / 2 * costs.update + work.update) / self.groups
        needs = ((prepare, 150.0 * work.rows), *cuts)
        return self._add("halo-blocks", group, seconds, needs=needs)

    def _write(self, writer: int, updated: list[int]) -> int:
        count = (FIELDS_KEPT + 2 * (self.work.tracks - 1)) * self.writers[writer]
        size = 8.0 * count * self.work.cells
        shares = tuple(
            (
                self._add(
                    "share", g, size / self.groups * self.costs.copy, needs=((task, 0.0),)
                ),
                size / self.groups,
            )
            for g, task in enumerate(updated)
        )  # fmt: skip
        return self._add("commit-fields", writer, size * self.costs.write, size, shares)

    def _checkpoint(self, batch: int) -> int:
        size = self.batches[batch] * self.work.tracks * self.work.state
        needs = tuple((part, size / self.groups) for part in self._parts[batch])
        return self._add("checkpoint", batch, size * self.costs.checkpoint, size, needs)
