"""Latitude and longitude axes of gridded products: checked, put in order, cut to a box."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.sphere import Box, wrap_longitude

_TURN = 1e-4  # degrees: axes carry float noise


class Window(NamedTuple):
    """The part of a grid over a box: which rows and columns, in ascending order, and where."""

    rows: np.ndarray
    columns: np.ndarray
    lat: np.ndarray
    lon: np.ndarray

    def cut(self, variable: xr.DataArray, lat_name: str, lon_name: str) -> xr.DataArray:
        """Return the window of a variable, with its other dimensions as they were."""
        indices = {lat_name: _as_slice(self.rows), lon_name: _as_slice(self.columns)}
        return variable.isel(indices)


def window_over(box: Box, lat: np.ndarray, lon: np.ndarray, where: str) -> Window:
    """Find the points of a grid over a box, and one beyond each side where there is one.

    Parameters
    ----------
    box
        (west, east, south, north) in degrees.
    lat, lon
        Axes as the file has them: latitudes ascending or descending, longitudes in any convention,
        perhaps with the first meridian repeated at the end.

    Returns
    -------
    Latitudes and longitudes ascend; longitudes lie in -180…180, or run on beyond 180 where the
    box does.

    Raises
    ------
    InputError
        An axis is not one (not finite, not monotone, latitudes beyond the poles), or does not
        reach over the box.
    """
    west, east, south, north = box
    if not (west < east <= west + 360.0 and -90.0 <= south < north <= 90.0):
        raise InputError(
            f"not a box: {west}…{east} E, {south}…{north} N",
            remedy="give west < east, south < north",
        )
    _require_latitudes(lat, where)
    _require_longitudes(lon, where)
    shift = np.floor((west + 180.0) / 360.0) * 360.0
    west, east = west - shift, east - shift
    middle = 0.5 * (west + east)
    near = middle + wrap_longitude(lon - middle)
    columns, lon_in = _reach(near, west, east, "longitudes", where)
    rows, lat_in = _reach(lat, south, north, "latitudes", where)
    return Window(rows, columns, lat_in, lon_in)


def _reach(
    axis: np.ndarray, low: float, high: float, name: str, where: str
) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(axis, kind="stable")
    ordered = axis[order]
    distinct = np.concatenate([[True], np.diff(ordered) > _TURN])  # a repeated meridian goes
    order, ordered = order[distinct], ordered[distinct]
    spacing = (
        float(np.max(np.diff(ordered))) if ordered.size < 3 else float(np.median(np.diff(ordered)))
    )
    if ordered[0] > low + spacing or ordered[-1] < high - spacing:
        raise InputError(
            f"the file's {name} {ordered[0]:g} … {ordered[-1]:g} do not reach over the box's "
            f"{low:g} … {high:g}",
            where=where,
            remedy="give a file of the whole region, or check that its axes are not swapped",
        )
    first = max(int(np.searchsorted(ordered, low - _TURN)) - 1, 0)
    last = min(int(np.searchsorted(ordered, high + _TURN, "right")), ordered.size - 1)
    return order[first : last + 1], ordered[first : last + 1].astype(float)


def _require_latitudes(lat: np.ndarray, where: str) -> None:
    _require_axis(lat, "latitude", where)
    if np.abs(lat).max() > 90.0 + _TURN:
        raise InputError(
            f"latitudes reach {lat[np.abs(lat).argmax()]:g}: latitude and longitude are swapped",
            where=where,
            remedy="rename the axes",
        )
    steps = np.diff(lat)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(
            "the latitude axis is not in order", where=where, remedy="sort the file by latitude"
        )


def _require_longitudes(lon: np.ndarray, where: str) -> None:
    _require_axis(lon, "longitude", where)
    steps = np.diff(lon)
    if (steps < 0).all():
        steps = -steps
    steps = np.mod(steps, 360.0)  # one jump from 180 to -180, or 360 to 0, is a convention
    holes = steps.max() > 5.0 * np.median(steps)
    if (steps <= _TURN).any() or holes or steps.sum() > 360.0 + _TURN:
        raise InputError(
            f"the longitude axis is not in order ({lon[0]:g}, {lon[1]:g} … {lon[-1]:g}): "
            "its halves may be swapped",
            where=where,
            remedy="sort the file by longitude, data and axis together",
        )


def _require_axis(axis: np.ndarray, name: str, where: str) -> None:
    if axis.ndim != 1 or axis.size < 2:
        raise InputError(
            f"the {name} axis has the shape {axis.shape}",
            where=where,
            remedy="give a file on a grid of latitudes and longitudes",
        )
    if not np.isfinite(axis).all():
        raise InputError(
            f"the {name} axis holds values that are not numbers",
            where=where,
            remedy="the file is damaged: download it again",
        )


def _as_slice(indices: np.ndarray) -> slice | np.ndarray:
    steps = np.diff(indices)
    if (steps == 1).all():
        return slice(int(indices[0]), int(indices[-1]) + 1)
    if (steps == -1).all():
        stop = int(indices[-1]) - 1
        return slice(int(indices[0]), None if stop < 0 else stop, -1)
    return indices
