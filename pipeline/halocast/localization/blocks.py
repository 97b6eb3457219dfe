"""Blocks of cells, and which observations each of them sees.

A grid is cut into blocks; a block's cells are updated together, once, from the observations inside
its halo (LSMCMC paper, Algorithm 2). Everything is in CSR form: the items of block b are
``items[start[b]:start[b + 1]]``.

Distances are horizontal, in cells, between the observation's cell and the block's bounding
rectangle (which a rectangular block fills), the shorter way round on a periodic axis. A weight thus
depends on (block, cell) alone: all observations of one cell carry one weight, whichever group of
blocks asks.

Cost: O(cells) for the partition; for the incidence O(cells + blocks * rows of a halo) and three
passes over the (observation, block) pairs within reach, 40-70 ns a pair.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.errors import ConfigError
from halocast.localization.taper import Taper, gaspari_cohn_at, halo_problem


class Blocks(NamedTuple):
    """A partition of a grid into blocks of cells.

    ``number`` is the block of each flat cell, shape (ny * nx,); ``rows[b]`` and ``columns[b]`` are
    a block's first and last row and column, shape (B, 2); its flat cells are
    ``cells[cell_start[b]:cell_start[b + 1]]``, in increasing order. ``halo`` is the radius of each
    block's halo in cells, shape (B,), where blocks have their own; None where one is for all.
    """

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    number: np.ndarray
    cell_start: np.ndarray
    cells: np.ndarray
    halo: np.ndarray | None = None

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.cell_start.size - 1


class Incidence(NamedTuple):
    """Which observations each block sees, and with what weight in (0, 1], in CSR form.

    The observations of a block are in increasing order.
    """

    start: np.ndarray
    observation: np.ndarray
    weight: np.ndarray


def partition(shape: tuple[int, int], block_shape: tuple[int, int]) -> Blocks:
    """Cut a grid of ``shape`` (rows, columns) into blocks of ``block_shape``.

    Blocks are numbered row by row from the south-west. The shape need not be a multiple of the
    block's: the last blocks of a row or column are then smaller. A block larger than the grid is
    one block.

    Raises
    ------
    ConfigError
        When a side of the block is below 1.
    """
    if min(block_shape) < 1:
        raise ConfigError(
            f"a block of {block_shape[0]}x{block_shape[1]} cells has no cells",
            where="filter.block",
            remedy="give at least 1 row and 1 column",
        )
    sides = [np.arange(0, n, size) for n, size in zip(shape, block_shape, strict=True)]
    first = np.stack([a.ravel() for a in np.meshgrid(*sides, indexing="ij")], axis=1)
    last = np.minimum(first + block_shape, shape) - 1
    return rectangles(
        shape,
        np.stack([first[:, 0], last[:, 0]], axis=1),
        np.stack([first[:, 1], last[:, 1]], axis=1),
    )


def rectangles(shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> Blocks:
    """Make the partition of which rectangles, given by first and last row and column, are it.

    Parameters
    ----------
    shape
        Rows and columns of the grid.
    rows, columns
        First and last row and column of each block, shape (B, 2); together they hold every cell
        of the grid once.
    """
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    sizes = (rows[:, 1] - rows[:, 0] + 1) * (columns[:, 1] - columns[:, 0] + 1)
    number = _number(np.array(shape, dtype=np.int64), rows, columns)
    return Blocks(
        shape=(int(shape[0]), int(shape[1])),
        rows=rows,
        columns=columns,
        number=number,
        cell_start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        cells=np.argsort(number, kind="stable").astype(np.int64),
    )


@njit(cache=True, nogil=True)
def _number(shape, rows, columns):
    number = np.empty(shape[0] * shape[1], np.int32)
    for b in range(rows.shape[0]):
        for j in range(rows[b, 0], rows[b, 1] + 1):
            for i in range(columns[b, 0], columns[b, 1] + 1):
                number[j * shape[1] + i] = b
    return number


def incidence(
    blocks: Blocks,
    cells: np.ndarray,
    *,
    halo: float | np.ndarray,
    taper: Taper = "continuous",
    periodic: tuple[bool, bool] = (False, False),
) -> Incidence:
    """Find the observations in the halo of each block.

    Parameters
    ----------
    blocks
        The partition.
    cells
        Flat cell of each observation, shape (p,).
    halo
        Radius in cells, one for all blocks or one each, shape (B,). Under the ``paper`` taper the
        block's own observations are included whatever their distance.
    taper
        The taper's edge, see `halocast.localization.taper`.
    periodic
        Whether the rows and the columns of the grid wrap around.

    Raises
    ------
    ConfigError
        When a halo does not fit the taper and its block.
    """
    radius = np.broadcast_to(np.asarray(halo, dtype=float), blocks.n_blocks)
    _require_fitting(blocks, radius, taper)
    start, index, weight = _incidence(
        np.ascontiguousarray(cells, dtype=np.int64),
        np.array(blocks.shape, dtype=np.int64),
        blocks.rows,
        blocks.columns,
        np.array(periodic),
        np.ascontiguousarray(radius),
        taper == "paper",
    )
    return Incidence(start, index, weight)


def corner_distance(blocks: Blocks) -> np.ndarray:
    """Distance in cells from each block's centroid to its corner cells, shape (B,)."""
    height, width = np.diff(blocks.rows)[:, 0], np.diff(blocks.columns)[:, 0]
    return np.hypot(height, width) / 2


