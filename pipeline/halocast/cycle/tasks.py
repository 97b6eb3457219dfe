"""The tasks of a cycle: plain functions of (folder, cycle, …), the same for every engine.

    prepare ──┐
    forecast ─ cut ─ update ─ piece ─ (the next forecast)
                        ├─ share ─ fields ─┐
                        └─ keep ──────── record

Every arrow costs a few milliseconds of latency on a cluster, so there are four in the chain from a
cycle to the next: what is small (the observed scalars, the check for gross errors) is rather done
again in every group than in a task of its own.

A batch of members and a group of blocks are only ways to share out the work: no number depends on
them. All fields are gathered into whole arrays before anything is summed over cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.cycle.failures import Failure, advance_members
from halocast.cycle.groups import (
    assimilated_incidence,
    cycle_blocks,
    group_cells,
    needed_rows,
)
from halocast.cycle.joining import join, stacked, with_fates
from halocast.cycle.parts import Batch, Fields, Piece, Prepared, Statistics, Tile, Updated
from halocast.filters.memory import Remembered, from_bytes, joined, to_bytes
from halocast.increments import ORIGINS, TRACKS, advance_from_origin
from halocast.localization.adaptive import adaptive_partition
from halocast.localization.planner import plan_groups
from halocast.models.kalman_reference import kalman_analysis, kalman_forecast, kalman_initial
from halocast.observations import prepare_observations


def perturb(directory: str, numbers: np.ndarray) -> np.ndarray:
    """Draw some members' initial perturbations, (b, F, ny, nx)."""
    context = load_context(directory)
    seed = context.settings.seed
    drawn = (context.model.initial_perturbation(seed, int(number)) for number in numbers)
    return stacked(drawn, len(numbers))


def add_up(total: np.ndarray | None, perturbations: np.ndarray) -> np.ndarray:
    """Add some members' perturbations, in order, to the sum of those before them, (F, ny, nx).

    From batch to batch, so that the sum does not depend on the batches.
    """
    out = np.zeros_like(perturbations[0]) if total is None else total.copy()
    for perturbation in perturbations:
        out += perturbation
    return out


def initial(
    directory: str, numbers: np.ndarray, perturbations: np.ndarray, total: np.ndarray
) -> Batch:
    """Make some members of the initial ensemble: centred perturbations of the initial state."""
    context = load_context(directory)
    model, settings = context.model, context.settings
    state, members = context.initial_state(), settings.ensemble.members
    centre = total / members if members > 1 else 0.0
    states = np.empty_like(perturbations)
    for k, perturbation in enumerate(perturbations):
        states[k] = model.apply_perturbation(state, perturbation - centre)
    return Batch(numbers, states, states.copy() if settings.free_run else None)


def initial_reference(directory: str) -> np.ndarray:
    """Return the exact filter's first estimate: mean and variance, shape (2, ny, nx)."""
    return kalman_initial(load_context(directory).model)


def restore(directory: str, cycle: int, numbers: np.ndarray) -> Batch:
    """Read some members back from the checkpoint after a cycle."""
    return _read_members(directory, cycle, numbers, TRACKS)


def restore_origins(directory: str, cycle: int, numbers: np.ndarray) -> Batch:
    """Read some members' forecasts back from the checkpoint after a cycle."""
    return _read_members(directory, cycle, numbers, ORIGINS)


def _read_members(
    directory: str, cycle: int, numbers: np.ndarray, tracks: tuple[str, str]
) -> Batch:
    context = load_context(directory)

    def read(track: str) -> np.ndarray:
        store = context.store
        states = (store.read_checkpoint(track, cycle, int(number)) for number in numbers)
        return stacked(states, len(numbers))

    return Batch(numbers, read(tracks[0]), read(tracks[1]) if context.settings.free_run else None)


def restore_reference(directory: str, cycle: int) -> np.ndarray:
    """Read the exact filter's estimate after a cycle back from what the cycle wrote."""
    store = load_context(directory).store
    mean = store.read_array(cycle, "kalman_filter/mean/z")
    spread = store.read_array(cycle, "kalman_filter/spread/z")
    return np.stack([mean, np.square(spread)])


