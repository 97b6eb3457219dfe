"""Drifters that move with a truth's surface flow.

Positions by the midpoint rule, one step from each time to the next,

    x' = x + dt/2 u(x, t),    x_new = x + dt u(x', t + dt/2),

u bilinear in space and linear in time. A drifter that would leave the domain or run aground ends;
another, with a number of its own, is deployed at random at sea in its place. Cost: two samples of
the velocity a step, of all drifters at once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from halocast.draws import Address, Purpose, uniforms
from halocast.grid import EARTH_RADIUS, Grid
from halocast.sources.synthetic.gridded_ocean import GriddedOcean

_METRES_A_DEGREE = np.radians(1.0) * EARTH_RADIUS


class Drift(NamedTuple):
    """Where drifters were: number, latitude and longitude, each (times, drifters at sea)."""

    number: np.ndarray
    lat: np.ndarray
    lon: np.ndarray


def drift(ocean: GriddedOcean, grid: Grid, times: np.ndarray, count: int, seed: int) -> Drift:
    """Deploy drifters on the sea of a grid at ``times[0]`` and follow them.

    Parameters
    ----------
    ocean
        The velocity, u and v in m s⁻¹, at all ``times``.
    grid
        Says what is sea.
    times
        Rising datetime64, shape (n,).
    count
        Drifters at sea at any time.

    Returns
    -------
    Their positions (n, count), every one in a cell of sea.
    """
    number = np.arange(count)
    lat, lon = _deploy(grid, number, seed)
    history = [(number, lat, lon)]
    for start, stop in pairwise(times):
        lat, lon = _step(ocean, start, stop, lat, lon)
        gone = ~_at_sea(grid, lat, lon)
        if gone.any():
            number = number.copy()
            number[gone] = history[-1][0].max() + 1 + np.arange(gone.sum())
            lat[gone], lon[gone] = _deploy(grid, number[gone], seed)
        history.append((number, lat, lon))
    return Drift(*(np.stack(column) for column in zip(*history)))


def _deploy(grid: Grid, number: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Put each drifter somewhere in a cell of sea, by its number alone."""
    cells = np.flatnonzero(grid.sea)
    address = Address(seed, 0, Purpose.NATURE_OBSERVATIONS, 0)
    draw = np.array([uniforms(address, 3, 3 * int(n)) for n in number]).reshape(-1, 3)
    j, i = np.divmod(cells[(draw[:, 0] * cells.size).astype(np.int64)], grid.shape[1])
    dy, dx = grid.spacing
    return grid.y[j] + dy * (draw[:, 1] - 0.5), grid.x[i] + dx * (draw[:, 2] - 0.5)


def _at_sea(grid: Grid, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    cell = grid.nearest("center", lat, lon)
    return (cell >= 0) & grid.sea.ravel()[cell]


def _step(
    ocean: GriddedOcean, start: np.datetime64, stop: np.datetime64, lat: np.ndarray, lon: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    span = stop - start
    half = _moved(ocean, start, lat, lon, lat, lon, span / 2)
    return _moved(ocean, start + span / 2, *half, lat, lon, span)


def _moved(
    ocean: GriddedOcean,
    time: np.datetime64,
    at_lat: np.ndarray,
    at_lon: np.ndarray,
    lat: np.ndarray,
    lon: np.ndarray,
    span: np.timedelta64,
) -> tuple[np.ndarray, np.ndarray]:
    """Move from (lat, lon) for a while with the velocity of another place; NaN outside."""
    seconds = span / np.timedelta64(1, "s")
    u, v = (ocean.sample(name, time, at_lat, at_lon) for name in ("u", "v"))
    east = seconds * u / (_METRES_A_DEGREE * np.cos(np.radians(at_lat)))
    return lat + seconds * v / _METRES_A_DEGREE, lon + east
