"""Distances by water: how much longer land makes the way from cell to cell.

Two places may be near across land and far for the sea. The distance by water is

    great circle x (shortest way through sea cells) / (shortest way through all cells),

both ways from cell to cell, straight or diagonal, no corner cut. Lattice ways are too long by a few
per cent, and their ratio is not: where no land is in the way the distance is the great circle, bit
by bit, and never shorter. Lengths of steps are whole millimetres, whose sums are exact: the way
there is the way back. Across an edge of the grid that is not periodic land is not looked for.

A taper of such distances need not be positive definite. Filters that solve with a Cholesky factor
say so by an analysis that is not finite, serial ones never mind.

Only detours are kept, of sea cells within a great circle of the halo: far from land there are none
and none are looked for. They are found once a process and observed cell (Dijkstra's algorithm) and
kept while they fit into `_KEPT` bytes. Cost: about 0.5 microseconds a cell within 1.6 halos of each
observed cell that has land so near; 70 nanoseconds a distance.
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
from halocast.localization.distances import Distances, apart, distances_in_metres

_NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # the other four are these, seen from there
# lattice ways over great circles: sqrt(2) at most, pi / 2 round a pole
_LONGER = 1.6
_KEPT = 2**27
_AT_ONCE = 2**21  # numbers of an array of ways


class Ways(NamedTuple):
    """Distances by water from some cells: great circles, but for detours in CSR form.

    ``source`` are the cells, increasing; ``cell[start[k]:start[k + 1]]``, increasing, are
    ``distance`` metres away from the k-th, infinite beyond the halo; other cells of the ``sea`` are
    as far as ``straight`` says.
    """

    source: np.ndarray
    start: np.ndarray
    cell: np.ndarray
    distance: np.ndarray
    sea: np.ndarray
    straight: Distances


NO_WAYS = Ways(
    np.empty(0, np.int64), np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0),
    np.empty(0, np.bool_), Distances(np.empty(0), np.empty(0), np.empty(0), False),
)  # fmt: skip


class Waters:
    """The ways of a grid up to some metres; detours are kept as they are asked for."""

    def __init__(self, grid: Grid, halo: float) -> None:
        self._halo, self._limit = halo, 1000.0 * _LONGER * halo
        self._sea = np.ascontiguousarray(grid.sea).reshape(-1)
        self._wet, self._dry = _lattice(grid, grid.sea), _lattice(grid, np.ones_like(grid.sea))
        self._straight = distances_in_metres(grid)
        land = np.flatnonzero(~self._sea)
        self._coastal = np.zeros(self._sea.size, dtype=bool)
        if land.size:
            away = dijkstra(self._dry, indices=land, limit=self._limit, min_only=True)
            self._coastal = np.isfinite(away) & self._sea
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._bytes, self._lock = 0, Lock()

    def around(self, cells: np.ndarray) -> Ways:
        """Return the ways from flat cells, in any order and as often as they like; none from land.

        An observation on land is so seen by no block.
        """
        source = np.unique(cells)
        with self._lock:
            coastal = source[self._coastal[source]].tolist()
            missing = [c for c in coastal if c not in self._known]
            step = max(1, _AT_ONCE // self._sea.size)
            for first in range(0, len(missing), step):
                self._find(np.array(missing[first : first + step]))
            found = [self._known[c] for c in coastal]
            while self._bytes > _KEPT and self._known:
                self._bytes -= sum(a.nbytes for a in self._known.pop(next(iter(self._known))))
        sizes = np.zeros(source.size, np.int64)
        sizes[self._coastal[source]] = [cell.size for cell, _ in found]
        return Ways(
            source,
            np.concatenate([[0], np.cumsum(sizes)]),
            np.concatenate([NO_WAYS.cell, *(cell for cell, _ in found)]),
            np.concatenate([NO_WAYS.distance, *(distance for _, distance in found)]),
            self._sea,
            self._straight,
        )

    def _find(self, sources: np.ndarray) -> None:
        free = dijkstra(self._dry, indices=sources, limit=self._limit)
        wet = dijkstra(self._wet, indices=sources, limit=self._limit)
        at, cell = np.nonzero((wet > free) & self._sea)
        straight = _pairs(self._straight, sources[at], cell)
        near = straight < self._halo
        at, cell = at[near], cell[near].astype(np.int32)
        distance = straight[near] * (wet[at, cell] / free[at, cell])
        distance[distance >= self._halo] = np.inf
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


@njit(cache=True, nogil=True, inline="always")
def by_water(ways, k, cell):  # pragma: no cover - compiled
    """Metres from the k-th source to a cell, right within the halo (for compiled code)."""
    if not (ways.sea[cell] and ways.sea[ways.source[k]]):
        return np.inf
    first, left = ways.start[k], ways.start[k + 1] - ways.start[k]
    if left > 0:
        while left > 1:
            half = left // 2
            first += half if ways.cell[first + half] <= cell else 0
            left -= half
        if ways.cell[first] == cell:
            return ways.distance[first]
    return apart(ways.straight, ways.source[k], cell)
