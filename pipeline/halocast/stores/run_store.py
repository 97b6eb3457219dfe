"""A run's folder: what a run was, what it has computed, and from where it can go on.

    DIR/run.yaml      the resolved run file
    DIR/run.zarr      everything that was computed (run_layout.py)
    DIR/commits/      one small record a committed cycle (commits.py)
    DIR/record.json   versions, seed, machine, commit of the code; written last when a run is made
    DIR/memory/       what a filter with memory left, beside the members' checkpoints
    DIR/lock/         who drives the run, while somebody does (run_lock.py)

DIR is a path or a URL (places.py).

A cycle is a transaction: ``write_cycle``, the members' ``write_checkpoint`` where one is due, and
``commit`` last. Nothing is read of a cycle without a commit record, and its leftovers are
overwritten. A cycle that was committed after the newest checkpoint is computed again on resume:
``write_cycle`` then demands the committed numbers, bit by bit.

The process may die at any moment. The power may fail, too, where a checkpoint was committed: the
members, everything written before them and the record have then reached the disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from halocast.errors import RunError, StoreError
from halocast.stores.arrays import array_at, create_missing_arrays
from halocast.stores.checkpoints import Checkpoints
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.commits import Commits, write_failure
from halocast.stores.cycle_pieces import CycleRecord, Piece, field_pieces, pieces
from halocast.stores.digests import Digests, digest, digest_shape, require_same
from halocast.stores.memories import Memories
from halocast.stores.place import Place
from halocast.stores.places import locate, require_local
from halocast.stores.run_layout import GROWING, create_hierarchy, piece_layout
from halocast.stores.run_spec import RunSpec, read_spec
from halocast.stores.versioning import open_root

__all__ = ["CycleRecord", "RunSpec", "RunStore"]

CONFIG, RECORD, HIERARCHY, COMMITS = "run.yaml", "record.json", "run.zarr", "commits"
LOCK, MEMORY = "lock", "memory"


class RunStore:
    """The run in a directory, open for writing. Get one by ``create`` or ``open``.

    A store can be pickled: another process gets its own open store, kept from task to task.
    """

    def __init__(self, place: Place, spec: RunSpec) -> None:
        self.place = place
        self.spec = spec
        path = place / HIERARCHY
        self._root = open_root(path, "run", "r+")
        self._commits = Commits(place / COMMITS)
        self._checkpoints = Checkpoints(path, self._root, spec, self._commits)
        self._arrays: dict[str, ChunkFiles] = {}
        self.memories = Memories(place / MEMORY)

    def __reduce__(self) -> tuple[Any, ...]:
        return _attach, (str(self.place),)

    @property
    def directory(self) -> Path:
        """The run's folder on a disk; StoreError where it lies elsewhere."""
        return require_local(self.place)

    @classmethod
    def create(cls, directory: str | Path | Place, spec: RunSpec) -> RunStore:
        """Make a run's folder, at a path or URL.

        Raises
        ------
        RunError
            The folder exists and is not empty.
        StoreError
            The disk is full or cannot be written; what was begun is removed.
        """
        require_free(locate(directory))
        return cls.create_beside(directory, spec)

    @classmethod
    def create_beside(cls, directory: str | Path | Place, spec: RunSpec) -> RunStore:
        """Make a run where its data lie already; where the disk is full, all is removed."""
        place = locate(directory)
        try:
            _make(place, spec)
        except OSError as error:
            place.remove_all()
            raise write_failure(error, "the new run", 1) from error
        return cls(place, spec)

    @classmethod
    def open(cls, directory: str | Path | Place) -> RunStore:
        """Open the run at a path or URL, to resume it or to write a part of it.

        Raises
        ------
        RunError
            There is no run, or it was never completely made.
        StoreError
            Its hierarchy is damaged or of another version.
        """
        place = locate(directory)
        config, record = read_texts(place)
        root = open_root(place / HIERARCHY, "run")
        return cls(place, read_spec(root, str(place), config, record))

    # ---- cycles

    def write_cycle(self, cycle: int, record: CycleRecord) -> Digests:
        """Write everything a cycle leaves behind, and return the digest of each array.

        Raises
        ------
        RunError
            The cycle is committed already, with other numbers; nothing is written then.
        StoreError
            Something does not fit the run, or the disk is full or fails. What was committed
            stays as it is.
        """
        return self._write_all(cycle, pieces(record, self.spec))

    def write_fields(self, cycle: int, variable: str, groups: Mapping[str, np.ndarray]) -> Digests:
        """Write one variable's fields (k, ny, nx) of all field groups; return their digests.

        Variables may be written at once, each by another process, beside a `write_cycle` of a
        record without fields. Raises as `write_cycle` does.
        """
        return self._write_all(cycle, field_pieces(variable, groups, self.spec))

    def _write_all(self, cycle: int, parts: list[Piece]) -> Digests:
        if not 1 <= cycle <= self.spec.times.size:
            raise StoreError(f"cycle {cycle} is not in the run's 1…{self.spec.times.size}")
        digests = {part.name: digest(part.values) for part in parts}
        if cycle <= self.committed():
            committed = self.commit_record(cycle)["digests"]
            known = {name: committed[name] for name in digests if name in committed}
            require_same(cycle, known, digests, str(self.place))
        try:
            self._create_tables(parts)
            for part in parts:
                self._write(cycle, part)
        except OSError as error:
            raise write_failure(error, f"cycle {cycle}", cycle) from error
        return digests

    def commit(self, cycle: int, summary: Mapping[str, Any], digests: Digests) -> None:
        """Make a written cycle have happened; of a cycle that is committed, check the numbers.

        A committed cycle can become a checkpoint by being committed again as one.

        Parameters
        ----------
        cycle
            The cycle after the last committed one, or a committed one.
        summary
            What to remember of the cycle. ``"checkpoint": True`` says that all the members of all
            the tracks were written: from then on the run can be resumed after this cycle.
        digests
            As ``write_cycle`` returned them.

        Raises
        ------
        RunError
            The cycle is out of order, another process writes this run, or numbers differ.
        StoreError
            A member's checkpoint is missing, or the disk is full or fails.
        """
        done = cycle <= self.committed()
        if done:
            self.expect_same(cycle, digests)
        if summary.get("checkpoint"):
            self._checkpoints.require(cycle)
            try:
                self.place.flush()
            except OSError as error:
                raise write_failure(error, f"cycle {cycle}", cycle) from error
        if not done:
            self._commits.append(cycle, {"cycle": cycle, **summary, "digests": digests})
        elif summary.get("checkpoint"):
            self._commits.mark_checkpoint(cycle)

    def committed(self) -> int:
        """Return the last committed cycle, 0 where there is none."""
        return self._commits.last()

    def commit_record(self, cycle: int) -> dict[str, Any]:
        """Return what was committed of a cycle: the summary, ``cycle`` and ``digests``."""
        return self._commits.read(cycle)

    def expect_same(self, cycle: int, digests: Digests) -> None:
        """Check a recomputed cycle against its commit; RunError names the array that differs."""
        committed = self.commit_record(cycle)["digests"]
        require_same(cycle, committed, digests, self.place)

    def damaged(self, cycle: int) -> list[str]:
        """Return the arrays of a committed cycle that do not hold the committed numbers."""
        committed = self.commit_record(cycle)["digests"]
        return [name for name, text in committed.items() if not self._holds(cycle, name, text)]

    def read_array(self, cycle: int, name: str) -> np.ndarray:
        """Return what one array, e.g. ``"analysis/mean/ssh"``, holds of a committed cycle.

        Fields come as ([layer,] y, x), columns of tables as (row,). StoreError where a chunk is
        missing or damaged.
        """
        shape = digest_shape(self.commit_record(cycle)["digests"][name])
        files = self._files(name)
        if len(files.shape) == 1:
            return files.read((cycle - 1,))
        if len(files.shape) == 2:
            return files.read_row(cycle - 1, shape[0])
        return files.read((cycle - 1,) + (0,) * (len(files.shape) - 1))[0]

    # ---- checkpoints

    def write_checkpoint(self, track: str, cycle: int, member: int, state: np.ndarray) -> None:
        """Write one member (F, ny, nx) of a track.

        Any process may write any member, one process a member (``check_writers``); it calls
        ``flush`` when it has written all of its members.
        """
        self._checkpoints.write(track, cycle, member, state)

    def flush(self) -> None:
        """Wait until the disk has everything this machine has written to the run.

        ``commit`` does so too, for the machine it runs on. One call for any number of files costs
        a few ms; an ``fsync`` for each would cost 0.3 ms a file.
        """
        self.place.flush()

    def read_checkpoint(self, track: str, cycle: int, member: int) -> np.ndarray:
        """Return one member (F, ny, nx); StoreError if it is not committed, missing or damaged."""
        return self._checkpoints.read(track, cycle, member)

    def checkpoints(self, track: str) -> list[int]:
        """Return the committed cycles after which every member of a track is there, rising."""
        return self._checkpoints.cycles(track)

    def last_checkpoint(self) -> int:
        """Return the newest cycle all tracks can be resumed after, 0 where there is none."""
        return max(self._checkpoints.common_cycles(), default=0)

    def discard_damaged_checkpoints(self) -> list[str]:
        """Remove the checkpoints that are newer than the newest sound one.

        All of the run after that is computed again, and checked against what was committed. Reads
        one checkpoint where nothing is damaged.

        Returns
        -------
        The damaged files.
        """
        damaged: list[str] = []
        for cycle in reversed(self._checkpoints.common_cycles()):
            found = self._checkpoints.damaged(cycle) + self._damaged_estimate(cycle)
            found += self.memories.damaged(cycle)
            if not found:
                break
            self._checkpoints.discard(cycle)
            self.memories.discard(cycle)
            damaged += found
        return damaged

    def _damaged_estimate(self, cycle: int) -> list[str]:
        """Return the damaged arrays of the exact filter's estimate, which it goes on from."""
        digests = self.commit_record(cycle)["digests"]
        return [
            self.place.file(f"{HIERARCHY}/{name}")
            for name, text in digests.items()
            if name.startswith("kalman_filter/") and not self._holds(cycle, name, text)
        ]

    def prune_checkpoints(self, keep: int) -> None:
        """Delete the members of all but the newest ``keep`` checkpoints."""
        self._checkpoints.prune(keep)
        self.memories.prune(self._checkpoints.common_cycles())

    def check_writers(self, members_of: Mapping[str, Iterable[int]]) -> None:
        """Raise StoreError unless every member has one writer in a plan (writer → members)."""
        self._checkpoints.check_writers(members_of)

    def discard_partial_files(self) -> None:
        """Remove what writers that were killed in mid-write left behind. No writer may be alive."""
        self.place.remove_partial()

    # ---- inside

    def _write(self, cycle: int, part: Piece) -> None:
        files = self._files(part.name)
        if part.kind == "row":
            files.write_row(cycle - 1, part.values)
        elif part.kind == "number":
            files.write((cycle - 1,), part.values)
        else:
            files.write((cycle - 1,) + (0,) * part.values.ndim, part.values[None])

    def _create_tables(self, parts: list[Piece]) -> None:
        """Make the arrays of columns and chains that are written for the first time."""
        create_missing_arrays(
            self._root,
            {
                part.name: piece_layout(self.spec, part.name, part.values)
                for part in parts
                if part.name not in self._arrays and part.name.split("/")[0] in GROWING
            },
        )

    def _files(self, name: str) -> ChunkFiles:
        """Return the files of an array, which is opened once."""
        if name not in self._arrays:
            self._arrays[name] = ChunkFiles(self.place / HIERARCHY, array_at(self._root, name))
        return self._arrays[name]

    def _holds(self, cycle: int, name: str, text: str) -> bool:
        try:
            return digest(self.read_array(cycle, name)) == text
        except StoreError:
            return False


