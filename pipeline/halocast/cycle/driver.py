"""The loop of a run: submit the tasks of a cycle, wait for its record, commit it.

Written once for all engines. The driver sees handles and small summaries; fields stay with the
workers, which also write them. While one cycle is waited for, the next may be under way. A run
that is asked to stop (``halocast.cycle.stopping``) finishes what is under way, with a checkpoint.

Cost to the driver: 3 + 4 W + 2 W² small tasks a cycle on W workers, 4 of them in a chain; of
large grids the fields are written by up to five writers, 1 + W tasks more for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from halocast.cycle import scoring, tasks, updating
from halocast.cycle.fields import share_out, write
from halocast.cycle.stopping import stop_requested, withdraw_stop
from halocast.engines.base import Engine
from halocast.filters import FILTERS
from halocast.increments import require_origins
from halocast.stores.place import Place
from halocast.stores.places import locate
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
    """Handles a cycle starts from.

    Either whole batches of members (``prepared`` is None), or the pieces of each batch and the
    cycle they are of; the exact filter's estimate; what a filter with memory has left; and, where
    increments enter bit by bit, the forecasts of each batch that they begin from.
    """

    prepared: Any
    members: list[list[Any]]
    estimate: Any
    memories: list[Any]
    origins: list[Any]


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
    stop
        Tells whether to stop; a request in the run's folder does so too.
    """

    def __init__(
        self,
        directory: str | Path | Place,
        engine: Engine,
        groups: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.directory = str(locate(directory))
        self.engine = engine
        self._stop = stop
        context = tasks.load_context(self.directory)
        self.settings = context.settings
        self.store = RunStore.open(self.directory)
        self.groups = min(groups or engine.places, context.blocks.n_blocks)
        self.writers = share_out(context.model.layout, context.grid.n_cells, engine.places)
        members = self.settings.ensemble.members
        self.batches = np.array_split(np.arange(members), min(engine.places, members))
        self.store.check_writers({f"batch {b}": n for b, n in enumerate(self.batches)})
        chosen = self.settings.filter
        self._remembers = FILTERS[chosen.method].remembers(chosen)
        self._incremental = self.settings.update.kind == "incremental"
        require_origins(self.settings.update, self.store.spec.tracks)

    def run(self) -> Iterator[Progress]:
        """Run the cycles that are missing; yields each when it is committed.

        Ends before the last cycle where the run is asked to stop.
        """
        withdraw_stop(self.directory)
        first, last = self.store.last_checkpoint(), self.settings.time.cycles
        state = self._begin(first)
        under: list[_Under] = []
        for cycle in range(first + 1, last + 1):
            if not (under and self._stops()):
                state, submitted = self._submit(cycle, state)
                under.append(submitted)
            if self._stops():
                under[-1] = self._with_checkpoint(under[-1], state)
                yield from map(self._commit, under)
                return
            settled = bool(submitted.checkpoint) and self.engine.recomputes
            while len(under) > (0 if settled or cycle == last else self.engine.lookahead):
                yield self._commit(under.pop(0))
            if settled and cycle < last:
                # from the store, so that the engine can forget how the members came about
                state = self._begin(cycle)

    def _stops(self) -> bool:
        return self._stop() or stop_requested(self.directory)

    def _with_checkpoint(self, under: _Under, state: _State) -> _Under:
        """Make a cycle under way a checkpoint, unless it is one."""
        if under.checkpoint:
            return under
        written = self._write_members(under.cycle, state)
        return under._replace(checkpoint=self.engine.start(written))

    def _begin(self, cycle: int) -> _State:
        """Submit what makes the state after a cycle: the initial one, or a checkpoint's."""
        submit, folder = self.engine.submit, self.directory
        if cycle == 0:
            members = self._begin_ensemble()
        else:
            members = [
                [submit(f"restore-{cycle}-{b}", tasks.restore, folder, cycle, numbers, place=b)]
                for b, numbers in enumerate(self.batches)
            ]
        estimate = None
        if self.settings.reference:
            if cycle == 0:
                estimate = submit("initial-reference", tasks.initial_reference, folder)
            else:
                estimate = submit(
                    f"restore-{cycle}-reference", tasks.restore_reference, folder, cycle
                )
        memories = []
        if cycle > 0 and self._remembers:
            memories = [submit(f"restore-{cycle}-memory", tasks.restore_memory, folder, cycle)]
        origins = []
        if cycle > 0 and self._incremental:
            task = tasks.restore_origins
            origins = [
                submit(f"restore-{cycle}-origins-{b}", task, folder, cycle, numbers, place=b)
                for b, numbers in enumerate(self.batches)
            ]
        return _State(None, members, estimate, memories, origins)

    def _begin_ensemble(self) -> list[list[Any]]:
        """Submit what makes the initial ensemble, whose perturbations sum up to nothing."""
        submit, folder = self.engine.submit, self.directory
        drawn, total = [], None
        for b, numbers in enumerate(self.batches):
            drawn.append(submit(f"perturb-{b}", tasks.perturb, folder, numbers, place=b))
            total = submit(f"add-up-{b}", tasks.add_up, total, drawn[b], place=b)
        return [
            [submit(f"initial-{b}", tasks.initial, folder, numbers, drawn[b], total, place=b)]
            for b, numbers in enumerate(self.batches)
        ]

    def _submit(self, cycle: int, state: _State) -> tuple[_State, _Under]:
        """Submit the tasks of one cycle (the drawing in ``halocast.cycle.tasks``)."""
        folder, name = self.directory, f"{cycle:06d}"

        def submit(what: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
            return self.engine.submit(f"{what}-{name}", task, *args, place=place)

        prepared = submit("prepare", tasks.prepare, folder, cycle, self.groups)
        ahead = []
        for b, parts in enumerate(state.members):
            task: Callable[..., Any] = tasks.forecast
            arguments = [state.origins[b] if state.origins else None, *parts]
            if state.prepared is not None:
                task, arguments[1:] = tasks.forecast_pieces, [state.prepared, *parts]
            ahead.append(submit(f"forecast-{b}", task, folder, cycle, *arguments, place=b))
        origins = []
        if self._incremental:
            origins = [
                submit(f"origins-{b}", tasks.keep_origins, batch, place=b)
                for b, batch in enumerate(ahead)
            ]
        updated, kept, memories = [], [], []
        for g in range(self.groups):
            tiles = [
                submit(f"cut-{g}-{b}", tasks.cut, folder, prepared, g, batch, place=b)
                for b, batch in enumerate(ahead)
            ]
            group = submit(
                f"halo-blocks-{g}", updating.update, folder, cycle, g, prepared, *tiles,
                *state.memories, place=g,
            )  # fmt: skip
            updated.append(group)
            kept.append(submit(f"keep-{g}", tasks.keep, group, place=g))
            if self._remembers:
                memories.append(submit(f"remember-{g}", tasks.remember, group, place=g))
        members = [
            [
                submit(f"piece-{g}-{b}", tasks.piece, group, numbers, place=g)
                for g, group in enumerate(updated)
            ]
            for b, numbers in enumerate(self.batches)
        ]
        estimates = estimate = None
        if self.settings.reference:
            estimates = submit(
                "reference", tasks.reference, folder, cycle, prepared, state.estimate, *kept
            )
            estimate = submit("estimate", tasks.reference_estimate, estimates)
        fields = []
        for w, writer in enumerate(self.writers):
            shares = [
                submit(f"share-{w}-{g}", tasks.share, group, writer.numbers, place=g)
                for g, group in enumerate(updated)
            ]
            fields.append(
                submit(
                    f"commit-fields-{w}", write, folder, cycle, writer, estimates, *shares, place=w
                )
            )
        record = submit(
            "commit-record", scoring.record, folder, cycle, prepared, len(fields), *fields, *kept
        )
        after = _State(prepared, members, estimate, memories, origins)
        written = self._write_members(cycle, after) if self._is_checkpoint(cycle) else []
        return self._start(cycle, after, record, written)

    def _write_members(self, cycle: int, state: _State) -> list[Any]:
        """Submit what writes all members after a cycle, and the filter's memory, if it has one."""
        submit, folder, name = self.engine.submit, self.directory, f"{cycle:06d}"
        written = [
            submit(
                f"checkpoint-{b}-{name}",
                tasks.checkpoint, folder, cycle, state.prepared, *pieces, place=b,
            )
            for b, pieces in enumerate(state.members)
        ]  # fmt: skip
        if self._remembers:
            task = tasks.checkpoint_memory
            written.append(
                submit(f"checkpoint-memory-{name}", task, folder, cycle, *state.memories)
            )
        return written + [
            submit(
                f"checkpoint-origins-{b}-{name}",
                tasks.checkpoint_origins, folder, cycle, origins, place=b,
            )
            for b, origins in enumerate(state.origins)
        ]  # fmt: skip

    def _start(
        self, cycle: int, state: _State, record: Any, written: list[Any]
    ) -> tuple[_State, _Under]:
        """Begin the cycle, and keep what the next one and the commit need."""
        flat = [piece for pieces in state.members for piece in pieces]
        last = [] if state.estimate is None else [state.estimate]
        kept_on = [*state.memories, *state.origins]
        wanted = [state.prepared, record, *last, *kept_on, *written, *flat]
        kept = iter(self.engine.start(wanted))
        prepared, record = next(kept), next(kept)
        estimate = next(kept) if last else None
        memories = [next(kept) for _ in state.memories]
        origins = [next(kept) for _ in state.origins]
        written = [next(kept) for _ in written]
        members = [[next(kept) for _ in pieces] for pieces in state.members]
        after = _State(prepared, members, estimate, memories, origins)
        return after, _Under(cycle, record, written)

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
