"""Lines of a SWOT swath, unpacked: times, places, distance from nadir, heights.

Files are opened undecoded: decoding turns the 32-bit flags into floats, which cannot hold them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.files import require_units, require_variables
from halocast.sources.sphere import Box, distance_and_bearing, inside_box
from halocast.sources.swot_noise import karin_noise
from halocast.sources.synthetic.swot_orbit import nadir

_EPOCH = np.datetime64("2000-01-01", "ns")
_PIXEL = 2000.0  # metres between columns of the smoothed products
_FARTHEST = 100e3  # no pixel of any pass lies farther from nadir


class Swath(NamedTuple):
    """Decoded lines of one swath or half swath; arrays (lines, pixels), times (lines,)."""

    time: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    cross_track: np.ndarray
    ssha: np.ndarray
    crossover: np.ndarray
    datum: np.ndarray  # mean sea surface - geoid
    error: np.ndarray
    fate: np.ndarray
    dropped: dict[str, int]


def lines_over(ds: xr.Dataset, where: str, box: Box | None) -> tuple[slice, int]:
    """The lines that touch the box, and how many placed pixels lie on the others."""
    lat, lon = degrees(ds, "latitude", where), degrees(ds, "longitude", where)
    if box is None:
        return slice(0, lat.shape[0]), 0
    touched = np.flatnonzero(inside_box(box, lat, lon).any(axis=1))
    lines = slice(int(touched[0]), int(touched[-1]) + 1) if touched.size else slice(0, 0)
    return lines, int(np.isfinite(lat).sum() - np.isfinite(lat[lines]).sum())


def cross_track_distance(
    ds: xr.Dataset, time: np.ndarray, lat: np.ndarray, lon: np.ndarray, where: str
) -> np.ndarray:
    """Distance of each pixel from nadir, m, positive to the right; shape (lines, pixels).

    As the file gives it; else from its nadir track; else by column of the 2 km grid; else, for
    half swaths without any of these, from the reference orbit (1 km).
    """
    if "cross_track_distance" in ds.variables:
        return metres(ds, "cross_track_distance", where)
    if "latitude_nadir" in ds.variables and "longitude_nadir" in ds.variables:
        track = degrees(ds, "latitude_nadir"), degrees(ds, "longitude_nadir")
        return _signed_distance(*track, lat, lon)
    pixels = lat.shape[1]
    if pixels in (69, 71):
        columns = _PIXEL * (np.arange(pixels) - (pixels - 1) / 2)
        return np.broadcast_to(columns, lat.shape).copy()
    distance = _signed_distance(*nadir(time), lat, lon)
    if not np.nanmax(np.abs(distance), initial=0.0) <= _FARTHEST:
        raise InputError(
            "no cross-track distance in the file, and it does not lie under the science orbit",
            where=where,
            remedy="give a granule with cross_track_distance or latitude_nadir, longitude_nadir",
        )
    return distance


def _signed_distance(
    nadir_lat: np.ndarray, nadir_lon: np.ndarray, lat: np.ndarray, lon: np.ndarray
) -> np.ndarray:
    if nadir_lat.size < 2:
        return np.full(lat.shape, np.nan)
    away, bearing = distance_and_bearing(nadir_lat[:, None], nadir_lon[:, None], lat, lon)
    ahead = np.minimum(np.arange(1, nadir_lat.size + 1), nadir_lat.size - 1)
    _, heading = distance_and_bearing(
        nadir_lat[ahead - 1], nadir_lon[ahead - 1], nadir_lat[ahead], nadir_lon[ahead]
    )
    return away * np.sin(np.radians(bearing - heading[:, None]))


def height_error(
    ds: xr.Dataset, cross_track: np.ndarray, where: str, *, unsmoothed: bool
) -> np.ndarray:
    """Standard deviation of the height's error: as the file gives it, else by distance (m)."""
    model = karin_noise(cross_track, unsmoothed=unsmoothed)
    if "ssh_karin_uncert" not in ds.variables:
        return model
    given = metres(ds, "ssh_karin_uncert", where)
    return np.where(np.isnan(given), model, given)


def line_times(ds: xr.Dataset, where: str) -> np.ndarray:
    """UTC times of the lines, datetime64[ns]; NaT where missing."""
    name = "time" if "time" in ds.variables else "time_tai"
    require_variables(ds, [name], where)
    units = str(ds[name].attrs.get("units", ""))
    if not units.startswith("seconds since 2000-01-01"):
        raise InputError(f"{name} is in '{units}', not seconds since 2000-01-01", where=where)
    seconds = _decoded(ds, name)
    if name == "time_tai":
        seconds = seconds - _tai_minus_utc(ds[name], where)
    missing = ~np.isfinite(seconds)
    nanoseconds = np.where(missing, 0.0, seconds * 1e9).round().astype("m8[ns]")
    return np.where(missing, np.datetime64("NaT", "ns"), _EPOCH + nanoseconds)


def _tai_minus_utc(time: xr.DataArray, where: str) -> float:
    if "tai_utc_difference" not in time.attrs:
        raise InputError(
            "only time_tai, without tai_utc_difference: UTC cannot be told",
            where=where,
            remedy="keep the variable time when subsetting",
        )
    return float(time.attrs["tai_utc_difference"])


def metres(ds: xr.Dataset, name: str, where: str) -> np.ndarray:
    """Unpack a variable in metres; InputError if it is missing or in other units."""
    require_variables(ds, [name], where)
    require_units(ds[name], ["m", "meters", "metres"], where)
    return _decoded(ds, name)


def degrees(ds: xr.Dataset, name: str, where: str = "") -> np.ndarray:
    """Unpack a latitude or longitude."""
    require_variables(ds, [name], where)
    return _decoded(ds, name)


def _decoded(ds: xr.Dataset, name: str) -> np.ndarray:
    """Unpack a variable opened without decoding: fill values become NaN."""
    variable = ds[name]
    try:
        raw = variable.values
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{name} cannot be read: {error}",
            where=str(ds.encoding.get("source", "")),
            remedy="the file is damaged: download it again",
        ) from error
    values = raw.astype(np.float64)
    for key in ("_FillValue", "missing_value"):
        if key in variable.attrs:
            values[raw == np.asarray(variable.attrs[key], raw.dtype)] = np.nan
    return values * float(variable.attrs.get("scale_factor", 1.0)) + float(
        variable.attrs.get("add_offset", 0.0)
    )
