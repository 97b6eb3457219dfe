"""The update of one group of blocks: all its members, the free run's too, and their statistics.

A group is updated strip by strip (``halocast.cycle.strips``), so that beside the members before and
after it holds next to nothing. It sees the rows of the observation table that its blocks may see,
and no others.
"""

from __future__ import annotations

import time as clock
from typing import NamedTuple

import numpy as np

from halocast.cycle.completion import complete
from halocast.cycle.context import Context, load_context
from halocast.cycle.failures import Roster, make_roster
from halocast.cycle.groups import assimilated_incidence, cycle_blocks, group_cells
from halocast.cycle.parts import Prepared, Tile, Updated
from halocast.cycle.statistics import GroupStatistics, Strip
from halocast.cycle.strips import cut_strips
from halocast.filters import FILTERS, free_run
from halocast.filters.base import BlockGroup, BlockObservations, BlockUpdate, block_group
from halocast.filters.memory import Remembered, joined
from halocast.localization.blocks import Blocks, Incidence
from halocast.noise import centre
from halocast.observations import ObservationTable, check_gross_errors, moderate


class _Group(NamedTuple):
    """A group before its update: its tiles, who takes part, and what it sees.

    ``alone`` is the free run's roster, None in a run without one. ``table`` has the group's rows,
    checked; ``observed`` and ``noise`` are forecasts and model noise there, (k, p). In ``seen`` the
    blocks of other groups see nothing, unless all is to be seen. ``memory`` is of all blocks.
    """

    context: Context
    cycle: int
    numbers: np.ndarray
    cells: np.ndarray
    blocks: Blocks
    tiles: tuple[Tile, ...]
    roster: Roster
    alone: Roster | None
    table: ObservationTable
    seen: Incidence
    observed: np.ndarray
    noise: np.ndarray
    memory: Remembered


def update(
    directory: str, cycle: int, group: int, prepared: Prepared, *parts: Tile | Remembered
) -> Updated:
    """Update one group of blocks, from its tiles and what the filter left of all groups."""
    context = load_context(directory)
    tiles = tuple(part for part in parts if isinstance(part, Tile))
    memory = joined(part for part in parts if isinstance(part, dict))
    work = _group(context, cycle, group, prepared, tiles, memory)
    statistics = GroupStatistics(context, cycle, work.cells, work.table, prepared.rows[group])
    shape = (context.settings.ensemble.members, len(context.model.layout), work.cells.size)
    analysis = np.empty(shape)
    free = None if work.alone is None else np.empty(shape)
    whole = FILTERS[context.settings.filter.method].sees_all
    first, left = 0, Remembered()
    for numbers in [work.numbers] if whole else cut_strips(work.blocks, work.numbers):
        strip, here = _update_strip(work, numbers, first)
        analysis[:, :, here] = work.roster.to_all(strip.tracks["analysis"].members)
        if free is not None and work.alone is not None:
            free[:, :, here] = work.alone.to_all(strip.tracks["free"].members)
        statistics.add(strip, here)
        left |= strip.tracks["analysis"].memory or {}
        first = here.stop
    account = work.roster.account + (() if work.alone is None else work.alone.account)
    return Updated(
        analysis, free, statistics.fields(), statistics.rest(work.numbers, account), left
    )


def _group(
    context: Context,
    cycle: int,
    group: int,
    prepared: Prepared,
    tiles: tuple[Tile, ...],
    memory: Remembered,
) -> _Group:
    settings, blocks = context.settings, cycle_blocks(context, prepared)
    table = prepared.table.take(prepared.rows[group])
    roster = _roster(context, cycle, "analysis", tiles)
    alone = None
    if tiles[0].free is not None:
        alone = _roster(context, cycle, "free run", tiles)
    observed = roster.forecasts(
        _gather([(t.numbers, t.observed) for t in tiles], settings.ensemble.members)
    )
    noise_sd = context.noise.sd[table.field, table.cell]
    table = check_gross_errors(table, observed, noise_sd, settings.observations)
    table = moderate(table, observed, noise_sd, settings.observations)
    numbers = prepared.groups[group]
    seen = assimilated_incidence(context, blocks, table, numbers)
    noise = _noise_observed(context, cycle, table, tiles, roster)
    cells = group_cells(blocks, numbers)
    return _Group(
        context, cycle, numbers, cells, blocks, tiles, roster, alone, table, seen, observed, noise,
        memory,
    )  # fmt: skip


