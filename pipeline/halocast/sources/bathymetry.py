"""Bathymetry in any of the usual conventions to elevation, and to the depths of a model grid.

    product      variable    axes                 type      registration
    ETOPO 2022   z           lat, lon             float32   pixel centres
    ETOPO1       z           y, x                 int32     nodes (both ±180 there) or pixel centres
    ETOPO5       ROSE        ETOPO05_Y, …_X       float32   nodes, 0…360, fill -1e34
    GEBCO        elevation   lat, lon             int16     pixel centres

All count upwards from the sea surface; a variable ``depth`` counts downwards. A point stands for
the box half-way to its neighbours, whatever the registration.

Depths of the model are means over the wet part of a cell, never point samples.
"""

from __future__ import annotations

import os

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.grid import Grid
from halocast.sources.axes import window_over
from halocast.sources.files import open_netcdf, open_opendap, require_units
from halocast.sources.regrid import average, midpoint_edges
from halocast.sources.sphere import Box

_UPWARD = ("z", "elevation", "ROSE")
_DOWNWARD = ("depth",)
_METRES = ("m", "meter", "meters", "metre", "metres", "METERS", "Meters")
_LOWEST, _HIGHEST = -11_500.0, 9_000.0
_NO_VALUE = 1e30  # fills of the older products are not always declared