def prepare(directory: str, cycle: int, n_groups: int) -> Prepared:
    """Read and prepare a cycle's observations, and plan its groups of blocks."""
    context = load_context(directory)
    settings, grid, layout = context.settings, context.grid, context.model.layout
    start, stop = settings.time.at(cycle - 1), settings.time.at(cycle)
    rows = context.observations.window(start, stop)
    table, fates = prepare_observations(
        rows, grid, layout, settings.observations, settings.seed, (start, stop), context.platforms
    )
    own = None
    if context.adaptive is not None:
        cells = table.cell[table.assimilated]
        own = adaptive_partition(grid.shape, cells, context.adaptive, grid.periodic)
    blocks = context.blocks if own is None else own
    seen = assimilated_incidence(context, blocks, table)
    plan = plan_groups(blocks, seen, n_groups, settings.ensemble.members, fields=len(layout))
    needed = needed_rows(context, blocks, table, seen, plan)
    first = int(rows["row"].values[0]) if rows.sizes["row"] else 0
    return Prepared(table, first, fates, tuple(plan), needed, own)


def forecast(directory: str, cycle: int, origins: Batch | None, batch: Batch) -> Batch:
    """Advance some members through a cycle; noise-free. Who failed is noted, not raised.

    ``origins`` are where they were before the update, if its increments enter bit by bit.
    """
    members = (batch.analysis, batch.free)
    return _advance(load_context(directory), cycle, batch.numbers, origins, *members)


def forecast_pieces(
    directory: str, cycle: int, origins: Batch | None, before: Prepared, *pieces: Piece
) -> Batch:
    """Put some members together from the pieces of the cycle before, and advance them."""
    context = load_context(directory)
    return _advance(context, cycle, pieces[0].numbers, origins, *join(context, before, pieces))


def _advance(
    context: Context,
    cycle: int,
    numbers: np.ndarray,
    origins: Batch | None,
    analysis: np.ndarray | Sequence[np.ndarray],
    free: np.ndarray | Sequence[np.ndarray] | None,
) -> Batch:
    advance = _stepper(context, cycle, None if origins is None else origins.analysis)
    ahead, failed = advance_members(advance, analysis, numbers, "analysis", cycle)
    ahead_free, failed_free = None, list[Failure]()
    if free is not None:
        advance = _stepper(context, cycle, None if origins is None else origins.free)
        ahead_free, failed_free = advance_members(advance, free, numbers, "free run", cycle)
    noise = None
    if context.noise.correlated:
        seed = context.settings.seed
        drawn = (context.noise.draw(seed, cycle, int(number)) for number in numbers)
        noise = stacked(drawn, len(numbers))
    return Batch(numbers, ahead, ahead_free, noise, (*failed, *failed_free))


def _stepper(
    context: Context, cycle: int, origins: np.ndarray | None
) -> Callable[[int, np.ndarray], np.ndarray]:
    """Return what advances a batch's k-th member through a cycle, from its state at the start."""
    model, forcing, time = context.model, context.forcing(cycle), context.settings.time
    start, stop = time.at(cycle - 1), time.at(cycle)
    if origins is None:
        return lambda k, state: model.advance(state, start, stop, forcing)
    weights = context.settings.shares
    return lambda k, state: advance_from_origin(
        model, origins[k], state, start, stop, weights, forcing
    )


def keep_origins(batch: Batch) -> Batch:
    """Return the forecasts that the increments of the update to come begin from."""
    return Batch(batch.numbers, batch.analysis, batch.free)


