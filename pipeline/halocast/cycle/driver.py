"""The loop of a run: submit the tasks of a cycle, wait for its record, commit it.

Written once for all engines. The driver sees handles and small summaries; fields stay with the
workers, which also write them. While one cycle is waited for, the next may be under way.

Cost to the driver: about 10 + 5 W tasks a cycle on W workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from halocast.cycle import scoring, tasks
from halocast.engines.base import Engine
from halocast.stores.run_store import RunStore


class Progress(NamedTuple):
    """A cycle that was committed."""

    cycle: int
    cycles: int
    summary: dict[str, Any]


class _Under(NamedTuple):
    """A cycle under way: handles of its record and of its checkpoint's parts."""

    cycle: int
    record: Any
    checkpoint: list[Any]


class _State(NamedTuple):
    """Handles a cycle starts from: batches of members, and the exact filter's estimate."""

    batches: list[Any]
    estimate: Any


class Driver:
    """Runs the cycles of a run in its folder, from its newest checkpoint on.

    Parameters
    ----------
    directory
        A run's folder, made by `halocast.runs.create_run`.
    engine
        Where the tasks run.
    groups
        How many groups the blocks are cut into; one a place when None.
    """

    def __init__(self, directory: str | Path, engine: Engine, groups: int | None = None) -> None:
        self.directory = str(Path(directory).absolute())
        self.engine = engine
        context = tasks.load_context(self.directory)
        self.settings = context.settings
        self.store = RunStore.open(self.directory)
        self.groups = min(groups or engine.places, context.blocks.n_blocks)
        members = self.settings.ensemble.members
        self.batches = np.array_split(np.arange(members), min(engine.places, members))
        self.store.check_writers({f"batch {b}": n for b, n in enumerate(self.batches)})

    def run(self) -> Iterator[Progress]:
        """Run the cycles that are missing; yields each when it is committed."""
        first, last = self.store.last_checkpoint(), self.settings.time.cycles
        state = self._begin(first)
        under: list[_Under] = []
        for cycle in range(first + 1, last + 1):
            state, submitted = self._submit(cycle, state)
            under.append(submitted)
            settled = bool(submitted.checkpoint) and self.engine.recomputes
            while len(under) > (0 if settled or cycle == last else self.engine.lookahead):
                yield self._commit(under.pop(0))
            if settled and cycle < last:
                # from the store, so that the engine can forget how the members came about
                state = self._begin(cycle)

    def _begin(self, cycle: int) -> _State:
        """Submit what makes the state after a cycle: the initial one, or a checkpoint's."""
        submit, folder = self.engine.submit, self.directory
        batches = []
        for b, numbers in enumerate(self.batches):
            if cycle == 0:
                batch = submit(f"initial-{b}", tasks.initial, folder, numbers, place=b)
            else:
                batch = submit(
                    f"restore-{cycle}-{b}", tasks.restore, folder, cycle, numbers, place=b
                )
            batches.append(batch)
        estimate = None
        if self.settings.reference:
            if cycle == 0:
                estimate = submit("initial-reference", tasks.initial_reference, folder)
            else:
                estimate = submit(
                    f"restore-{cycle}-reference", tasks.restore_reference, folder, cycle
                )
        return _State(batches, estimate)

    def _submit(self, cycle: int, state: _State) -> tuple[_State, _Under]:
        """Submit the tasks of one cycle (the drawing in ``halocast.cycle.tasks``)."""
        folder, name = self.directory, f"{cycle:06d}"

        def submit(what: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
            return self.engine.submit(f"{what}-{name}", task, *args, place=place)

        prepared = submit("prepare", tasks.prepare, folder, cycle, self.groups)
        ahead = [
            submit(f"forecast-{b}", tasks.forecast, folder, cycle, batch, place=b)
            for b, batch in enumerate(state.batches)
        ]
        sighted = [
            submit(f"sight-{b}", tasks.sight, prepared, batch, place=b)
            for b, batch in enumerate(ahead)
        ]
        screened = submit("screen", tasks.screen, folder, prepared, *sighted)
        updated, kept = [], []
        for g in range(self.groups):
            tiles = [
                submit(f"cut-{g}-{b}", tasks.cut, folder, prepared, g, batch, place=b)
                for b, batch in enumerate(ahead)
            ]
            updated.append(
                submit(
                    f"update-{g}",
                    tasks.update,
                    folder,
                    cycle,
                    g,
                    prepared,
                    screened,
                    *tiles,
                    place=g,
                )
            )
            kept.append(submit(f"keep-{g}", tasks.keep, updated[g], place=g))
        batches = []
        for b, numbers in enumerate(self.batches):
            pieces = [
                submit(f"piece-{g}-{b}", tasks.piece, group, numbers, place=g)
                for g, group in enumerate(updated)
            ]
            batches.append(submit(f"join-{b}", tasks.join, folder, prepared, *pieces, place=b))
        estimates = estimate = None
        if self.settings.reference:
            estimates = submit(
                "reference", tasks.reference, folder, cycle, screened, state.estimate
            )
            estimate = submit("estimate", tasks.reference_estimate, estimates)
        record = submit(
            "record", scoring.record, folder, cycle, prepared, screened, estimates, *kept
        )
        written = []
        if self._is_checkpoint(cycle):
            written = [
                submit(f"checkpoint-{b}", tasks.checkpoint, folder, cycle, batch, place=b)
                for b, batch in enumerate(batches)
            ]
        return self._start(cycle, batches, estimate, record, written)

    def _start(
        self, cycle: int, batches: list[Any], estimate: Any, record: Any, written: list[Any]
    ) -> tuple[_State, _Under]:
        n = len(batches)
        handles = [*batches, record, *written] + ([estimate] if estimate is not None else [])
        kept = self.engine.start(handles)
        state = _State(kept[:n], kept[-1] if estimate is not None else None)
        return state, _Under(cycle, kept[n], kept[n + 1 : n + 1 + len(written)])

    def _is_checkpoint(self, cycle: int) -> bool:
        return cycle % self.settings.checkpoint.every == 0 or cycle == self.settings.time.cycles

    def _commit(self, under: _Under) -> Progress:
        summary, digests = self.engine.value(under.record)
        for part in under.checkpoint:
            self.engine.value(part)
        if under.checkpoint:
            summary = {**summary, "checkpoint": True}
        self.store.commit(under.cycle, summary, digests)
        if under.checkpoint:
            self.store.prune_checkpoints(self.settings.checkpoint.keep)
        return Progress(under.cycle, self.settings.time.cycles, summary)
