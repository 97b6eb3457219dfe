"""One HYCOM file to pieces: each of its variables over a box and a period, in SI units."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.axes import Window, window_over
from halocast.sources.files import open_netcdf, open_opendap, require_units
from halocast.sources.sphere import Box
from halocast.sources.times import bracket, decode_times

PathOrDataset = str | os.PathLike[str] | xr.Dataset

_UNDECODABLE = ("tau", "time_run", "time_offset", "time1_run")
_REMOTE = ("http://", "https://")
_PAUSES = (5.0, 20.0)  # seconds before a server is asked again
_NEAR = np.timedelta64(2 * 86400, "s")
_METRES = ("m", "meter", "meters", "metre", "metres")
_SPEED = ("m/s", "m s-1", "m.s-1", "meter/second")
_CELSIUS = ("degC", "degrees_C", "degree_C", "Celsius", "celsius", "degree_Celsius", "deg C")
_KELVIN = ("K", "kelvin", "Kelvin")


class Variable(NamedTuple):
    """What a variable becomes: name, units, units accepted, physical range, CF name."""

    name: str
    units: str
    allowed: tuple[str, ...]
    limits: tuple[float, float]
    standard_name: str


VARIABLES = {
    "surf_el": Variable("ssh", "m", _METRES, (-10.0, 10.0), "sea_surface_height_above_geoid"),
    "water_u": Variable("u", "m s-1", _SPEED, (-10.0, 10.0), "eastward_sea_water_velocity"),
    "water_v": Variable("v", "m s-1", _SPEED, (-10.0, 10.0), "northward_sea_water_velocity"),
    "water_temp": Variable("t", "K", _CELSIUS + _KELVIN, (265.0, 320.0), "sea_water_temperature"),
}


class Piece(NamedTuple):
    """One variable of one file over the box: times (n,), values (n, ny, nx), and its window."""

    times: np.ndarray
    values: np.ndarray
    window: Window
    where: str


def read_pieces(
    item: PathOrDataset, box: Box, first: np.datetime64, last: np.datetime64, number: int
) -> dict[str, Piece]:
    """Read what one file, address or dataset has of the variables; ``number`` names a dataset.

    Raises
    ------
    InputError
        As `halocast.sources.hycom.read_hycom`.
    """
    if isinstance(item, xr.Dataset):
        unpacked = xr.decode_cf(item.drop_vars(_UNDECODABLE, errors="ignore"), decode_times=False)
        return _read_dataset(unpacked, box, first, last, f"dataset {number}")
    opener = open_opendap if str(item).startswith(_REMOTE) else open_netcdf
    with opener(str(item), decode_times=False, drop_variables=list(_UNDECODABLE)) as ds:
        return _read_dataset(ds, box, first, last, str(item))


def _read_dataset(
    ds: xr.Dataset, box: Box, first: np.datetime64, last: np.datetime64, where: str
) -> dict[str, Piece]:
    names = [name for name in VARIABLES if name in ds.variables]
    if not names:
        raise InputError(
            f"none of {', '.join(VARIABLES)}; the file has {', '.join(map(str, ds.variables))}",
            where=where,
            remedy="give a HYCOM file (GOFS 3.1 or ESPC-D-V02)",
        )
    for axis in ("lat", "lon", "time"):
        if axis not in ds.variables:
            raise InputError(f"no axis {axis!r}", where=where, remedy="give a HYCOM file")
    window = window_over(box, ds["lat"].values, ds["lon"].values, where)
    times = decode_times(ds["time"], where)
    kept = bracket(times, first, last)
    kept = kept[(times[kept] >= first - _NEAR) & (times[kept] <= last + _NEAR)]
    pieces = {}
    for name in names:
        field = _at_surface(ds[name], where)
        if set(field.dims) != {"time", "lat", "lon"}:
            raise InputError(
                f"variable {name} has the dimensions {field.dims}, not (time, [depth,] lat, lon)",
                where=where,
                remedy="give a HYCOM file",
            )
        field = window.cut(field, "lat", "lon").isel(time=kept).transpose("time", "lat", "lon")
        values = _to_si(name, field, where)
        pieces[name] = Piece(times[kept], values, window, where)
    return pieces


def _at_surface(variable: xr.DataArray, where: str) -> xr.DataArray:
    if "depth" not in variable.dims:
        return variable
    depth = np.abs(variable["depth"].values) if "depth" in variable.coords else np.zeros(1)
    if not depth.min() <= 10.0:
        raise InputError(
            f"the shallowest level of {variable.name} is {depth.min():g} m deep",
            where=where,
            remedy="give the surface level (depth 0)",
        )
    return variable.isel(depth=int(depth.argmin()))


def _load(field: xr.DataArray, where: str) -> np.ndarray:
    """Decode one step; a server that fails is asked again."""
    pauses = _PAUSES if where.startswith(_REMOTE) else ()
    for pause in (*pauses, None):
        try:
            return field.values
        except (OSError, RuntimeError, ValueError, IndexError) as error:
            if pause is None:
                raise InputError(
                    f"variable {field.name} cannot be read ({error})",
                    where=where,
                    remedy="the server failed: try later"
                    if pauses
                    else "the file is damaged or truncated: download it again",
                ) from error
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _to_si(name: str, field: xr.DataArray, where: str) -> np.ndarray:
    spec = VARIABLES[name]
    units = require_units(field, spec.allowed, where)
    values = np.empty(field.shape, "f4")
    for step in range(field.sizes["time"]):  # servers want no request beyond a step
        values[step] = _load(field.isel(time=step), where)
    if units in _CELSIUS:
        values += np.float32(273.15)
    finite = values[np.isfinite(values)]
    low, high = spec.limits
    if finite.size and not (low <= finite.min() and finite.max() <= high):
        raise InputError(
            f"variable {name} reaches from {finite.min():g} to {finite.max():g} {spec.units}, "
            f"beyond {low:g} … {high:g}",
            where=where,
            remedy="the units, the packing or the fill value are not what the file says",
        )
    return values
