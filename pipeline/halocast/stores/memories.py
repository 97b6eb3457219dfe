"""Checkpoints of what a filter remembers of its blocks: one file a checkpoint, with a checksum.

    DIR/memory/000024.bin     the filter's bytes, and their CRC-32C in the last 4

Only methods with memory have any. The file is written before its cycle is committed, and goes when
the members of its checkpoint go.
"""

from __future__ import annotations

from collections.abc import Iterable

import google_crc32c

from halocast.errors import StoreError
from halocast.stores.commits import write_failure
from halocast.stores.place import Place

_CHECKSUM = 4


class Memories:
    """The memories in a folder, one after each cycle that is a checkpoint."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def write(self, cycle: int, data: bytes) -> None:
        """Write what was left after a cycle."""
        checksum = google_crc32c.value(data).to_bytes(_CHECKSUM, "little")
        try:
            self._place.make_folder()
            self._place.write(_name(cycle), data, checksum)
        except OSError as error:
            raise write_failure(error, f"the filter's memory of cycle {cycle}", cycle) from error

    def read(self, cycle: int) -> bytes:
        """Return what was left after a cycle; StoreError where it is missing or damaged."""
        data = self._checked(cycle)
        if data is None:
            raise StoreError(
                f"the filter's memory after cycle {cycle} is missing or damaged",
                where=self._place.file(_name(cycle)),
                remedy="delete the members of this checkpoint too: `halocast resume` then takes an "
                "earlier one, or begins again",
            )
        return data

    def damaged(self, cycle: int) -> list[str]:
        """Return the cycle's file where it is there and does not have the bytes written."""
        there = self._place.exists(_name(cycle))
        return [self._place.file(_name(cycle))] if there and self._checked(cycle) is None else []

    def discard(self, cycle: int) -> None:
        """Remove the memory after a cycle, if there is one."""
        self._place.remove(_name(cycle))

    def prune(self, kept: Iterable[int]) -> None:
        """Remove all that are older than the oldest cycle that is kept."""
        oldest = min(kept, default=0)
        for name in self._place.names():
            if name.split(".")[0].isdigit() and int(name.split(".")[0]) < oldest:
                self._place.remove(name)

    def _checked(self, cycle: int) -> bytes | None:
        """Return the bytes of a memory, None where they are not those that were written."""
        try:
            data = self._place.read(_name(cycle))
        except FileNotFoundError:
            return None
        body, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
        good = google_crc32c.value(body).to_bytes(_CHECKSUM, "little") == checksum
        return body if good else None


def _name(cycle: int) -> str:
    return f"{cycle:06d}.bin"
