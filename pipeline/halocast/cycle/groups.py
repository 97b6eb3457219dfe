"""Groups of blocks: their cells, and what they see of a cycle's observations."""

from __future__ import annotations

import numpy as np

from halocast.cycle.context import Context
from halocast.cycle.parts import Prepared
from halocast.filters import FILTERS
from halocast.filters.base import observations_of
from halocast.localization.blocks import Blocks, Incidence
from halocast.localization.planner import Plan
from halocast.observations import ObservationTable


def cycle_blocks(context: Context, prepared: Prepared) -> Blocks:
    """Return a cycle's partition: its own, or the run's."""
    return context.blocks if prepared.blocks is None else prepared.blocks


def group_cells(blocks: Blocks, numbers: np.ndarray) -> np.ndarray:
    """Return the flat cells of consecutive blocks, block after block: a view."""
    return blocks.cells[blocks.cell_start[numbers[0]] : blocks.cell_start[numbers[-1] + 1]]


def assimilated_incidence(
    context: Context, blocks: Blocks, table: ObservationTable, numbers: np.ndarray | None = None
) -> Incidence:
    """Find which blocks see which assimilated rows of a table.

    With the ``numbers`` of consecutive blocks given, the others are not looked at and see nothing,
    but for a method that is to see whatever any block sees.
    """
    settings, here = context.settings.filter, table.assimilated
    method, cell = FILTERS[settings.method], table.cell[here]
    if numbers is None or method.sees_all:
        found = method.incidence(settings, blocks, cell, context.grid)
        return found._replace(observation=here[found.observation])
    first, last = int(numbers[0]), int(numbers[-1]) + 1
    found = method.incidence(settings, _stretch(blocks, first, last), cell, context.grid)
    after = np.full(blocks.n_blocks - last, found.start[-1])
    start = np.concatenate([np.zeros(first, np.int64), found.start, after])
    return Incidence(start, here[found.observation], found.weight)


def _stretch(blocks: Blocks, first: int, last: int) -> Blocks:
    """Return the blocks first…last - 1 of a partition, as far as an incidence looks at them."""
    return blocks._replace(
        rows=blocks.rows[first:last],
        columns=blocks.columns[first:last],
        cell_start=blocks.cell_start[first : last + 1],
        halo=None if blocks.halo is None else blocks.halo[first:last],
    )


def needed_rows(
    context: Context, blocks: Blocks, table: ObservationTable, seen: Incidence, plan: Plan
) -> tuple[np.ndarray, ...]:
    """Return the rows of the table that each group needs, rising.

    Those that its blocks see, and those of its cells, whatever their fate.
    """
    if FILTERS[context.settings.filter.method].sees_all:
        return tuple(np.arange(table.size) for _ in plan)
    block = blocks.number[table.cell]
    order = np.argsort(block, kind="stable")
    edges = np.searchsorted(block[order], [numbers[0] for numbers in plan])
    own = np.split(order, edges[1:])
    return tuple(
        np.union1d(observations_of(seen, numbers), mine)
        for numbers, mine in zip(plan, own, strict=True)
    )
