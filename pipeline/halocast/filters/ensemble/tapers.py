"""Schur localization on the grid: how far apart cells are, and the factor of their covariance.

rho = S(d / c) with Gaspari and Cohn's S and half-width c: 1 at 0, 5/24 at c, 0 from 2 c on. It is
positive definite on the line, plane and, by great circles, very nearly on the sphere, so that
rho o P is a covariance; a step is not. Factors between variables multiply it: positive definite as
long as the matrix of factors is (Kang et al. 2011 set some to 0).

On the sea two places may be near across land. `sea_distances` measures the way by water: the great
circle, times how much longer the land makes the way from cell to cell. In open water it is the
great circle. With land between, a taper of it need not be positive definite; filters that solve
with a Cholesky factor say so by an analysis that is not finite, serial ones never mind.

Cost: a n p distances; by water two shortest paths a place, about 0.3 microseconds a cell each.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from halocast.errors import ConfigError
from halocast.grid import EARTH_RADIUS, Grid
from halocast.localization.taper import gaspari_cohn

_NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # the other four are these, seen from there


def great_circle(
    latitude: np.ndarray, longitude: np.ndarray, others: np.ndarray, longitudes: np.ndarray
) -> np.ndarray:
    """Return the distances in metres between places (a,) and others (b,) in degrees, (a, b)."""
    here, there = np.deg2rad(latitude)[:, None], np.deg2rad(others)[None]
    across = np.deg2rad(longitude)[:, None] - np.deg2rad(longitudes)[None]
    half = np.sin(0.5 * (here - there)) ** 2
    half = half + np.cos(here) * np.cos(there) * np.sin(0.5 * across) ** 2
    return 2.0 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


def distances(grid: Grid, cells: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distances in metres between the centres of cells (a,) and others (b,), (a, b)."""
    j, i = np.divmod(cells, grid.shape[1])
    row, column = np.divmod(others, grid.shape[1])
    if grid.geometry == "sphere":
        return great_circle(grid.y[j], grid.x[i], grid.y[row], grid.x[column])
    dy, dx = np.abs(np.subtract.outer(j, row)), np.abs(np.subtract.outer(i, column))
    if grid.periodic[0]:
        dy = np.minimum(dy, grid.shape[0] - dy)
    if grid.periodic[1]:
        dx = np.minimum(dx, grid.shape[1] - dx)
    return np.hypot(dy * grid.spacing[0], dx * grid.spacing[1])


def sea_distances(grid: Grid, cells: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distances by water in metres between cells (a,) and others (b,), (a, b).

    Infinite where one of them is on land, or no water joins them.
    """
    wet, dry = _paths(grid, grid.sea), _paths(grid, np.ones(grid.shape, dtype=bool))
    by_water = dijkstra(wet, directed=False, indices=others)[:, cells].T
    free = dijkstra(dry, directed=False, indices=others)[:, cells].T
    straight = distances(grid, cells, others)
    out = straight * np.where(free > 0, by_water / np.where(free > 0, free, 1.0), 1.0)
    sea = grid.sea.reshape(-1)
    return np.where(np.logical_and.outer(sea[cells], sea[others]), out, np.inf)


def _paths(grid: Grid, open_: np.ndarray) -> csr_array:
    """Return the graph of the eight ways from each open cell to its open neighbours, in metres.

    A diagonal way is open only where no corner is cut.
    """
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
        inside &= open_[j, i] & open_[row, column] & open_[row, i] & open_[j, column]
        starts.append(np.flatnonzero(inside))
        ends.append((row * grid.shape[1] + column)[inside])
        width = 0.5 * (grid.dx[j] + grid.dx[row])
        lengths.append(np.hypot(down * grid.dy, right * width)[inside])
    pairs = (np.concatenate(starts), np.concatenate(ends))
    return coo_array((np.concatenate(lengths), pairs), shape=(grid.n_cells,) * 2).tocsr()


def schur(
    apart: np.ndarray,
    radius: float,
    factors: np.ndarray | None = None,
    variable: np.ndarray | None = None,
    other: np.ndarray | None = None,
) -> np.ndarray:
    """Return the tapers of distances (a, b), any unit, (a, b).

    Parameters
    ----------
    apart
        Distances; infinite ones have no covariance left.
    radius
        The half-width c in the same unit.
    factors
        Between variables, symmetric (F, F), each in [0, 1]; all 1 when None.
    variable, other
        Which variable rows (a,) and columns (b,) are of; needed with ``factors``.

    Raises
    ------
    ConfigError
        The radius is not above 0; the factors are not symmetric or outside [0, 1].
    """
    if not radius > 0:
        raise ConfigError(
            f"a localization radius of {radius:g} leaves nothing to taper",
            where="localization.radius",
            remedy="give one above 0",
        )
    rho = gaspari_cohn(apart / radius)
    if factors is None:
        return rho
    if not (np.array_equal(factors, factors.T) and factors.min() >= 0 and factors.max() <= 1):
        raise ConfigError(
            "factors between variables are not symmetric, or outside 0 to 1",
            where="localization.factors",
            remedy="give a symmetric matrix of numbers from 0 to 1",
        )
    assert variable is not None
    assert other is not None
    return rho * factors[np.ix_(variable, other)]