def _require_fitting(blocks: Blocks, halo: np.ndarray, taper: Taper) -> None:
    """Check the halos; it is enough to look at the blocks that ask for most and that get least."""
    if taper == "paper":
        b = int(np.argmax(corner_distance(blocks) - halo))
    else:
        b = int(np.argmin(np.where(halo > 0, halo, np.inf)))
    size = (int(np.diff(blocks.rows[b])[0]) + 1, int(np.diff(blocks.columns[b])[0]) + 1)
    problem = halo_problem(size, float(halo[b]), taper)
    if problem:
        raise ConfigError(problem, where="filter.halo")


@njit(cache=True, nogil=True, inline="always")
def distance_along(position, low, high, size, periodic, paper):
    """Distance in cells from a position to the stretch low…high of an axis.

    To its nearest cell, or to its middle where ``paper`` (callable from compiled code).
    """
    if paper:
        separation = abs(position - 0.5 * (low + high))
        return min(separation, size - separation) if periodic else separation
    if low <= position <= high:
        return 0.0
    gap = low - position if position < low else position - high
    if periodic:
        around = position + size - high if position < low else low + size - position
        gap = min(gap, around)
    return float(gap)


@njit(cache=True, nogil=True, inline="always")
def _weight(distance, inside, halo, paper):
    if distance == 0.0:
        return 1.0
    if distance >= halo and not inside:
        return 0.0
    return gaspari_cohn_at(distance / halo if paper else 2.0 * distance / halo)


@njit(cache=True, nogil=True, inline="always")
def _within(low, high, radius, size, periodic):
    """First place, and number of places, of an axis within ``radius`` of the stretch low…high."""
    if periodic:
        return low - radius, min(high - low + 1 + 2 * radius, size)
    first = max(low - radius, 0)
    return first, min(high + radius, size - 1) - first + 1


@njit(cache=True, nogil=True)
def _by_cell(cells, n_cells):
    """CSR of the observations of each cell."""
    start = np.zeros(n_cells + 1, np.int64)
    for cell in cells:
        start[cell + 1] += 1
    for cell in range(n_cells):
        start[cell + 1] += start[cell]
    place, items = start[:-1].copy(), np.empty(cells.size, np.int64)
    for o in range(cells.size):
        items[place[cells[o]]] = o
        place[cells[o]] += 1
    return start, items


@njit(cache=True, nogil=True)
def _incidence(cells, shape, rows, columns, periodic, halo, paper):
    n_blocks, n_columns = rows.shape[0], shape[1]
    at, items = _by_cell(cells, shape[0] * n_columns)
    start = np.zeros(n_blocks + 1, np.int64)
    of_observation = np.zeros(cells.size + 1, np.int64)
    seen_by, seen_weight = np.empty(0, np.int64), np.empty(0, np.float64)
    # the first pass counts, the second notes each observation's blocks
    for fill in range(2):
        if fill:
            for b in range(n_blocks):
                start[b + 1] += start[b]
            for o in range(cells.size):
                of_observation[o + 1] += of_observation[o]
            seen_by = np.empty(start[n_blocks], np.int64)
            seen_weight = np.empty(start[n_blocks], np.float64)
            place = of_observation[:-1].copy()
        for b in range(n_blocks):
            south, north, west, east = rows[b, 0], rows[b, 1], columns[b, 0], columns[b, 1]
            radius = int(np.ceil(halo[b]))
            row0, high = _within(south, north, radius, shape[0], periodic[0])
            column0, wide = _within(west, east, radius, n_columns, periodic[1])
            column0 %= n_columns
            beyond = max(column0 + wide - n_columns, 0)  # columns after the wrap
            for r in range(high):
                j = (row0 + r) % shape[0]
                dy = distance_along(j, south, north, shape[0], periodic[0], paper)
                for part in range(2):
                    begin = j * n_columns + (0 if part else column0)
                    end = j * n_columns + (beyond if part else column0 + wide - beyond)
                    for k in range(at[begin], at[end]):
                        o = items[k]
                        i = cells[o] - j * n_columns
                        dx = distance_along(i, west, east, n_columns, periodic[1], paper)
                        inside = south <= j <= north and west <= i <= east
                        w = _weight(np.sqrt(dy * dy + dx * dx), inside, halo[b], paper)
                        if w > 0.0:
                            if fill:
                                seen_by[place[o]] = b
                                seen_weight[place[o]] = w
                                place[o] += 1
                            else:
                                start[b + 1] += 1
                                of_observation[o + 1] += 1
    # observations in order, so that each block's are sorted
    index, weight = np.empty(seen_by.size, np.int64), np.empty(seen_by.size, np.float64)
    place = start[:-1].copy()
    for o in range(cells.size):
        for k in range(of_observation[o], of_observation[o + 1]):
            b = seen_by[k]
            index[place[b]] = o
            weight[place[b]] = seen_weight[k]
            place[b] += 1
    return start, index, weight
