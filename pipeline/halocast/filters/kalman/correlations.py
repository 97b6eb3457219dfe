"""Correlation functions of optimal interpolation, and the distances they are of.

With d a distance and L the length,

    gaussian         exp(-(d / L)^2 / 2)
    exponential      exp(-d / L)
    gaspari-cohn     Gaspari and Cohn's, of half-width L: 0 from 2 L on

All are positive definite on the plane. On the sphere, along great circles, the exponential is, the
others are for lengths far below the Earth's radius (Gneiting 2013): the Gaussian's eigenvalues are
negative by less than rounding then.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from halocast.grid import EARTH_RADIUS, Grid
from halocast.localization.taper import gaspari_cohn

Function = Literal["gaussian", "exponential", "gaspari-cohn"]


class Places(NamedTuple):
    """Where scalars or observations are.

    Attributes
    ----------
    y, x
        Degrees north and east on the sphere, metres on the plane, (k,).
    depth
        Metres below the surface, (k,).
    basin
        Number of the sea each is in, (k,): nothing correlates across land.
    """

    y: np.ndarray
    x: np.ndarray
    depth: np.ndarray
    basin: np.ndarray

    @classmethod
    def at_surface(cls, y: np.ndarray, x: np.ndarray) -> Places:
        """Return places at the surface of one sea."""
        return cls(y, x, np.zeros(y.shape), np.zeros(y.shape, np.int64))

    def take(self, index: np.ndarray) -> Places:
        """Return the places ``index``."""
        return Places(*(column[index] for column in self))


def correlation(ratio: np.ndarray, function: Function) -> np.ndarray:
    """Return a correlation function of distances in units of the length, any shape."""
    if function == "gaussian":
        return np.exp(-0.5 * np.square(ratio))
    if function == "exponential":
        return np.exp(-np.abs(ratio))
    return gaspari_cohn(ratio)


def horizontal(ones: Places, others: Places, grid: Grid) -> np.ndarray:
    """Return horizontal distances in metres, (a, b): great circles on the sphere.

    From chords between points on the unit sphere: exact to rounding from millimetres up.
    """
    if grid.geometry == "sphere":
        square = np.zeros((ones.y.size, others.y.size))
        for a, b in zip(_unit(ones), _unit(others)):
            square += np.square(a[:, None] - b[None, :])
        half = 0.5 * np.sqrt(square)
        return 2.0 * EARTH_RADIUS * np.arcsin(np.minimum(half, 1.0))
    apart = []
    for axis, (a, b) in enumerate(((ones.y, others.y), (ones.x, others.x))):
        difference = np.abs(a[:, None] - b[None, :])
        if grid.periodic[axis]:
            length = grid.spacing[axis] * grid.shape[axis]
            difference = np.minimum(np.mod(difference, length), -np.mod(-difference, -length))
            difference = np.minimum(difference, length - difference)
        apart.append(difference)
    return np.hypot(*apart)


def _unit(places: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    north, east = np.deg2rad(places.y), np.deg2rad(places.x)
    return np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)


def between(
    ones: Places,
    others: Places,
    grid: Grid,
    length: float,
    vertical_length: float | None,
    function: Function,
) -> np.ndarray:
    """Return correlations (a, b): horizontal times vertical, 0 between basins.

    Parameters
    ----------
    length, vertical_length
        L in metres; None: depths do not matter.
    """
    rho = correlation(horizontal(ones, others, grid) / length, function)
    if vertical_length is not None:
        apart = ones.depth[:, None] - others.depth[None, :]
        rho = rho * correlation(apart / vertical_length, function)
    return np.where(ones.basin[:, None] == others.basin[None, :], rho, 0.0)