def cut(directory: str, prepared: Prepared, group: int, batch: Batch) -> Tile:
    """Cut the cells of one group of blocks, and the observed scalars it needs, out of members."""
    blocks = cycle_blocks(load_context(directory), prepared)
    cells = group_cells(blocks, prepared.groups[group])
    scalar = prepared.table.scalar[prepared.rows[group]]

    def take(states: np.ndarray, columns: np.ndarray) -> np.ndarray:
        flat = states.reshape(len(states), *states.shape[1:-2], -1)
        return np.take(flat, columns, axis=-1)

    def observed(states: np.ndarray) -> np.ndarray:
        return np.take(states.reshape(len(states), -1), scalar, axis=1)

    return Tile(
        batch.numbers,
        take(batch.analysis, cells),
        None if batch.free is None else take(batch.free, cells),
        observed(batch.analysis),
        None if batch.noise is None else take(batch.noise, cells),
        None if batch.noise is None else observed(batch.noise),
        batch.failed,
    )


def keep(updated: Updated) -> Statistics:
    """Return what little is kept of an update, for the record."""
    return updated.statistics


def share(updated: Updated, numbers: Sequence[int]) -> Fields:
    """Return some fields' means, spreads and scores, for who writes these fields."""
    cells, values = updated.fields
    return Fields(cells, {name: fields[list(numbers)] for name, fields in values.items()})


def remember(updated: Updated) -> Remembered:
    """Return what the filter is to find again in the next cycle."""
    return updated.memory or {}


def restore_memory(directory: str, cycle: int) -> Remembered:
    """Read what the filter had left after a cycle back from its checkpoint."""
    store = load_context(directory).store
    return from_bytes(store.memories.read(cycle), f"{directory}, cycle {cycle}")


def checkpoint_memory(directory: str, cycle: int, *memories: Remembered) -> int:
    """Write what the filter has left after a cycle; returns of how many blocks."""
    store = load_context(directory).store
    memory = joined(memories)
    store.memories.write(cycle, to_bytes(memory))
    store.flush()
    return len(memory)


def piece(updated: Updated, numbers: np.ndarray) -> Piece:
    """Take some members out of an updated group, to go back to where they live.

    Views where they follow each other: a copy would cost as much as moving them.
    """
    some: slice | np.ndarray = numbers
    if numbers.size and numbers[-1] - numbers[0] == numbers.size - 1:
        some = slice(int(numbers[0]), int(numbers[-1]) + 1)
    free = None if updated.free is None else updated.free[some]
    return Piece(numbers, updated.analysis[some], free)


def reference(
    directory: str, cycle: int, prepared: Prepared, estimate: np.ndarray, *kept: Statistics
) -> tuple[np.ndarray, np.ndarray]:
    """Advance the exact filter through a cycle: its forecast and its analysis (2, ny, nx)."""
    context = load_context(directory)
    time = context.settings.time
    sd = context.noise.sd[0].reshape(context.grid.shape)
    ahead = kalman_forecast(context.model, estimate, sd, time.at(cycle - 1), time.at(cycle))
    return ahead, kalman_analysis(ahead, with_fates(prepared.table, kept))


def reference_estimate(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the analysis of the exact filter, to go on from."""
    return pair[1]


def checkpoint(directory: str, cycle: int, prepared: Prepared, *pieces: Piece) -> int:
    """Write some members after a cycle; returns how many."""
    context = load_context(directory)
    members = join(context, prepared, pieces)
    return _write_members(context, cycle, pieces[0].numbers, TRACKS, members)


def checkpoint_origins(directory: str, cycle: int, origins: Batch) -> int:
    """Write the forecasts some members' increments begin from; returns how many."""
    states = (origins.analysis, origins.free)
    return _write_members(load_context(directory), cycle, origins.numbers, ORIGINS, states)


def _write_members(
    context: Context,
    cycle: int,
    numbers: np.ndarray,
    tracks: tuple[str, str],
    members: tuple[Sequence[np.ndarray] | np.ndarray, Sequence[np.ndarray] | np.ndarray | None],
) -> int:
    for track, states in zip(tracks, members, strict=True):
        if states is not None:
            for number, state in zip(numbers.tolist(), states, strict=True):
                context.store.write_checkpoint(track, cycle, number, state)
    context.store.flush()
    return len(numbers)
