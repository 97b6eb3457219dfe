"""Drifter tracks in netCDF: ragged arrays (clouddrift: ``rowsize`` reports a drifter, end to end)
and the archive's file a drifter (``traj`` = 1, ``obs``). Fill values are -1e34, times included."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.drifter_columns import IDENTIFIERS, TIMES, Columns, parse_identifiers
from halocast.sources.files import open_netcdf

_LARGEST = 1e33  # fill values are beyond this
_UNITS = re.compile(r"(seconds|minutes|hours|days) since (\d{4}-\d{2}-\d{2})[T ]?([\d:]*)")
_SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
_WANTED = (
    *IDENTIFIERS, *TIMES, "latitude", "lat", "longitude", "lon", "lon360", "ve", "vn", "u", "v",
    "sst", "temp", "err_lat", "err_lon", "err_ve", "err_vn", "gap", "drogue_status",
)  # fmt: skip


def read_netcdf(path: str | Path) -> Columns:
    """Read a ragged or per-drifter netCDF file into columns with one value a report.

    Raises
    ------
    InputError
        The file is damaged, has no reports, or its row sizes do not add up to them.
    """
    where = str(path)
    with open_netcdf(path, mask_and_scale=False, decode_times=False) as ds:
        if "time" not in ds.variables:
            raise InputError(
                f"no variable time; there are {', '.join(map(str, ds.variables))}",
                where=where,
                remedy="give a drifter file: ragged, or one of the archive's drifter_6h_ID.nc",
            )
        count = int(ds["time"].size)
        if count == 0:
            raise InputError(
                "the file holds no reports", where=where, remedy="widen the request's box or times"
            )
        sizes = _row_sizes(ds, count, where)
        values, units = {}, {}
        for name in _WANTED:
            if name in ds.variables:
                values[name] = _a_report(_convert(name, ds[name], where), sizes, count, name, where)
                units[name] = str(ds[name].attrs.get("units", ""))
    return Columns(values, units, where)


def _row_sizes(ds: xr.Dataset, count: int, where: str) -> np.ndarray:
    name = next((n for n in ("rowsize", "row_size", "count") if n in ds.variables), None)
    sizes = np.array([count]) if name is None else ds[name].values.astype(np.int64)
    if sizes.sum() != count or (sizes < 0).any():
        raise InputError(
            f"the row sizes add up to {int(sizes.sum())} reports, the file has {count}",
            where=where,
            remedy="subset ragged arrays by whole drifters, and their row sizes with them",
        )
    return sizes


def _convert(name: str, variable: xr.DataArray, where: str) -> np.ndarray:
    if name in IDENTIFIERS:
        return _identifiers(variable.values, where)
    values = np.asarray(variable.values, np.float64)
    missing = ~np.isfinite(values) | (np.abs(values) > _LARGEST)
    fill = variable.attrs.get("_FillValue")
    if fill is not None:
        missing |= values == float(fill)
    values = np.where(missing, np.nan, values)
    if name in TIMES:
        return _decode_times(values, str(variable.attrs.get("units", "")), name, where).ravel()
    scale = float(variable.attrs.get("scale_factor", 1.0))
    return (values * scale + float(variable.attrs.get("add_offset", 0.0))).ravel()


def _decode_times(values: np.ndarray, units: str, name: str, where: str) -> np.ndarray:
    found = _UNITS.match(units)
    if found is None:
        raise InputError(
            f"{name} is in '{units}', not seconds, hours or days since a date", where=where
        )
    clock = found[3] if re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", found[3]) else "00:00:00"
    epoch = np.datetime64(f"{found[2]}T{clock}", "ns")
    missing = np.isnan(values)
    seconds = np.where(missing, 0.0, values * _SECONDS[found[1]])
    whole = np.floor(seconds)
    nanoseconds = whole.astype(np.int64) * 10**9 + np.round((seconds - whole) * 1e9).astype(
        np.int64
    )
    decoded = epoch + nanoseconds.astype("m8[ns]")
    decoded[missing] = np.datetime64("NaT")
    return decoded


def _identifiers(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind in "iu":
        return values.astype(np.int64).ravel()
    if (
        values.dtype.kind == "f"
        and values.dtype.itemsize == 8
        and (values == np.floor(values)).all()
    ):
        return values.astype(np.int64).ravel()  # exact up to 2**53, 15 digits
    if values.dtype.kind == "f":
        raise InputError(
            f"identifiers are stored as {values.dtype}, which has lost their digits",
            where=where,
            remedy="store them as int64 or text",
        )
    if values.dtype.kind == "S" and values.dtype.itemsize == 1 and values.ndim:  # characters
        values = np.ascontiguousarray(values.reshape(-1, values.shape[-1]))
        values = values.view(f"S{values.shape[-1]}").ravel()
    texts = [v.decode() if isinstance(v, bytes) else str(v) for v in np.ravel(values)]
    return parse_identifiers(np.array(texts, object), where)


def _a_report(
    values: np.ndarray, sizes: np.ndarray, count: int, name: str, where: str
) -> np.ndarray:
    """Repeat what is told once a drifter for each of its reports."""
    if values.size == count and not (values.size == sizes.size and (sizes != 1).any()):
        return values
    if values.size == sizes.size:
        return np.repeat(values, sizes)
    raise InputError(
        f"{name} has {values.size} values, for {count} reports of {sizes.size} drifters",
        where=where,
    )
