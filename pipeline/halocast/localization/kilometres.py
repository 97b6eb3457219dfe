"""Which observations each block sees, where distance is in kilometres.

An observation's distance from a block is that from the block's nearest cell: by great circle of any
of its cells, by water of its sea cells. A block that lies on both sides of a spit of land thus
joins them; blocks of one cell do not. The taper is the continuous one of
`halocast.localization.taper`.

Cost: 2 nanoseconds a block and observation, 20 a pair within reach; by water 50 a cell of the block
more where there are detours, beside these (`halocast.localization.water`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence
from halocast.localization.distances import distances_in_metres, furthest, length
from halocast.localization.taper import taper_within
from halocast.localization.water import by_water, waters_of

METRES = 1000.0


def seen_by_great_circle(blocks: Blocks, cells: np.ndarray, halo: float, grid: Grid) -> Incidence:
    """Find the observations within a halo of each block, by great circle.

    Parameters
    ----------
    blocks
        The partition, or a stretch of it.
    cells
        Flat cell of each observation, shape (p,).
    halo
        In kilometres.
    grid
        Straight lines where it is a plane.

    Raises
    ------
    ConfigError
        The halo does not reach from cell to cell.
    """
    problem = short_halo(halo, grid)
    if problem:
        raise ConfigError(problem, where="filter.halo")
    row, column = np.divmod(cells.astype(np.int64), grid.shape[1])
    start, index, weight = _seen(
        row, column, blocks.rows, blocks.columns, distances_in_metres(grid), METRES * halo
    )
    return Incidence(start, index, weight)


def seen_by_water(blocks: Blocks, cells: np.ndarray, halo: float, grid: Grid) -> Incidence:
    """Find the observations within a halo of each block, by water; see `seen_by_great_circle`."""
    wide = seen_by_great_circle(blocks, cells, halo, grid)
    candidates = np.unique(wide.observation)
    ways = waters_of(grid, METRES * halo).around(cells[candidates])
    source = np.searchsorted(ways.source, cells)
    weight = wide.weight.copy()
    _reweigh(
        wide.start, wide.observation, source, blocks.cell_start, blocks.cells, ways, METRES * halo,
        weight,
    )  # fmt: skip
    seen = weight > 0
    count = np.concatenate([[0], np.cumsum(seen)])
    return Incidence(count[wide.start], wide.observation[seen], weight[seen])


def short_halo(halo: float, grid: Grid) -> str | None:
    """Say why a halo in kilometres is too short for a grid; None if it is not."""
    widest = max(grid.dy, float(grid.dx.max())) / METRES
    if halo > widest:
        return None
    return (
        f"halo {halo:g} km does not reach from cell to cell, which lie up to {widest:.3g} km "
        f"apart: use more than that ({2.5 * widest:.3g} km is usual), or distance: cells"
    )


@njit(cache=True, nogil=True)
def _seen(row, column, rows, columns, distances, halo):  # pragma: no cover - compiled
    n_blocks, limit = rows.shape[0], furthest(distances, halo)
    start, found = np.zeros(n_blocks + 1, np.int64), 0
    index, weight = np.empty(4 * n_blocks + 16, np.int64), np.empty(4 * n_blocks + 16)
    rise = np.empty(distances.down.size)
    for b in range(n_blocks):
        south, north, west, east = rows[b, 0], rows[b, 1], columns[b, 0], columns[b, 1]
        for k in range(rise.size):
            rise[k] = np.inf
            for j in range(south, north + 1):
                rise[k] = min(rise[k], distances.down[abs(j - k)])
        for o in range(row.size):
            if rise[row[o]] >= limit:
                continue
            a = _nearness(distances, row[o], column[o], south, north, west, east)
            w = taper_within(length(distances, a), halo) if a < limit else 0.0
            if w > 0.0:
                if found == index.size:
                    index = np.concatenate((index, np.empty_like(index)))
                    weight = np.concatenate((weight, np.empty_like(weight)))
                index[found], weight[found] = o, w
                found += 1
        start[b + 1] = found
    return start, index[:found].copy(), weight[:found].copy()


@njit(cache=True, nogil=True)
def _nearness(distances, k, h, south, north, west, east):  # pragma: no cover - compiled
    """The least a, see `halocast.localization.distances`, of a block's cells from row k, column h.

    ``across`` rises and may fall again (round the globe): its least over a stretch of columns that
    does not hold h is at an end.
    """
    lane = min(distances.across[abs(h - west)], distances.across[abs(h - east)])
    if west <= h <= east:
        lane = 0.0
    least = np.inf
    for j in range(south, north + 1):
        a = distances.down[abs(j - k)] + distances.along[j] * distances.along[k] * lane
        least = min(least, a)
    return least


@njit(cache=True, nogil=True)
def _reweigh(
    start, observation, source, cell_start, cells, ways, halo, weight
):  # pragma: no cover - compiled
    """Correct the weights of great circles, in place."""
    for b in range(start.size - 1):
        own = cells[cell_start[b] : cell_start[b + 1]]
        dry = own.size - np.sum(ways.sea[own])
        for k in range(start[b], start[b + 1]):
            s = source[observation[k]]
            if dry == 0 and ways.sea[ways.source[s]] and ways.start[s] == ways.start[s + 1]:
                continue  # no detours, and the nearest cell is of the sea
            nearest = np.inf
            for cell in own:
                nearest = min(nearest, by_water(ways, s, cell))
            weight[k] = taper_within(nearest, halo)
