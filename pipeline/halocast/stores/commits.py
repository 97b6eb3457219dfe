"""Commit records: what makes a cycle have happened.

A cycle's arrays are written first, in any order; then its record ``commits/000007.json``, by
temporary file, flush to disk, rename and flush of the directory. A cycle without a record never
happened, whatever lies in the arrays. Records are consecutive from cycle 1: a hole, or a record
that cannot be read, ends the run's history there.

A record holds a digest of every array of its cycle, so that a recomputed cycle can be checked
against the committed one, and a store against its history.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halocast.errors import RunError, StoreError
from halocast.stores.chunk_files import replacing


class Commits:
    """The commit records in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._last = 0

    def path(self, cycle: int) -> Path:
        """File of a cycle's record."""
        return self.directory / f"{cycle:06d}.json"

    def last(self) -> int:
        """Return the newest committed cycle, 0 where there is none."""
        while _readable(self.path(self._last + 1)):
            self._last += 1
        return self._last

    def read(self, cycle: int) -> dict[str, Any]:
        """Return the record of a committed cycle; RunError where it is not committed."""
        if not 1 <= cycle <= self.last():
            raise RunError(
                f"cycle {cycle} is not committed; the last one is {self.last()}",
                where=str(self.directory),
            )
        return json.loads(self.path(cycle).read_text(encoding="utf-8"))

    def append(self, cycle: int, record: Mapping[str, Any]) -> None:
        """Write the record of the next cycle, atomically and durably.

        Raises
        ------
        RunError
            Another process has committed this cycle, or the one before it is not committed.
        StoreError
            The disk is full or fails; the cycle is not committed then.
        """
        if cycle != self._last + 1 or self.path(cycle).exists():
            raise RunError(
                f"cycle {cycle} cannot be committed: the last committed cycle is {self.last()}",
                where=str(self.directory),
                remedy="let one process at a time run or resume this folder",
            )
        self._write(cycle, record)
        self._last = cycle

    def mark_checkpoint(self, cycle: int) -> None:
        """Let the record of a committed cycle say that all its members were written."""
        record = self.read(cycle)
        if not record.get("checkpoint"):
            self._write(cycle, {**record, "checkpoint": True})

    def _write(self, cycle: int, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, indent=1, sort_keys=True, default=_plain)
        try:
            with replacing(str(self.path(cycle)), durable=True) as file:
                file.write(text.encode())
            flush_directory(self.directory)
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


def flush_directory(directory: Path) -> None:
    """Wait until the disk has the names in a directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_filesystem(directory: Path) -> None:
    """Wait until the disk has everything written to the file system of a directory.

    One call for thousands of small files; ``fsync`` of each would cost 0.3 ms apiece.
    """
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError, TypeError):  # not Linux
        os.sync()
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(descriptor)


def _readable(path: Path) -> bool:
    try:
        return "cycle" in json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False


def _plain(value: Any) -> Any:
    """Return a NumPy scalar or array as what JSON knows."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a commit record cannot hold {type(value).__name__}")
