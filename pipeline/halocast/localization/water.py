"""Distances by water: how much longer land makes the way from cell to cell.

Two places may be near across land and far for the sea. The distance by water is

    great circle x (shortest way through sea cells) / (shortest way through all cells),

both ways from cell to cell, straight or diagonal, no corner cut. Lattice ways are too long by a few
per cent, and their ratio is not: where no land is in the way the distance is the great circle, bit
by bit, and never shorter. Lengths of steps are whole millimetres, whose sums are exact: the way
there is the way back. Ways lead through the grid; across an edge that is not periodic there is
none.

A taper of such distances need not be positive definite. Filters that solve with a Cholesky factor
say so by an analysis that is not finite, serial ones never mind.

Ways are found once a process and observed cell (Dijkstra's algorithm, no further than the halo),
and kept while they fit into `_KEPT` bytes. Cost: about 0.5 microseconds a cell within 1.6 halos.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from halocast.grid import Grid
from halocast.localization.distances import apart, distances_in_metres

_NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # the other four are these, seen from there
# lattice ways over great circles: sqrt(2) at most, pi / 2 round a pole
_LONGER = 1.6
_KEPT = 2**26
_AT_ONCE = 2**21  # numbers of an array of ways


class Ways(NamedTuple):
    """Distances by water round some cells, nothing further than the halo, in CSR form.

    ``source`` are the cells, increasing; ``cell[start[k]:start[k + 1]]``, increasing, are
    ``distance`` metres away from the k-th.
    """

    source: np.ndarray
    start: np.ndarray
    cell: np.ndarray
    distance: np.ndarray


NO_WAYS = Ways(np.empty(0, np.int64), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))


class Waters:
    """The ways of a grid up to some metres, kept as they are asked for."""

    def __init__(self, grid: Grid, halo: float) -> None:
        self._halo, self._sea = halo, grid.sea.reshape(-1)
        self._wet, self._dry = _lattice(grid, grid.sea), _lattice(grid, np.ones_like(grid.sea))
        self._straight = distances_in_metres(grid)
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._bytes, self._lock = 0, Lock()

    def around(self, cells: np.ndarray) -> Ways:
        """Return the ways round flat cells, in any order and as often as they like; none on land.

        An observation on land is so seen by no block.
        """
        source = np.unique(cells)
        with self._lock:
            missing = [c for c in source.tolist() if c not in self._known]
            step = max(1, _AT_ONCE // self._sea.size)
            for first in range(0, len(missing), step):
                self._find(np.array(missing[first : first + step]))
            found = [self._known[c] for c in source.tolist()]
            while self._bytes > _KEPT and self._known:
                self._bytes -= sum(a.nbytes for a in self._known.pop(next(iter(self._known))))
        sizes = [cell.size for cell, _ in found]
        none: list[np.ndarray] = [np.empty(0)]
        return Ways(
            source,
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            np.concatenate([cell for cell, _ in found] or none).astype(np.int64),
            np.concatenate([distance for _, distance in found] or none),
        )

    def _find(self, sources: np.ndarray) -> None:
        limit = 1000.0 * _LONGER * self._halo
        wet = dijkstra(self._wet, indices=sources, limit=limit)
        wet[~self._sea[sources]] = np.inf
        at, cell = np.nonzero(np.isfinite(wet))
        free = dijkstra(self._dry, indices=sources, limit=limit)[at, cell]
        longer = np.divide(wet[at, cell], free, out=np.ones(free.size), where=free > 0)
        distance = longer * _pairs(self._straight, sources[at], cell)
        near = distance < self._halo
        at, cell, distance = at[near], cell[near], distance[near]
        edges = np.searchsorted(at, np.arange(sources.size + 1))
        for source, first, last in zip(sources.tolist(), edges[:-1], edges[1:]):
            self._known[source] = cell[first:last].copy(), distance[first:last].copy()
        self._bytes += cell.nbytes + distance.nbytes


@lru_cache(maxsize=2)
def waters_of(grid: Grid, halo: float) -> Waters:
    """Return the waters of a grid, the same whoever asks; ``halo`` in metres."""
    return Waters(grid, halo)


def _lattice(grid: Grid, passable: np.ndarray) -> csr_array:
    """Return the eight ways from each passable cell to its passable neighbours, in millimetres."""
    j, i = np.divmod(np.arange(grid.n_cells), grid.shape[1])
    starts, ends, lengths = [], [], []
    for down, right in _NEIGHBOURS:
        row, column = j + down, i + right
        inside = np.ones(grid.n_cells, dtype=bool)
        if not grid.periodic[0]:
            inside &= row < grid.shape[0]
        if not grid.periodic[1]:
            inside &= (column >= 0) & (column < grid.shape[1])
        row, column = row % grid.shape[0], column % grid.shape[1]
        inside &= passable[j, i] & passable[row, column] & passable[row, i] & passable[j, column]
        here, there = np.flatnonzero(inside), (row * grid.shape[1] + column)[inside]
        width = 0.5 * (grid.dx[j] + grid.dx[row])
        step = np.rint(1000.0 * np.hypot(down * grid.dy, right * width)[inside])
        starts += [here, there]
        ends += [there, here]
        lengths += [step, step]
    start, end, step = (np.concatenate(parts) for parts in (starts, ends, lengths))
    order = np.lexsort((step, end, start))  # two cells may be joined on two sides of a ring
    start, end, step = start[order], end[order], step[order]
    first = np.ones(order.size, dtype=bool)
    first[1:] = (np.diff(start) != 0) | (np.diff(end) != 0)
    pairs = (start[first], end[first])
    return coo_array((step[first], pairs), shape=(grid.n_cells,) * 2).tocsr()


@njit(cache=True, nogil=True)
def _pairs(distances, cells, others):  # pragma: no cover - compiled
    out = np.empty(cells.size)
    for k in range(cells.size):
        out[k] = apart(distances, cells[k], others[k])
    return out


@njit(cache=True, nogil=True)
def by_water(ways, k, cell):  # pragma: no cover - compiled
    """Metres from the k-th source to a cell; infinite beyond the halo (for compiled code)."""
    first, left = ways.start[k], ways.start[k + 1] - ways.start[k]
    if left == 0:
        return np.inf
    while left > 1:
        half = left // 2
        first += half if ways.cell[first + half] <= cell else 0
        left -= half
    return ways.distance[first] if ways.cell[first] == cell else np.inf