def require_free(place: Place) -> None:
    """Raise RunError if something lies where a run's folder is to be made."""
    if set(place.names()) - {LOCK}:
        raise RunError(
            "the output folder exists and is not empty",
            where=str(place),
            remedy="choose another --output, delete the folder, or continue the run in it "
            "with `halocast resume`",
        )


def read_texts(directory: str | Path | Place) -> tuple[str, dict[str, Any]]:
    """Return the config (text) and the record of the run in a folder, or raise RunError."""
    directory = locate(directory)
    try:
        record = json.loads(directory.read(RECORD))
        return directory.read(CONFIG).decode(), record
    except (OSError, ValueError) as error:
        raise RunError(
            f"no run in this folder: {error}",
            where=str(directory),
            remedy="give the folder a `halocast run` made; one that was never completely made has "
            "nothing to resume and can be deleted",
        ) from error


def _make(place: Place, spec: RunSpec) -> None:
    place.make_folder()
    (place / COMMITS).make_folder()
    create_hierarchy(place / HIERARCHY, spec)
    place.write(CONFIG, spec.config.encode())
    place.flush()
    place.write(RECORD, json.dumps(spec.record, indent=1).encode(), durable=True)


def _attach(directory: str) -> RunStore:
    return _open_once(directory, locate(directory).version(RECORD))


@lru_cache(maxsize=4)
def _open_once(directory: str, made: Any) -> RunStore:
    return RunStore.open(directory)
