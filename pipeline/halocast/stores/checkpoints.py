"""Checkpoints: all the members of every track after a cycle, one chunk a member.

Group ``/checkpoints``: one array a track, dimensions (cycle, member, field, y, x). Members are
written by whoever holds them, one process a member. Only the checkpoint of a cycle whose commit
record says ``"checkpoint": true`` counts, and whether its bytes are still those that were written
is told by the checksum at the end of each chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.stores.arrays import array_at
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.commits import Commits, write_failure
from halocast.stores.one_writer import OneWriter
from halocast.stores.place import Place
from halocast.stores.run_spec import RunSpec

_READERS = 4  # members that are read at a time to check them


class Checkpoints:
    """The checkpoints of a run, in its hierarchy ``root`` at ``path``."""

    def __init__(self, path: Place, root: zarr.Group, spec: RunSpec, commits: Commits) -> None:
        self._members, self._commits = spec.members, commits
        self._arrays = {track: array_at(root, f"checkpoints/{track}") for track in spec.tracks}
        self._files = {track: ChunkFiles(path, array) for track, array in self._arrays.items()}

    def write(self, track: str, cycle: int, member: int, state: np.ndarray) -> None:
        """Write one member (F, ny, nx)."""
        chunk = self._chunk(track, cycle, member)
        values = np.asarray(state, "<f8")[None, None]
        try:
            self._files[track].write(chunk, values)
        except OSError as error:
            raise write_failure(error, f"member {member} of cycle {cycle}", cycle) from error

    def read(self, track: str, cycle: int, member: int) -> np.ndarray:
        """Return one member (F, ny, nx) of a committed checkpoint, or raise StoreError."""
        chunk = self._chunk(track, cycle, member)
        if not self._is_committed(cycle):
            raise StoreError(
                f"there is no committed checkpoint after cycle {cycle}",
                where=f"checkpoints of the track '{track}': {self.cycles(track)}",
            )
        try:
            return self._files[track].read(chunk)[0, 0].copy()
        except StoreError as error:
            raise StoreError(
                f"member {member} after cycle {cycle} cannot be read: {error.what}",
                where=error.where,
                remedy="delete this file: `halocast resume` then takes an earlier checkpoint, or "
                "begins again",
            ) from error

    def cycles(self, track: str) -> list[int]:
        """Return the committed cycles after which every member of a track is there, rising."""
        return [
            cycle
            for cycle in range(1, self._commits.last() + 1)
            if self.missing(track, cycle) is None and self._is_committed(cycle)
        ]

    def common_cycles(self) -> list[int]:
        """Return the cycles with a complete checkpoint of all the tracks, rising."""
        return sorted(set.intersection(*(set(self.cycles(track)) for track in self._files)))

    def missing(self, track: str, cycle: int) -> int | None:
        """Return the first member that was not written after a cycle, None if all were."""
        for member in range(self._members):
            if not self._files[track].exists(self._chunk(track, cycle, member)):
                return member
        return None

    def require(self, cycle: int) -> None:
        """Raise StoreError unless every member of every track was written after a cycle."""
        for track, files in self._files.items():
            member = self.missing(track, cycle)
            if member is not None:
                raise StoreError(
                    f"cycle {cycle} cannot be committed as a checkpoint: member {member} of the "
                    f"track '{track}' was not written",
                    where=files.path(self._chunk(track, cycle, member)),
                )

    def damaged(self, cycle: int) -> list[str]:
        """Return the files of a checkpoint that do not have the bytes that were written."""
        parts = [
            (files, self._chunk(track, cycle, member))
            for track, files in self._files.items()
            for member in range(self._members)
        ]
        with ThreadPoolExecutor(_READERS) as pool:
            sound = list(pool.map(lambda part: part[0].is_sound(part[1]), parts))
        return [files.path(chunk) for (files, chunk), good in zip(parts, sound) if not good]

    def discard(self, cycle: int) -> None:
        """Remove the checkpoint after a cycle; it is made again when the cycle is."""
        for track, files in self._files.items():
            for member in range(self._members):
                files.discard(self._chunk(track, cycle, member))

    def prune(self, keep: int) -> None:
        """Delete all members older than the newest ``keep`` checkpoints, complete or not."""
        if keep < 1:
            raise StoreError(f"at least one checkpoint must stay, not {keep}")
        for track, files in self._files.items():
            for oldest in self.cycles(track)[-keep:][:1]:
                files.discard_before(oldest - 1)

    def check_writers(self, members_of: Mapping[str, Iterable[int]]) -> None:
        """Raise StoreError unless every member has one writer in a plan (writer → members)."""
        plan = {writer: list(members) for writer, members in members_of.items()}
        for array in self._arrays.values():
            guard = OneWriter.of(array)
            for writer, members in plan.items():
                for member in members:
                    guard.claim(writer, (0, member))
        written = {member for members in plan.values() for member in members}
        if missing := sorted(set(range(self._members)) - written):
            raise StoreError(f"nobody would write the checkpoints of the members {missing}")

    def _is_committed(self, cycle: int) -> bool:
        done = 1 <= cycle <= self._commits.last()
        return done and bool(self._commits.read(cycle).get("checkpoint"))

    def _chunk(self, track: str, cycle: int, member: int) -> tuple[int, ...]:
        if track not in self._files or not 0 <= member < self._members:
            raise StoreError(
                f"no member {member} of a track '{track}' in this run",
                where=f"tracks {', '.join(self._files)}; {self._members} members",
            )
        return (cycle - 1, member, 0, 0, 0)
