"""The tasks of a cycle: plain functions of (folder, cycle, …), the same for every engine.

    prepare ──┐
    forecast ─ cut ─ update ─ piece ─ (the next forecast)
                        └─ keep ─ record

Every arrow costs a few milliseconds of latency on a cluster, so there are four in the chain from a
cycle to the next: what is small (the observed scalars, the check for gross errors) is rather done
again in every group than in a task of its own.

A batch of members and a group of blocks are only ways to share out the work: no number depends on
them. All fields are gathered into whole arrays before anything is summed over cells.
"""

from __future__ import annotations

import time as clock

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.cycle.failures import Failure, Roster, advance_members, make_roster
from halocast.cycle.parts import Batch, Piece, Prepared, Statistics, Tile, Updated
from halocast.diagnostics import ensemble_crps, score_name
from halocast.ensemble import mean_and_spread
from halocast.filters import FILTERS, free_run
from halocast.filters.base import BlockGroup, BlockObservations, BlockUpdate, block_group
from halocast.localization.adaptive import adaptive_partition
from halocast.localization.blocks import Blocks, Incidence
from halocast.localization.planner import plan_groups
from halocast.models.kalman_reference import kalman_analysis, kalman_forecast, kalman_initial
from halocast.noise import centre
from halocast.observations import ObservationTable, check_gross_errors, prepare_observations


def initial(directory: str, numbers: np.ndarray) -> Batch:
    """Make some members of the initial ensemble, perturbed around the initial state."""
    context = load_context(directory)
    model, settings = context.model, context.settings
    state = context.initial_state()
    increments = {}
    total = np.zeros_like(state)
    for member in range(settings.ensemble.members):
        increment = model.initial_perturbation(settings.seed, member)
        total += increment
        if member in numbers:
            increments[member] = increment
    centre = total / settings.ensemble.members if settings.ensemble.members > 1 else 0.0
    states = np.stack([model.apply_perturbation(state, increments[n] - centre) for n in numbers])
    return Batch(numbers, states, states.copy() if settings.free_run else None)


def initial_reference(directory: str) -> np.ndarray:
    """Return the exact filter's first estimate: mean and variance, shape (2, ny, nx)."""
    return kalman_initial(load_context(directory).model)


def restore(directory: str, cycle: int, numbers: np.ndarray) -> Batch:
    """Read some members back from the checkpoint after a cycle."""
    context = load_context(directory)
    analysis = np.stack([context.store.read_checkpoint("analysis", cycle, n) for n in numbers])
    if not context.settings.free_run:
        return Batch(numbers, analysis, None)
    free = np.stack([context.store.read_checkpoint("free", cycle, n) for n in numbers])
    return Batch(numbers, analysis, free)


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
    seen = _incidence(context, blocks, table)
    plan = plan_groups(blocks, seen, n_groups, settings.ensemble.members, fields=len(layout))
    first = int(rows["row"].values[0]) if rows.sizes["row"] else 0
    return Prepared(table, first, fates, tuple(plan), own)


def _blocks(context: Context, prepared: Prepared) -> Blocks:
    return context.blocks if prepared.blocks is None else prepared.blocks


def _incidence(context: Context, blocks: Blocks, table: ObservationTable) -> Incidence:
    """Find which blocks see which assimilated rows of the table."""
    settings = context.settings.filter
    here = table.assimilated
    found = FILTERS[settings.method].incidence(settings, blocks, table.cell[here], context.grid)
    return Incidence(found.start, here[found.observation], found.weight)


