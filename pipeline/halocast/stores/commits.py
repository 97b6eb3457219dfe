"""Commit records: what makes a cycle have happened.

A cycle's arrays are written first, in any order; then its record ``commits/000007.json``, which is
made whole, durable, and only where there is none: on a disk by temporary file, flush, link and
flush of the directory; in an object store by one conditional put (``If-None-Match: *``). Of two
processes that commit a cycle, one does. A cycle without a record never happened, whatever lies in
the arrays. Records are consecutive from cycle 1: a hole, or a record that cannot be read, ends the
run's history there; a record that cannot be read is replaced when its cycle is committed again.

A record holds a digest of every array of its cycle, so that a recomputed cycle can be checked
against the committed one, and a store against its history.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from halocast.errors import RunError, StoreError
from halocast.stores.place import Place
from halocast.stores.places import locate

_READERS = 8


class Commits:
    """The commit records in a directory."""

    def __init__(self, directory: str | Path | Place) -> None:
        self.directory = locate(directory)
        self._last = 0
        self._known: dict[int, dict[str, Any]] = {}  # as they were when they were first seen

    def last(self) -> int:
        """Return the newest committed cycle, 0 where there is none."""
        if not self._last:
            self._read_all()
        while (record := self._known.get(self._last + 1) or self._read(self._last + 1)) is not None:
            self._last += 1
            self._known[self._last] = record
        return self._last

    def _read_all(self) -> None:
        """Read many records at a time; one by one, each would wait for an object store."""
        there = set(self.directory.names())
        cycles = [cycle for cycle in range(1, len(there) + 1) if _name(cycle) in there]
        if len(cycles) < _READERS:
            return
        with ThreadPoolExecutor(_READERS) as pool:
            for cycle, record in zip(cycles, pool.map(self._read, cycles)):
                if record is not None:
                    self._known[cycle] = record

    def read(self, cycle: int) -> dict[str, Any]:
        """Return the record of a committed cycle; RunError where it is not committed."""
        if not 1 <= cycle <= self._last and not 1 <= cycle <= self.last():
            raise RunError(
                f"cycle {cycle} is not committed; the last one is {self.last()}",
                where=str(self.directory),
            )
        record = self._read(cycle)
        if record is None:  # since it was last seen
            raise StoreError(
                f"the commit record of cycle {cycle} has become unreadable",
                where=self.directory.file(_name(cycle)),
                remedy="`halocast resume` with new workers computes the cycle again",
            )
        return record

    def failures(self) -> list[dict[str, Any]]:
        """Return what happened to members whose forecast failed: ``cycle`` and the entry's keys."""
        return [
            {"cycle": cycle, **entry}
            for cycle in range(1, self.last() + 1)
            for entry in self._known[cycle].get("failures", ())
        ]

    def append(self, cycle: int, record: Mapping[str, Any]) -> None:
        """Write the record of the next cycle, atomically and durably.

        Raises
        ------
        RunError
            Another process has committed this cycle, or the one before it is not committed.
        StoreError
            The disk is full or fails; the cycle is not committed then.
        """
        if cycle != self._last + 1 or not self._create(cycle, record):
            raise RunError(
                f"cycle {cycle} cannot be committed: the last committed cycle is {self.last()}",
                where=str(self.directory),
                remedy="let one process at a time run or resume this folder",
            )
        self._last, self._known[cycle] = cycle, dict(record)

    def mark_checkpoint(self, cycle: int) -> None:
        """Let the record of a committed cycle say that all its members were written."""
        record = self.read(cycle)
        if not record.get("checkpoint"):
            self._replace(cycle, {**record, "checkpoint": True})

    def _create(self, cycle: int, record: Mapping[str, Any]) -> bool:
        """Write a record where there is none that can be read; returns whether it was written."""
        with _writing(cycle):
            if self.directory.create(_name(cycle), _text(record)):
                return True
        if self._read(cycle) is not None:
            return False
        self._replace(cycle, record)
        return True

    def _replace(self, cycle: int, record: Mapping[str, Any]) -> None:
        with _writing(cycle):
            self.directory.write(_name(cycle), _text(record), durable=True)

    def _read(self, cycle: int) -> dict[str, Any] | None:
        try:
            record = json.loads(self.directory.read(_name(cycle)))
        except (FileNotFoundError, ValueError):
            return None
        return record if "cycle" in record else None


def _name(cycle: int) -> str:
    return f"{cycle:06d}.json"


def _text(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, indent=1, sort_keys=True, default=_plain).encode()


@contextmanager
def _writing(cycle: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise write_failure(error, f"the commit record of cycle {cycle}", cycle) from error


def write_failure(error: OSError, what: str, cycle: int) -> StoreError:
    """Turn an OSError met while writing a cycle into the error a user can act upon."""
    safe = f"cycles up to {cycle - 1} are safe" if cycle > 1 else "no cycle was committed yet"
    return StoreError(
        f"could not write {what}: {error.strerror or error}",
        where=str(error.filename or ""),
        remedy=f"make room (or repair the disk), then `halocast resume`; {safe}",
    )


def _plain(value: Any) -> Any:
    """Return a NumPy scalar or array as what JSON knows."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a commit record cannot hold {type(value).__name__}")