def _roster(context: Context, cycle: int, track: str, tiles: tuple[Tile, ...]) -> Roster:
    ensemble = context.settings.ensemble
    failed = [failure for tile in tiles for failure in tile.failed]
    return make_roster(
        ensemble.on_failure, failed, track, ensemble.members, context.settings.seed, cycle
    )


def _gather(parts: list[tuple[np.ndarray, np.ndarray]], members: int) -> np.ndarray:
    out = np.empty((members, *parts[0][1].shape[1:]))
    for numbers, values in parts:
        out[numbers] = values
    return out


def _update_strip(work: _Group, numbers: np.ndarray, first: int) -> tuple[Strip, slice]:
    """Update some blocks, whose cells begin at place ``first`` of the group's."""
    context = work.context
    blocks, here = _block_group(work, numbers, first)
    method, settings = FILTERS[context.settings.filter.method], context.settings.filter
    balanced = context.noise.balanced
    ahead = complete(context.model, blocks, free_run.update(blocks), carried=balanced)
    began = clock.thread_time()
    drawn = method.update(blocks, settings)
    seconds = clock.thread_time() - began
    carried = method.carries_layers or balanced
    analysis = complete(context.model, blocks, drawn, carried=carried)
    tracks = {"forecast": ahead, "analysis": analysis}
    if work.alone is not None:
        tracks["free"] = _free_run(work, work.alone, blocks, here)
    return Strip(blocks, tracks, seconds), here


def _block_group(work: _Group, numbers: np.ndarray, first: int) -> tuple[BlockGroup, slice]:
    context, roster = work.context, work.roster
    settings = context.settings
    start = work.blocks.cell_start
    here = slice(first, first + int(start[numbers[-1] + 1] - start[numbers[0]]))
    tiles = [(t.numbers, t.analysis[:, :, here]) for t in work.tiles]
    blocks = block_group(
        numbers,
        work.blocks,
        work.seen,
        _block_observations(work.table),
        forecast=roster.forecasts(_gather(tiles, settings.ensemble.members)),
        noise=_noise(work, roster, here),
        observed=work.observed,
        observed_noise=work.noise,
        model_noise=context.noise,
        grid=context.grid,
        seed=settings.seed,
        cycle=work.cycle,
        sees_all=FILTERS[settings.filter.method].sees_all,
        memory=work.memory,
        variables=context.model.layout.variable_of_field,
    )
    return blocks, here


def _free_run(work: _Group, alone: Roster, blocks: BlockGroup, here: slice) -> BlockUpdate:
    """Add the model noise to the free run's members, the analysis's where both have the same."""
    tiles = [(t.numbers, t.free[:, :, here]) for t in work.tiles if t.free is not None]
    noise = blocks.noise
    if not np.array_equal(work.roster.members, alone.members):
        noise = _noise(work, alone, here)
    own = blocks._replace(forecast=alone.forecasts(_gather(tiles, alone.size)), noise=noise)
    context = work.context
    return complete(context.model, own, free_run.update(own), carried=context.noise.balanced)


def _noise(work: _Group, roster: Roster, here: slice) -> np.ndarray:
    """Return the roster's model noise on a strip."""
    context, m = work.context, roster.size
    if context.noise.correlated:
        tiles = [(t.numbers, t.noise[:, :, here]) for t in work.tiles if t.noise is not None]
        noise = _gather(tiles, m)
    else:
        seed = context.settings.seed
        noise = context.noise.white_tile(m, work.cells[here], seed, work.cycle)
    return _centred(context, roster.own(noise))


def _noise_observed(
    context: Context,
    cycle: int,
    table: ObservationTable,
    tiles: tuple[Tile, ...],
    roster: Roster,
) -> np.ndarray:
    """Return the roster's model noise at the rows of a table."""
    if context.noise.correlated:
        noise = _gather(
            [(t.numbers, t.observed_noise) for t in tiles if t.observed_noise is not None],
            roster.size,
        )
    else:
        seed = context.settings.seed
        noise = context.noise.white_at(roster.size, table.field, table.cell, seed, cycle)
    return _centred(context, roster.own(noise))


def _centred(context: Context, noise: np.ndarray) -> np.ndarray:
    return centre(noise) if context.settings.ensemble.centred_noise else noise


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
