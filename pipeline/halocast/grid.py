"""The model grid: positions, metrics, depth and land mask of an Arakawa C grid.

Arrays are indexed (y, x) = (row, column), row 0 in the south, column 0 in the west. Every field
of the state has one value a cell; the three places a value can sit at share the cell's index:

    center  the middle of cell (j, i)
    east    the face between cells (j, i) and (j, i + 1)
    north   the face between cells (j, i) and (j + 1, i)

On a periodic axis the last face joins the last cell to the first; otherwise it is the edge of the
domain and holds no flow. Flat cell numbers are ``j * nx + i``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from halocast.errors import ConfigError

EARTH_RADIUS = 6_371_000.0
EARTH_ROTATION = 7.292115e-5

Place = Literal["center", "east", "north"]


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid on the sphere or on a plane.

    Parameters
    ----------
    y, x
        Cell-centre coordinates, shapes (ny,) and (nx,), evenly spaced and increasing: degrees
        north and east (-180…180) on the sphere, metres on the plane.
    depth
        Positive depth of the sea floor in metres, shape (ny, nx); 0 on land.
    sea
        True where there is sea, shape (ny, nx).
    geometry
        ``"sphere"`` or ``"plane"``.
    periodic
        Whether the y and the x axis wrap around.
    coriolis, beta
        f at y = 0 (s⁻¹) and df/dy (m⁻¹ s⁻¹), used on the plane only.
    """

    y: np.ndarray
    x: np.ndarray
    depth: np.ndarray
    sea: np.ndarray
    geometry: Literal["sphere", "plane"] = "sphere"
    periodic: tuple[bool, bool] = (False, False)
    coriolis: float = 0.0
    beta: float = 0.0
    shape: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.y.size, self.x.size)
        for name in ("depth", "sea"):
            if getattr(self, name).shape != shape:
                raise ConfigError(
                    f"grid.{name} has shape {getattr(self, name).shape}, the axes say {shape}",
                    remedy="give one value a cell",
                )
        for name, axis in (("y", self.y), ("x", self.x)):
            steps = np.diff(axis)
            if axis.size > 1 and not (steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6)):
                raise ConfigError(f"grid.{name} is not evenly spaced and increasing")
        object.__setattr__(self, "shape", shape)

    @classmethod
    def sphere(
        cls,
        south: float,
        north: float,
        ny: int,
        west: float,
        east: float,
        nx: int,
        depth: np.ndarray | None = None,
        sea: np.ndarray | None = None,
    ) -> Grid:
        """Divide a box of the sphere (edges in degrees) into ny by nx cells."""
        dy, dx = (north - south) / ny, (east - west) / nx
        y = south + dy * (np.arange(ny) + 0.5)
        x = west + dx * (np.arange(nx) + 0.5)
        depth = np.full((ny, nx), 4000.0) if depth is None else depth
        return cls(y, x, depth, depth > 0 if sea is None else sea)

    @classmethod
    def plane(
        cls,
        ny: int,
        nx: int,
        dy: float,
        dx: float,
        depth: np.ndarray | None = None,
        *,
        sea: np.ndarray | None = None,
        periodic: tuple[bool, bool] = (False, False),
        coriolis: float = 0.0,
        beta: float = 0.0,
    ) -> Grid:
        """Build a plane grid with spacings in metres; y = 0 is its middle row."""
        y = dy * (np.arange(ny) - (ny - 1) / 2)
        x = dx * (np.arange(nx) + 0.5)
        depth = np.full((ny, nx), 4000.0) if depth is None else depth
        sea = depth > 0 if sea is None else sea
        return cls(y, x, depth, sea, "plane", periodic, coriolis, beta)

    @property
    def n_cells(self) -> int:
        """Number of cells, land included."""
        return self.shape[0] * self.shape[1]

    @property
    def spacing(self) -> tuple[float, float]:
        """Spacing of the axes (dy, dx) in their own units."""
        dy = float(self.y[1] - self.y[0]) if self.y.size > 1 else 1.0
        dx = float(self.x[1] - self.x[0]) if self.x.size > 1 else 1.0
        return dy, dx

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """South, north, west and east edge of the domain in the axes' units."""
        dy, dx = self.spacing
        return (
            float(self.y[0]) - dy / 2,
            float(self.y[-1]) + dy / 2,
            float(self.x[0]) - dx / 2,
            float(self.x[-1]) + dx / 2,
        )

    @cached_property
    def dy(self) -> float:
        """Meridional spacing in metres."""
        step = self.spacing[0]
        return EARTH_RADIUS * np.deg2rad(step) if self.geometry == "sphere" else step

    @cached_property
    def dx(self) -> np.ndarray:
        """Zonal spacing in metres at cell centres (and east faces), shape (ny,)."""
        return self._zonal_spacing(self.y)

    @cached_property
    def dx_north(self) -> np.ndarray:
        """Zonal spacing in metres at north faces (and corners), shape (ny,)."""
        return self._zonal_spacing(self.y + self.spacing[0] / 2)

    def _zonal_spacing(self, y: np.ndarray) -> np.ndarray:
        step = self.spacing[1]
        if self.geometry == "plane":
            return np.full(y.shape, step)
        return EARTH_RADIUS * np.cos(np.deg2rad(y)) * np.deg2rad(step)

    @cached_property
    def area(self) -> np.ndarray:
        """Cell area in m², shape (ny,)."""
        return self.dx * self.dy

    def coriolis_at(self, y: np.ndarray) -> np.ndarray:
        """Coriolis parameter in s⁻¹ at coordinates y."""
        if self.geometry == "sphere":
            return 2 * EARTH_ROTATION * np.sin(np.deg2rad(y))
        return self.coriolis + self.beta * y

    def coordinates_at(self, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """Axes (y, x) of the points a field at ``place`` has its values at."""
        dy, dx = self.spacing
        return (
            self.y + (dy / 2 if place == "north" else 0.0),
            self.x + (dx / 2 if place == "east" else 0.0),
        )

    def wet_at(self, place: Place) -> np.ndarray:
        """True where a field at ``place`` lives: sea, or a face with sea on both sides."""
        if place == "center":
            return self.sea
        axis = 1 if place == "east" else 0
        wet = self.sea & np.roll(self.sea, -1, axis)
        if not self.periodic[axis]:
            wet[(slice(None), -1) if axis else (-1, slice(None))] = False
        return wet

    def nearest(self, place: Place, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Flat cell number of the point of ``place`` nearest to each (y, x); -1 outside.

        Outside means outside the domain's edges; on a periodic axis everything is inside.
        """
        j, inside_y = self._index(0, place == "north", y)
        i, inside_x = self._index(1, place == "east", x)
        return np.where(inside_y & inside_x, j * self.shape[1] + i, -1)

    def _index(self, axis: int, face: bool, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centres = self.y if axis == 0 else self.x
        n, step = centres.size, self.spacing[axis]
        distance = (np.asarray(value, dtype=float) - (centres[0] - step / 2)) / step
        if self.periodic[axis]:
            distance = np.mod(distance, n)
        finite = np.isfinite(distance)
        inside = finite & (distance >= 0) & (distance < n)
        cells = np.floor(np.where(finite, distance, 0.0) - (0.5 if face else 0.0)).astype(np.int64)
        cells = np.mod(cells, n) if self.periodic[axis] else np.clip(cells, 0, n - 1)
        return cells, inside
