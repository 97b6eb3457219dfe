"""Blocks of cells, and which observations each of them sees.

A grid is cut into rectangular blocks; a block's cells are updated together, once, from the
observations inside its halo (LSMCMC paper, Algorithm 2). Everything is in CSR form: the items of
block b are ``items[start[b]:start[b + 1]]``.

Distances are horizontal, in cells, between the observation's cell and the block, the shorter way
round on a periodic axis. A weight thus depends on (block, cell) alone: all observations of one
cell carry one weight, whichever group of blocks asks.

Cost: O(cells) for the partition; for the incidence two passes over the (observation, block) pairs
within reach, about 10 ns a pair.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.errors import ConfigError
from halocast.localization.taper import Taper, gaspari_cohn_at, halo_problem


class Blocks(NamedTuple):
    """A partition of a grid into rectangular blocks, numbered row by row from the south-west.

    ``rows[b]`` and ``columns[b]`` are a block's first and last row and column, shape (B, 2).
    ``cells[cell_start[b]:cell_start[b + 1]]`` are its flat cells in increasing order.
    """

    shape: tuple[int, int]
    block_shape: tuple[int, int]
    grid_of_blocks: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    cell_start: np.ndarray
    cells: np.ndarray

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.cell_start.size - 1

    def of_cell(self, cells: np.ndarray) -> np.ndarray:
        """Number of the block each flat cell belongs to."""
        j, i = np.divmod(np.asarray(cells), self.shape[1])
        return j // self.block_shape[0] * self.grid_of_blocks[1] + i // self.block_shape[1]


class Incidence(NamedTuple):
    """Which observations each block sees, and with what weight in (0, 1], in CSR form.

    The observations of a block are in increasing order.
    """

    start: np.ndarray
    observation: np.ndarray
    weight: np.ndarray


def partition(shape: tuple[int, int], block_shape: tuple[int, int]) -> Blocks:
    """Cut a grid of ``shape`` (rows, columns) into blocks of ``block_shape``.

    The shape need not be a multiple of the block's: the last blocks of a row or column are then
    smaller. A block larger than the grid is one block.

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
    sizes = (last - first + 1).prod(axis=1)
    cell_start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    number = np.arange(shape[0])[:, None] // block_shape[0] * sides[1].size
    number = number + np.arange(shape[1]) // block_shape[1]
    return Blocks(
        shape=(int(shape[0]), int(shape[1])),
        block_shape=(int(block_shape[0]), int(block_shape[1])),
        grid_of_blocks=(sides[0].size, sides[1].size),
        rows=np.stack([first[:, 0], last[:, 0]], axis=1).astype(np.int64),
        columns=np.stack([first[:, 1], last[:, 1]], axis=1).astype(np.int64),
        cell_start=cell_start,
        cells=np.argsort(number.ravel(), kind="stable").astype(np.int64),
    )


def incidence(
    blocks: Blocks,
    cells: np.ndarray,
    *,
    halo: float,
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
        Radius in cells. Under the ``paper`` taper the block's own observations are included
        whatever their distance.
    taper
        The taper's edge, see `halocast.localization.taper`.
    periodic
        Whether the rows and the columns of the grid wrap around.

    Raises
    ------
    ConfigError
        When the halo does not fit the taper and the block.
    """
    problem = halo_problem(
        (min(blocks.block_shape[0], blocks.shape[0]), min(blocks.block_shape[1], blocks.shape[1])),
        halo,
        taper,
    )
    if problem:
        raise ConfigError(problem, where="filter.halo")
    start, index, weight = _incidence(
        np.ascontiguousarray(cells, dtype=np.int64),
        np.array([blocks.shape, blocks.block_shape, blocks.grid_of_blocks], dtype=np.int64),
        blocks.rows,
        blocks.columns,
        np.array(periodic),
        float(halo),
        taper == "paper",
    )
    return Incidence(start, index, weight)


@njit(cache=True, nogil=True, inline="always")
def _gap(position, low, high, size, periodic):
    """Distance in cells from a position to the stretch low…high of an axis."""
    if low <= position <= high:
        return 0.0
    gap = low - position if position < low else position - high
    if periodic:
        around = position + size - high if position < low else low + size - position
        gap = min(gap, around)
    return float(gap)


@njit(cache=True, nogil=True, inline="always")
def _separation(position, centre, size, periodic):
    separation = abs(position - centre)
    return min(separation, size - separation) if periodic else separation


@njit(cache=True, nogil=True, inline="always")
def _reach(position, radius, size, block_size, count, periodic):
    """First block, and number of blocks, of an axis within ``radius`` cells of a position."""
    low, high = position - radius, position + radius
    if periodic:
        if 2 * radius + 1 >= size:
            return 0, count
        first, last = (low % size) // block_size, (high % size) // block_size
        reached = (last - first) % count + 1
        # both ends in one block: either the reach lies inside it or it goes all the way round
        if first == last and low % size > high % size:
            reached = count
        return first, reached
    first, last = max(low, 0) // block_size, min(high, size - 1) // block_size
    return first, last - first + 1


@njit(cache=True, nogil=True, inline="always")
def _weight(along_y, along_x, centre_y, centre_x, halo, paper):
    """Weight from the distances to the block (along each axis) and to its centroid."""
    inside = along_y == 0.0 and along_x == 0.0
    if inside and not paper:
        return 1.0
    dy = centre_y if paper else along_y
    dx = centre_x if paper else along_x
    distance = np.sqrt(dy * dy + dx * dx)
    if distance == 0.0:
        return 1.0
    if distance >= halo and not inside:
        return 0.0
    return gaspari_cohn_at(distance / halo if paper else 2.0 * distance / halo)


@njit(cache=True, nogil=True)
def _incidence(cells, shapes, rows, columns, periodic, halo, paper):
    shape, block, count = shapes[0], shapes[1], shapes[2]
    n_blocks = rows.shape[0]
    radius = int(np.ceil(halo))
    start = np.zeros(n_blocks + 1, np.int64)
    index = np.empty(0, np.int64)
    weight = np.empty(0, np.float64)
    # the first pass counts, the second fills; observations in order, so each block's are sorted
    for fill in range(2):
        if fill:
            for b in range(n_blocks):
                start[b + 1] += start[b]
            index = np.empty(start[n_blocks], np.int64)
            weight = np.empty(start[n_blocks], np.float64)
            place = start[:-1].copy()
        for o in range(cells.size):
            j, i = cells[o] // shape[1], cells[o] % shape[1]
            row0, n_rows = _reach(j, radius, shape[0], block[0], count[0], periodic[0])
            column0, n_columns = _reach(i, radius, shape[1], block[1], count[1], periodic[1])
            for r in range(n_rows):
                block_row = (row0 + r) % count[0]
                b = block_row * count[1]
                along_y = _gap(j, rows[b, 0], rows[b, 1], shape[0], periodic[0])
                centre_y = _separation(j, 0.5 * (rows[b, 0] + rows[b, 1]), shape[0], periodic[0])
                for c in range(n_columns):
                    b = block_row * count[1] + (column0 + c) % count[1]
                    along_x = _gap(i, columns[b, 0], columns[b, 1], shape[1], periodic[1])
                    centre_x = _separation(
                        i, 0.5 * (columns[b, 0] + columns[b, 1]), shape[1], periodic[1]
                    )
                    w = _weight(along_y, along_x, centre_y, centre_x, halo, paper)
                    if w > 0.0:
                        if fill:
                            index[place[b]] = o
                            weight[place[b]] = w
                            place[b] += 1
                        else:
                            start[b + 1] += 1
    return start, index, weight
