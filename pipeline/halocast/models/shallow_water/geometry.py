"""From a raw grid to the model's: smoothed depth and land, padded arrays and their metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import distance_transform_cdt

from halocast.errors import ModelError
from halocast.grid import Grid
from halocast.models.shallow_water.kernels import ROW_METRICS, Metrics
from halocast.models.shallow_water.padding import aligned_copy, pad
from halocast.models.shallow_water.settings import ShallowWaterSettings

LAND_THICKNESS = 1e-12  # keeps 1 / h finite on land, where no volume counts


def model_grid(grid: Grid, settings: ShallowWaterSettings) -> Grid:
    """Return the grid the model runs on: land where it is too shallow, depth smoothed.

    Parameters
    ----------
    grid
        Depth from cell means of a bathymetry.

    Returns
    -------
    Grid
        Depth 0 on land; on sea at least ``minimum_depth`` and with slope parameter
        |H1 - H2| / (H1 + H2) <= ``slope_parameter`` between neighbours (Beckmann & Haidvogel 1993).
    """
    sea = grid.sea & (grid.depth >= settings.minimum_depth)
    if not sea.any():
        raise ModelError(
            f"no cell is {settings.minimum_depth} m deep or more",
            where="grid.depth",
            remedy="lower model.minimum_depth and the thicknesses, or move the domain",
        )
    depth = smooth_depth(np.where(sea, grid.depth, 0.0), sea, settings.slope_parameter)
    return replace(grid, depth=depth, sea=sea)


def smooth_depth(depth: np.ndarray, sea: np.ndarray, slope_parameter: float) -> np.ndarray:
    """Smooth a depth until neighbours obey |H1 - H2| <= r (H1 + H2), keeping the total volume.

    Each too steep pair of sea cells is moved to the limit with its sum kept (Martinho & Batteen
    2006 treat pairs in turn; here all pairs of one direction and parity at once), repeated until
    none is left. Minima cannot deepen the shallowest nor maxima exceed the deepest.
    """
    depth = depth.copy()
    if slope_parameter >= 1:
        return depth
    target = slope_parameter * (1 - 1e-9)
    for _ in range(10_000):
        steep = False
        for axis in (0, 1):
            for parity in (0, 1):
                steep |= _flatten_pairs(depth, sea, axis, parity, target, slope_parameter)
        if not steep:
            return depth
    raise ModelError(
        f"depth cannot be smoothed to a slope parameter of {slope_parameter}",
        where="grid.depth",
        remedy="raise model.slope_parameter",
    )


def _flatten_pairs(
    depth: np.ndarray, sea: np.ndarray, axis: int, parity: int, target: float, limit: float
) -> bool:
    along = depth if axis == 1 else depth.T
    wet = sea if axis == 1 else sea.T
    size = (along.shape[1] - parity) // 2 * 2
    first = along[:, parity : parity + size : 2]
    second = along[:, parity + 1 : parity + size : 2]
    both = wet[:, parity : parity + size : 2] & wet[:, parity + 1 : parity + size : 2]
    total, difference = first + second, first - second
    steep = both & (np.abs(difference) > limit * total)
    half = 0.5 * target * total * np.sign(difference)
    first[steep] = (0.5 * total + half)[steep]
    second[steep] = (0.5 * total - half)[steep]
    return bool(steep.any())


def open_ring(grid: Grid) -> np.ndarray:
    """True at the sea cells along the non-periodic edges of the domain."""
    ring = np.zeros(grid.shape, bool)
    if not grid.periodic[0]:
        ring[[0, -1], :] = True
    if not grid.periodic[1]:
        ring[:, [0, -1]] = True
    return ring & grid.sea


def ring_distance(grid: Grid) -> np.ndarray:
    """Distance of each cell from the nearest open cell, in cells, diagonal steps counting one."""
    ring = open_ring(grid)
    if not ring.any():
        return np.full(grid.shape, max(grid.shape))
    return distance_transform_cdt(~ring, metric="chessboard")


def make_metrics(grid: Grid, dtype: type) -> Metrics:
    """Compute the metrics of a model grid in the working precision."""
    rows = _padded_rows(grid)
    dx, dx_north, dy = rows["dx"], rows["dx_north"], rows["dy"]
    area, area_north = dx * dy, dx_north * dy
    sea = pad(grid.sea.astype(float), 0.0, grid.periodic)
    sea_u = pad(grid.wet_at("east").astype(float), 0.0, grid.periodic)
    sea_v = pad(grid.wet_at("north").astype(float), 0.0, grid.periodic)
    wet_area, corner = _corners(sea, area)
    values = {
        "half_dy": dy / 2,
        "half_dx_north": dx_north / 2,
        "dy": dy,
        "dx": dx,
        "area": area,
        "per_area": 1 / area,
        "per_dx": 1 / dx,
        "per_dy": 1 / dy,
        "quarter_per_dx": 0.25 / dx,
        "quarter_per_dy": 0.25 / dy,
        "quarter": np.full(dx.size, 0.25),
        "kinetic_north": area_north / (4 * area),
        "kinetic_south": south_of(area_north) / (4 * area),
        "coriolis": rows["coriolis"],
        "per_dx_north": 1 / dx_north,
        "dx_per_dy": dx / dy,
        "dx_north_per_dy": dx_north / dy,
        "zonal_tension": 2 / dx,
        "zonal_north": 2 * dx_north**2 / (dx**2 * dy),
        "zonal_south": 2 * south_of(dx_north) ** 2 / (dx**2 * dy),
        "meridional_shear": 2 / dx_north,
        "meridional_north": 2 * north_of(dx) ** 2 / (dx_north**2 * dy),
        "meridional_south": 2 * dx**2 / (dx_north**2 * dy),
        "corner_mean": area_north / (2 * (area + north_of(area))),
        "half_dy_per_dx": dy / (2 * dx),
        "half_dx_north_per_dy": dx_north / (2 * dy),
        "half": np.full(dx.size, 0.5),
    }
    records = np.zeros(dx.size, np.dtype([(name, dtype) for name in ROW_METRICS]))
    for name in ROW_METRICS:
        records[name] = values[name]
    planes = (corner / area_north[:, None], wet_area, sea, sea_u, sea_v)
    return Metrics(records, *(aligned_copy(plane, dtype) for plane in planes))


def north_of(rows: np.ndarray) -> np.ndarray:
    """Row quantities of the next row north."""
    return np.append(rows[1:], rows[-1])


def south_of(rows: np.ndarray) -> np.ndarray:
    """Row quantities of the next row south."""
    return np.append(rows[0], rows[:-1])


def _padded_rows(grid: Grid) -> dict[str, np.ndarray]:
    inside = np.arange(-1, grid.shape[0] + 1)
    rows = inside % grid.shape[0] if grid.periodic[0] else np.clip(inside, 0, grid.shape[0] - 1)
    dx, dx_north = grid.dx[rows], grid.dx_north[rows]
    step = grid.spacing[0]
    corner_y = grid.y[0] + step * (inside + 0.5)
    return {
        "dx": dx,
        "dx_north": dx_north,
        "dy": np.full(dx.size, grid.dy),
        "coriolis": grid.coriolis_at(corner_y),
    }


def _corners(sea: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sea area round the corner north-east of each cell, and 1 where all four cells are sea."""
    east = np.roll(sea, -1, axis=1)
    weight = area[:, None]
    row = weight * (sea + east)
    wet_area = row + np.roll(row, -1, axis=0)
    four = sea * east * np.roll(sea * east, -1, axis=0)
    return wet_area, four
