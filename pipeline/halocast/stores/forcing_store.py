"""Forcing in a data store: the ocean analysis on the model grid, step by step.

Group ``/forcing``: one array a variable, dimensions (time, y, x), one chunk a step, so that a
window of a run costs one file a variable and step, 0.1 ms each, and steps that the window before
had are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from halocast.errors import StoreError
from halocast.stores.arrays import array_at
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.revisions import Revision

UNITS = {"ssh": "m", "u": "m s-1", "v": "m s-1", "t": "K", "tau_x": "N m-2", "tau_y": "N m-2"}
MAX_GAP = np.timedelta64(6, "h")
_STEPS_KEPT = 8


class ForcingWindow(NamedTuple):
    """The steps a stretch of time needs: times (n,) datetime64, fields (n, ny, nx) float64."""

    times: np.ndarray
    fields: dict[str, np.ndarray]


class Forcing:
    """The forcing of a data store. Get it by ``open``; it travels between processes by its path."""

    def __init__(self, path: Place, max_gap: np.timedelta64) -> None:
        self.path = path
        self.max_gap = max_gap
        self._revision = Revision(path, "forcing")
        group = self._revision.group
        self.attrs = self._revision.attrs
        self.times = np.asarray(array_at(group, "time")[...]).astype("datetime64[s]")
        self._files = {
            name: ChunkFiles(path, array_at(group, name)) for name in UNITS if name in group
        }
        self._steps: OrderedDict[int, dict[str, np.ndarray]] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.max_gap)

    @classmethod
    def open(cls, path: str | Path | Place, max_gap: np.timedelta64 = MAX_GAP) -> Forcing:
        """Open the forcing of the data store at ``path``; StoreError where there is none.

        ``max_gap`` is the longest time between two steps that may be interpolated across.
        """
        return cls(locate(path), max_gap)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(self._files)

    def window(self, start: np.datetime64, stop: np.datetime64) -> ForcingWindow:
        """Return the steps that bracket [start, stop], and those between.

        Raises
        ------
        StoreError
            The forcing does not cover the window, or has a gap longer than ``max_gap`` in it: the
            message names the missing times.
        """
        first = int(np.searchsorted(self.times, start, "right")) - 1
        last = max(int(np.searchsorted(self.times, stop, "left")), first)
        if first < 0 or last >= self.times.size:
            raise StoreError(
                f"forcing is needed from {start} to {stop}; the store covers {self.times[0]} to "
                f"{self.times[-1]}",
                where=self._revision.where,
                remedy="ingest the missing days, or change the run's start or number of cycles",
            )
        self._check_gaps(self.times[first : last + 1])
        self._revision.require_current()
        steps = [self.step(i) for i in range(first, last + 1)]
        fields = {name: np.stack([step[name] for step in steps]) for name in self._files}
        return ForcingWindow(self.times[first : last + 1].copy(), fields)

    def step(self, number: int) -> dict[str, np.ndarray]:
        """Return the fields (ny, nx) of one step, read-only."""
        if number not in self._steps:
            self._steps[number] = {
                name: files.read((number, 0, 0))[0] for name, files in self._files.items()
            }
            if len(self._steps) > _STEPS_KEPT:
                self._steps.popitem(last=False)
        return self._steps[number]

    def _check_gaps(self, times: np.ndarray) -> None:
        wide = np.flatnonzero(np.diff(times) > self.max_gap)
        if not wide.size:
            return
        before, after = times[wide[0]], times[wide[0] + 1]
        known = np.array(self.attrs["missing_times"], "datetime64[s]")
        missing = known[(known > before) & (known < after)].astype(str)
        raise StoreError(
            f"no forcing between {before} and {after}, longer than {self.max_gap}"
            + (f"; the product lacks {', '.join(missing)}" if missing.size else ""),
            where=self._revision.where,
            remedy="ingest another product for that time, start the run after it, or allow a "
            "longer gap",
        )