def forecast(directory: str, cycle: int, batch: Batch) -> Batch:
    """Advance some members through a cycle; noise-free. Who failed is noted, not raised."""
    context = load_context(directory)
    forcing = context.forcing(cycle)
    time = context.settings.time
    start, stop = time.at(cycle - 1), time.at(cycle)

    def advance(state: np.ndarray) -> np.ndarray:
        return context.model.advance(state, start, stop, forcing)

    numbers, free = batch.numbers, None
    failed_free: list[Failure] = []
    analysis, failed = advance_members(advance, batch.analysis, numbers, "analysis", cycle)
    if batch.free is not None:
        free, failed_free = advance_members(advance, batch.free, numbers, "free run", cycle)
    noise = _fields_of_noise(context, cycle, batch)
    return Batch(numbers, analysis, free, noise, (*failed, *failed_free))


def _fields_of_noise(context: Context, cycle: int, batch: Batch) -> np.ndarray | None:
    if not context.noise.correlated:
        return None
    return np.stack([context.noise.draw(context.settings.seed, cycle, n) for n in batch.numbers])


def _gather(parts: list[tuple[np.ndarray, np.ndarray]], members: int) -> np.ndarray:
    out = np.empty((members, *parts[0][1].shape[1:]))
    for numbers, values in parts:
        out[numbers] = values
    return out


def forecast_pieces(directory: str, cycle: int, before: Prepared, *pieces: Piece) -> Batch:
    """Put some members together from the pieces of the cycle before, and advance them."""
    return forecast(directory, cycle, join(directory, before, *pieces))


def cut(directory: str, prepared: Prepared, group: int, batch: Batch) -> Tile:
    """Cut the cells of one group of blocks, and all observed scalars, out of some members."""
    cells = _group_cells(load_context(directory), prepared, group)

    def take(states: np.ndarray) -> np.ndarray:
        flat = states.reshape(*states.shape[:2], -1)
        return np.take(flat, cells, axis=2)

    free = None if batch.free is None else take(batch.free)
    noise = observed_noise = None
    if batch.noise is not None:
        noise, observed_noise = take(batch.noise), prepared.table.observed(batch.noise)
    observed = prepared.table.observed(batch.analysis)
    return Tile(
        batch.numbers, take(batch.analysis), free, observed, noise, observed_noise, batch.failed
    )


def _group_cells(context: Context, prepared: Prepared, group: int) -> np.ndarray:
    blocks, numbers = _blocks(context, prepared), prepared.groups[group]
    # a group is a stretch of consecutive blocks, so its cells are a stretch too
    return blocks.cells[blocks.cell_start[numbers[0]] : blocks.cell_start[numbers[-1] + 1]]


def update(directory: str, cycle: int, group: int, prepared: Prepared, *tiles: Tile) -> Updated:
    """Update one group of blocks: all its members, the free run's too, and their statistics."""
    context = load_context(directory)
    settings = context.settings
    m = settings.ensemble.members
    numbers = prepared.groups[group]
    roster = _roster(context, cycle, "analysis", tiles)
    noise, observed_noise = _noise(context, cycle, group, prepared, tiles, roster)
    observed = roster.forecasts(_gather([(t.numbers, t.observed) for t in tiles], m))
    observed_sd = context.noise.sd[prepared.table.field, prepared.table.cell]
    table = check_gross_errors(prepared.table, observed, observed_sd, settings.observations)
    method = FILTERS[settings.filter.method]
    partition = _blocks(context, prepared)
    blocks = block_group(
        numbers,
        partition,
        _incidence(context, partition, table),
        _block_observations(table),
        forecast=roster.forecasts(_gather([(t.numbers, t.analysis) for t in tiles], m)),
        noise=noise,
        observed=observed,
        observed_noise=observed_noise,
        model_noise=context.noise,
        grid=context.grid,
        seed=settings.seed,
        cycle=cycle,
        sees_all=method.sees_all,
    )
    balanced = context.noise.balanced
    tracks = {"forecast": _completed(context, blocks, free_run.update(blocks), balanced)}
    began = clock.thread_time()
    drawn = method.update(blocks, settings.filter)
    seconds = clock.thread_time() - began
    carried = method.carries_layers or balanced
    tracks["analysis"] = _completed(context, blocks, drawn, carried)
    account, free = roster.account, None
    if tiles[0].free is not None:
        alone = _roster(context, cycle, "free run", tiles)
        tracks["free"] = _free_run(context, cycle, group, prepared, tiles, blocks, roster, alone)
        free = alone.to_all(tracks["free"].members)
        account += alone.account
    statistics = _statistics(context, cycle, blocks, table, tracks, seconds)
    return Updated(
        roster.to_all(tracks["analysis"].members), free, statistics._replace(account=account)
    )


