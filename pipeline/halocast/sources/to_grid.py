"""Fields on latitudes and longitudes put on the model grid.

Where the source has at least one point in each cell of the grid, along both axes, the grid takes
area-weighted means over its cells; a coarser source is interpolated bilinearly to cell centres.
Cells without any sea of the source take the value of the nearest cell that has some, so that
nothing is missing; the model's own mask decides what is sea.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.grid import Grid
from halocast.sources.regrid import average, fill_from_nearest, interpolate, midpoint_edges


def to_grid(ds: xr.Dataset, grid: Grid) -> xr.Dataset:
    """Put fields (time, lat, lon) on the cell centres of a grid of the sphere.

    Parameters
    ----------
    ds
        Fields with ascending ``lat`` and ``lon`` (degrees), NaN where there is no sea.

    Returns
    -------
    The same variables, float64, on (time, y, x), finite everywhere. The attribute ``regridding``
    says which way was taken; ``cells_filled`` how many cells had no sea of the source.

    Raises
    ------
    InputError
        The grid is not on the sphere, the source does not reach over it, or a field holds nothing.
    """
    if grid.geometry != "sphere":
        raise InputError("product files cannot be put on a plane grid", remedy="use a sphere grid")
    lat, lon = ds["lat"].values.astype(float), ds["lon"].values.astype(float)
    lat_edges, lon_edges = midpoint_edges(lat), midpoint_edges(lon)
    y_edges, x_edges = grid_edges(grid)
    _require_cover(lat_edges, lon_edges, grid)
    dy, dx = grid.spacing
    inside = (lat >= y_edges[0]) & (lat <= y_edges[-1])
    rows = np.diff(lat[inside]) if inside.sum() > 1 else np.diff(lat)
    finer = rows.max() <= dy * (1 + 1e-6) and np.diff(lon).max() <= dx * (1 + 1e-6)

    filled = 0
    data = {}
    for name, variable in ds.data_vars.items():
        stacked = variable.transpose("time", "lat", "lon").values
        out = np.empty((stacked.shape[0], *grid.shape))
        for k, field in enumerate(stacked.astype(float)):
            where = f"{name} at {ds['time'].values[k]}"
            if finer:
                means, _ = average(field, lat_edges, lon_edges, y_edges, x_edges)
                filled = max(filled, int(np.isnan(means).sum()))
                out[k] = fill_from_nearest(means, where)
            else:
                out[k] = interpolate(fill_from_nearest(field, where), lat, lon, grid.y, grid.x)
        data[name] = (("time", "y", "x"), out, dict(variable.attrs))
    how = "area-weighted means over cells" if finer else "bilinear interpolation to cell centres"
    attrs = {**ds.attrs, "regridding": how + "; cells without sea take the nearest that has some"}
    attrs["cells_filled"] = filled
    coords = {"time": ds["time"], "y": grid.y, "x": grid.x}
    return xr.Dataset(data, coords=coords, attrs=attrs)


def grid_edges(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of a grid's cells along y and x, shapes (ny + 1,) and (nx + 1,)."""
    south, north, west, east = grid.edges
    ny, nx = grid.shape
    return np.linspace(south, north, ny + 1), np.linspace(west, east, nx + 1)


def _require_cover(lat_edges: np.ndarray, lon_edges: np.ndarray, grid: Grid) -> None:
    south, north, west, east = grid.edges
    dy, dx = grid.spacing
    half_y, half_x = dy / 2 + 1e-6, dx / 2 + 1e-6
    if not (
        lat_edges[0] <= south + half_y
        and lat_edges[-1] >= north - half_y
        and lon_edges[0] <= west + half_x
        and lon_edges[-1] >= east - half_x
    ):
        raise InputError(
            f"fields over {lat_edges[0]:g}…{lat_edges[-1]:g} N, "
            f"{lon_edges[0]:g}…{lon_edges[-1]:g} E do not reach over the grid's "
            f"{south:g}…{north:g} N, {west:g}…{east:g} E",
            remedy="read the fields over the grid's box",
        )