def read_bathymetry(path: str | os.PathLike[str], box: Box) -> xr.Dataset:
    """Read elevation over a box from a file of any of the conventions.

    Parameters
    ----------
    path
        A netCDF file or OPeNDAP address.
    box
        (west, east, south, north) in degrees; one point beyond each side comes along.

    Returns
    -------
    ``elevation`` (m, upwards, float64) on (lat, lon), both ascending, longitudes in -180…180; NaN
    where the file has nothing.

    Raises
    ------
    InputError
        The file cannot be used (see `halocast.sources.files`), holds no variable of these
        conventions, in metres and in physical range, or does not reach over the box.
    """
    where = str(path)
    opener = open_opendap if where.startswith(("http://", "https://")) else open_netcdf
    with opener(where, decode_times=False) as ds:
        variable = _elevation_variable(ds, where)
        lat_name, lon_name = _axes_of(variable, where)
        lat, lon = ds[lat_name].values.astype(float), ds[lon_name].values.astype(float)
        window = window_over(box, lat, lon, where)
        try:
            part = window.cut(variable, lat_name, lon_name).transpose(lat_name, lon_name)
            values = part.values.astype(float)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"variable {variable.name} cannot be read ({error})",
                where=where,
                remedy="the file is damaged or truncated: download it again",
            ) from error
        if "units" in variable.attrs:
            require_units(variable, _METRES, where)
    values[np.abs(values) > _NO_VALUE] = np.nan
    if variable.name in _DOWNWARD:
        values = -values
    _require_range(values, str(variable.name), where)
    attrs = {"units": "m", "positive": "up", "standard_name": "height_above_mean_sea_level"}
    return xr.Dataset(
        {"elevation": (("lat", "lon"), values, attrs)},
        coords={
            "lat": ("lat", window.lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("lon", window.lon, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        attrs={"product": "bathymetry", "source_variable": str(variable.name)},
    )


def cell_means(
    bathymetry: xr.Dataset, lat_edges: np.ndarray, lon_edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average elevation over cells.

    Parameters
    ----------
    bathymetry
        As `read_bathymetry` returns it.
    lat_edges, lon_edges
        Ascending edges of the cells in degrees, shapes (ny + 1,) and (nx + 1,).

    Returns
    -------
    Area-weighted mean elevation (m) and the share of sea (elevation below 0) in what is known of
    the cell, both of shape (ny, nx).

    Raises
    ------
    InputError
        Nothing is known of some cell.
    """
    mean, _, sea = _means(bathymetry, lat_edges, lon_edges)
    return mean, sea


def sea_grid(
    bathymetry: xr.Dataset,
    south: float,
    north: float,
    ny: int,
    west: float,
    east: float,
    nx: int,
    minimum_depth: float,
) -> Grid:
    """Divide a box into ny by nx cells with the depths of a bathymetry.

    The depth of a cell is the mean depth of its wet part. A cell is land where less than half of it
    is sea, or where that depth is less than ``minimum_depth`` (m).

    Raises
    ------
    InputError
        Nothing is known of some cell, or every cell is land.
    """
    lat_edges, lon_edges = np.linspace(south, north, ny + 1), np.linspace(west, east, nx + 1)
    _, depth, sea_share = _means(bathymetry, lat_edges, lon_edges)
    sea = (sea_share >= 0.5) & (depth >= minimum_depth)
    if not sea.any():
        raise InputError(
            f"no cell of the grid is sea of at least {minimum_depth:g} m",
            remedy="check the box, or lower the minimum depth",
        )
    return Grid.sphere(south, north, ny, west, east, nx, np.where(sea, depth, 0.0), sea)


def _means(
    bathymetry: xr.Dataset, lat_edges: np.ndarray, lon_edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean elevation, mean depth of the wet part (0 where there is none), share of sea."""
    values = bathymetry["elevation"].transpose("lat", "lon").values
    edges = (
        np.clip(midpoint_edges(bathymetry["lat"].values), -90.0, 90.0),
        midpoint_edges(bathymetry["lon"].values),
        lat_edges,
        lon_edges,
    )
    mean, known = average(values, *edges)
    if np.isnan(mean).any() or known.min() < 0.5:
        j, i = np.unravel_index(np.argmin(known), known.shape)
        raise InputError(
            f"nothing is known of cell ({j}, {i}), {lat_edges[j]:g}…{lat_edges[j + 1]:g} N, "
            f"{lon_edges[i]:g}…{lon_edges[i + 1]:g} E",
            where="bathymetry",
            remedy="give a bathymetry that covers the grid",
        )
    wet = np.where(np.isnan(values), np.nan, (values < 0.0).astype(float))
    sea, _ = average(wet, *edges)
    below, _ = average(np.where(values > 0.0, 0.0, values), *edges)
    depth = np.where(sea > 1e-9, -below / np.maximum(sea, 1e-9), 0.0)
    return mean, depth, np.clip(sea, 0.0, 1.0)


def _elevation_variable(ds: xr.Dataset, where: str) -> xr.DataArray:
    for name in (*_UPWARD, *_DOWNWARD):
        if name in ds.data_vars and ds[name].ndim == 2:
            return ds[name]
    raise InputError(
        f"no variable {', '.join((*_UPWARD, *_DOWNWARD))} on a map; "
        f"the file has {', '.join(map(str, ds.variables))}",
        where=where,
        remedy="give ETOPO 2022, ETOPO1, ETOPO5 or GEBCO, or rename the variable",
    )


def _axes_of(variable: xr.DataArray, where: str) -> tuple[str, str]:
    """Names of the latitude and longitude dimensions."""
    found: dict[str, str] = {}
    for dim in variable.dims:
        if dim not in variable.coords:
            raise InputError(
                f"dimension {dim} of {variable.name} has no axis",
                where=where,
                remedy="give a file with coordinate variables",
            )
        found[_kind_of_axis(variable[dim])] = str(dim)
    if set(found) != {"lat", "lon"}:
        raise InputError(
            f"the axes {variable.dims} of {variable.name} are not a latitude and a longitude",
            where=where,
            remedy="give ETOPO 2022, ETOPO1, ETOPO5 or GEBCO",
        )
    return found["lat"], found["lon"]


def _kind_of_axis(axis: xr.DataArray) -> str:
    units, name = str(axis.attrs.get("units", "")).lower(), str(axis.name).lower()
    if "north" in units or name.startswith("lat"):
        return "lat"
    if "east" in units or name.startswith("lon"):
        return "lon"
    # ETOPO1 calls them y and x, in degrees or nothing; Ferret ends its names so
    stem = name.split("_")[-1] if name.startswith("etopo") else name
    return {"y": "lat", "x": "lon"}.get(stem, "")


def _require_range(values: np.ndarray, name: str, where: str) -> None:
    if np.isnan(values).all():
        raise InputError(
            f"every value of {name} over the box is missing",
            where=where,
            remedy="check the box and the file",
        )
    low, high = np.nanmin(values), np.nanmax(values)
    if low < _LOWEST or high > _HIGHEST:
        raise InputError(
            f"variable {name} reaches from {low:g} to {high:g} m, beyond the Earth's relief",
            where=where,
            remedy="the units, the packing, the sign or the fill value are not what they seem",
        )