def _roster(context: Context, cycle: int, track: str, tiles: tuple[Tile, ...]) -> Roster:
    ensemble = context.settings.ensemble
    failed = [failure for tile in tiles for failure in tile.failed]
    return make_roster(
        ensemble.on_failure, failed, track, ensemble.members, context.settings.seed, cycle
    )


def _free_run(
    context: Context,
    cycle: int,
    group: int,
    prepared: Prepared,
    tiles: tuple[Tile, ...],
    blocks: BlockGroup,
    roster: Roster,
    alone: Roster,
) -> BlockUpdate:
    """Add the model noise to the free run's members, the analysis's where both have the same."""
    members = _gather([(t.numbers, t.free) for t in tiles if t.free is not None], alone.size)
    noise = blocks.noise
    if not np.array_equal(roster.members, alone.members):
        noise, _ = _noise(context, cycle, group, prepared, tiles, alone)
    own = blocks._replace(forecast=alone.forecasts(members), noise=noise)
    return _completed(context, own, free_run.update(own), context.noise.balanced)


def _noise(
    context: Context,
    cycle: int,
    group: int,
    prepared: Prepared,
    tiles: tuple[Tile, ...],
    roster: Roster,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the roster's model noise on the group's cells and at all observations."""
    settings, table = context.settings, prepared.table
    m, seed = settings.ensemble.members, settings.seed
    if context.noise.correlated:
        noise = _gather([(t.numbers, t.noise) for t in tiles if t.noise is not None], m)
        observed = _gather(
            [(t.numbers, t.observed_noise) for t in tiles if t.observed_noise is not None], m
        )
    else:
        cells = _group_cells(context, prepared, group)
        noise = context.noise.white_tile(m, cells, seed, cycle)
        observed = context.noise.white_at(m, table.field, table.cell, seed, cycle)
    noise, observed = roster.own(noise), roster.own(observed)
    if settings.ensemble.centred_noise:
        return centre(noise), centre(observed)
    return noise, observed


def _block_observations(table: ObservationTable) -> BlockObservations:
    return BlockObservations(
        id=table.id,
        scalar=table.scalar,
        field=table.field,
        cell=table.cell,
        value=table.value,
        error=table.error,
        operator=table.operator,
        center=table.operator_center,
        scale=table.operator_scale,
        noise_kind=table.noise,
        df=table.df,
    )


def _completed(
    context: Context, group: BlockGroup, drawn: BlockUpdate, carried: bool
) -> BlockUpdate:
    """Let the model carry what was drawn downwards; mean and spread follow the members.

    Where the layers below were updated too (``carried``) the model only keeps them thick enough.
    """
    if len(context.model.layout) == 1:
        return drawn  # nothing lies below
    ancestor = np.repeat(drawn.ancestor, np.diff(group.cell_start), axis=1)  # (m, c)
    members = np.empty_like(drawn.members)
    for k in range(group.members):
        source = drawn.members[k] if carried else group.forecast[k]
        if not carried and (ancestor[k] != k).any():
            source = np.take_along_axis(group.forecast, ancestor[k][None, None], axis=0)[0]
        members[k] = context.model.complete(drawn.members[k], source, group.cells)
    changed = (members != drawn.members).any(axis=0)
    if not changed.any():
        return drawn
    shift, _ = mean_and_spread(members - drawn.members)
    _, spread = mean_and_spread(members)
    spread *= np.sqrt(group.members / max(group.members - 1, 1))
    return drawn._replace(
        members=members,
        mean=np.where(changed, drawn.mean + shift, drawn.mean),
        spread=np.where(changed, spread, drawn.spread),
    )


def _statistics(
    context: Context,
    cycle: int,
    group: BlockGroup,
    table: ObservationTable,
    tracks: dict[str, BlockUpdate],
    seconds: float,
) -> Statistics:
    fields = {}
    for name, track in tracks.items():
        fields[f"{name}/mean"], fields[f"{name}/spread"] = track.mean, track.spread
    _, fields["forecast-mean/spread"] = mean_and_spread(group.forecast)
    members = {name: track.members for name, track in tracks.items()}
    truth = context.truth_at(cycle)
    if truth is not None:
        scored = [
            i for i, f in enumerate(context.model.layout.fields) if score_name(f) == f.variable
        ]
        true = truth.reshape(len(truth), -1)[:, group.cells]
        for name, values in {**members, "forecast-mean": group.forecast}.items():
            crps = np.full(true.shape, np.nan)
            for i in scored:
                crps[i] = ensemble_crps(values[:, i], true[i])
            fields[f"{name}/crps"] = crps
    local = np.full(context.grid.n_cells, -1)
    local[group.cells] = np.arange(group.cells.size)
    seen = np.flatnonzero(local[table.cell] >= 0)
    at = local[table.cell[seen]]
    members["forecast-mean"] = group.forecast
    scalars = {name: v[:, table.field[seen], at] for name, v in members.items()}
    health = tracks["analysis"].health
    trace = tracks["analysis"].trace
    return Statistics(
        group.cells, fields, table.fate, seen, scalars, group.block, health, trace, seconds
    )


def keep(updated: Updated) -> Statistics:
    """Return what is kept of an update besides the members."""
    return updated.statistics


def piece(updated: Updated, numbers: np.ndarray) -> Piece:
    """Take some members out of an updated group, to go back to where they live."""
    free = None if updated.free is None else updated.free[numbers]
    return Piece(numbers, updated.analysis[numbers], free)


def join(directory: str, prepared: Prepared, *pieces: Piece) -> Batch:
    """Put the pieces of all groups together into whole states."""
    context = load_context(directory)
    numbers = pieces[0].numbers
    shape = (len(numbers), len(context.model.layout), *context.grid.shape)

    def assemble(values: list[np.ndarray]) -> np.ndarray:
        out = np.empty((*shape[:2], context.grid.n_cells))
        for group, value in enumerate(values):
            out[:, :, _group_cells(context, prepared, group)] = value
        return out.reshape(shape)

    free = None
    if pieces[0].free is not None:
        free = assemble([p.free for p in pieces if p.free is not None])
    return Batch(numbers, assemble([p.analysis for p in pieces]), free)


def reference(
    directory: str, cycle: int, prepared: Prepared, kept: Statistics, estimate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Advance the exact filter through a cycle: its forecast and its analysis (2, ny, nx)."""
    context = load_context(directory)
    time = context.settings.time
    sd = context.noise.sd[0].reshape(context.grid.shape)
    ahead = kalman_forecast(context.model, estimate, sd, time.at(cycle - 1), time.at(cycle))
    return ahead, kalman_analysis(ahead, prepared.table.with_fate(kept.fate))


def reference_estimate(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the analysis of the exact filter, to go on from."""
    return pair[1]


def checkpoint(directory: str, cycle: int, prepared: Prepared, *pieces: Piece) -> int:
    """Write some members after a cycle; returns how many."""
    store, batch = load_context(directory).store, join(directory, prepared, *pieces)
    for k, number in enumerate(batch.numbers):
        store.write_checkpoint("analysis", cycle, int(number), batch.analysis[k])
        if batch.free is not None:
            store.write_checkpoint("free", cycle, int(number), batch.free[k])
    store.flush()
    return len(batch.numbers)
