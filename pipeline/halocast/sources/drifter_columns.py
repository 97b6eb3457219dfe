"""From a drifter product's columns, whatever the file, to tracks in SI units."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from halocast.errors import InputError
from halocast.sources.drifter_tracks import Tracks, sort_tracks
from halocast.sources.rows import (
    DROGUE_ATTACHED,
    DROGUE_LOST,
    DROGUE_UNCERTAIN,
    Fate,
    set_aside,
)

TIMES = ("time", "drogue_lost_date", "start_date", "end_date")
IDENTIFIERS = ("ID", "id", "platform_code")
_UNCERTAIN = np.datetime64("1970-01-01", "ns")
_KILOMETRES_A_DEGREE = 111.2
_CONFIDENCE_95 = 1.96

_SPEED = {"m/s": 1.0, "m s-1": 1.0, "m.s-1": 1.0, "meters/second": 1.0,
          "cm/s": 0.01, "cm s-1": 0.01}  # fmt: skip
_KELVIN = {"K": 0.0, "Kelvin": 0.0, "kelvin": 0.0, "degree_K": 0.0, "degrees_K": 0.0,
           "degree_C": 273.15, "degrees_C": 273.15, "degree_Celsius": 273.15,
           "degrees_Celsius": 273.15, "Celsius": 273.15, "celsius": 273.15, "degC": 273.15,
           "deg_C": 273.15, "C": 273.15}  # fmt: skip


class Columns(NamedTuple):
    """Columns of one file by name: numbers as float64, times as datetime64[ns], identifiers int64.

    Missing numbers are NaN, missing times NaT. ``units`` may lack a name; ``where`` is the file.
    """

    values: dict[str, np.ndarray]
    units: dict[str, str]
    where: str

    def first(self, *names: str) -> str | None:
        """The first of several names that is a column."""
        return next((name for name in names if name in self.values), None)


def to_tracks(columns: Columns) -> tuple[Tracks, int]:
    """Bring a product's columns into SI units, sorted by drifter and time.

    Returns
    -------
    The tracks and how many reports without a time were left out. Reports outside the drifter's
    life at sea carry the fate FLAGGED_POSITION, repeated ones FLAGGED_DUPLICATE.

    Raises
    ------
    InputError
        A column that is needed is missing, a unit is missing or unknown, or latitude and longitude
        are exchanged.
    """
    time = columns.values["time"]
    lat, lon = _require(columns, "latitude", "lat"), _require(columns, "longitude", "lon", "lon360")
    _refuse_exchanged(lat, lon, columns.where)
    count = time.size
    missing = np.full(count, np.nan)
    u, v = _velocity(columns, "ve", "u"), _velocity(columns, "vn", "v")
    tracks = Tracks(
        platform=_require(columns, *IDENTIFIERS),
        time=time,
        lat=lat,
        lon=lon,
        u=missing if u is None else u,
        v=missing if v is None else v,
        t=_temperature(columns),
        error_u=_error(columns, "err_ve"),
        error_v=_error(columns, "err_vn"),
        error_t=missing,
        position_error=_position_error(columns),
        gap=_gap(columns),
        drogue=_drogue(columns),
        fate=_life_at_sea(columns),
        interpolated=np.zeros(count, bool),
    )
    known = ~np.isnat(time)
    return sort_tracks(tracks.at(known)), int(count - known.sum())


def has_velocity(columns: Columns) -> bool:
    """Whether the product reports velocities itself."""
    return columns.first("ve", "u") is not None and columns.first("vn", "v") is not None


def has_temperature(columns: Columns) -> bool:
    """Whether the product reports temperature."""
    return columns.first("sst", "temp") is not None


def parse_identifiers(texts: np.ndarray, where: str) -> np.ndarray:
    """Turn identifiers (5 to 15 digits) from text into int64, never through floats.

    Raises
    ------
    InputError
        One is not a whole number.
    """
    stripped = [str(text).strip().strip('"') for text in texts]
    for text in dict.fromkeys(stripped):
        if not re.fullmatch(r"\d{1,18}", text):
            raise InputError(
                f"drifter identifier {text!r} is not a whole number",
                where=where,
                remedy="keep identifiers as integers or text; 15 digits do not survive a float32",
            )
    return np.array([int(text) for text in stripped], np.int64)


def _require(columns: Columns, *names: str) -> np.ndarray:
    name = columns.first(*names)
    if name is None:
        raise InputError(
            f"no column {' or '.join(names)}; there are {', '.join(columns.values)}",
            where=columns.where,
            remedy="ask for time, latitude, longitude, the ID, ve, vn and sst",
        )
    return columns.values[name]


def _unit(columns: Columns, name: str, known: dict[str, float]) -> float:
    unit = columns.units.get(name, "").strip()
    if unit not in known:
        raise InputError(
            f"column {name} is in '{unit}'" if unit else f"column {name} has no unit",
            where=columns.where,
            remedy=f"expected one of {', '.join(known)}; keep the row of units (.csv or .csvp)",
        )
    return known[unit]


def _velocity(columns: Columns, *names: str) -> np.ndarray | None:
    name = columns.first(*names)
    if name is None:
        return None
    return columns.values[name] * _unit(columns, name, _SPEED)


def _temperature(columns: Columns) -> np.ndarray:
    name = columns.first("sst", "temp")
    if name is None:
        return np.full(columns.values["time"].size, np.nan)
    return columns.values[name] + _unit(columns, name, _KELVIN)


def _error(columns: Columns, name: str) -> np.ndarray:
    """Standard deviation from the product's 95 % confidence interval; NaN where not told."""
    if name not in columns.values:
        return np.full(columns.values["time"].size, np.nan)
    return columns.values[name] * _unit(columns, name, _SPEED) / _CONFIDENCE_95


def _position_error(columns: Columns) -> np.ndarray:
    """The larger error of latitude and longitude in m, in kilometres where no unit is given."""
    largest = np.full(columns.values["time"].size, np.nan)
    for name in ("err_lat", "err_lon"):
        if name in columns.values:
            unit = columns.units.get(name, "").lower()
            factor = 1e3 * (_KILOMETRES_A_DEGREE if unit.startswith("degree") else 1.0)
            largest = np.fmax(largest, columns.values[name] * (1.0 if unit == "m" else factor))
    return largest


def _gap(columns: Columns) -> np.ndarray:
    if "gap" not in columns.values:
        return np.full(columns.values["time"].size, np.nan)
    units = {"": 1.0, "s": 1.0, "seconds": 1.0, "second": 1.0, "hours": 3600.0, "minutes": 60.0}
    return columns.values["gap"] * _unit(columns, "gap", units)


def _drogue(columns: Columns) -> np.ndarray:
    """Whether the drogue is attached: the date of its loss is empty, or later than the report.

    The date 1970-01-01 says that it was uncertain from the beginning.
    """
    count = columns.values["time"].size
    if "drogue_lost_date" in columns.values:
        lost = columns.values["drogue_lost_date"]
        state = np.where(columns.values["time"] < lost, DROGUE_ATTACHED, DROGUE_LOST)
        state = np.where(np.isnat(lost), DROGUE_ATTACHED, state)
        return np.where(lost == _UNCERTAIN, DROGUE_UNCERTAIN, state).astype(np.int8)
    if "drogue_status" in columns.values:
        status = columns.values["drogue_status"]
        state = np.where(status > 0, DROGUE_ATTACHED, DROGUE_LOST)
        return np.where(np.isnan(status), DROGUE_UNCERTAIN, state).astype(np.int8)
    return np.full(count, DROGUE_UNCERTAIN, np.int8)


def _life_at_sea(columns: Columns) -> np.ndarray:
    fate = np.zeros(columns.values["time"].size, np.int16)
    time = columns.values["time"]
    if "start_date" in columns.values:
        set_aside(fate, time < columns.values["start_date"], Fate.FLAGGED_POSITION)
    if "end_date" in columns.values:
        set_aside(fate, time > columns.values["end_date"], Fate.FLAGGED_POSITION)
    return fate


def _refuse_exchanged(lat: np.ndarray, lon: np.ndarray, where: str) -> None:
    with np.errstate(invalid="ignore"):
        if (np.abs(lat) > 90.0).any() and not (np.abs(lon) > 90.0).any():
            raise InputError(
                f"latitudes reach {np.nanmax(np.abs(lat)):g}: latitude and longitude are exchanged",
                where=where,
                remedy="name the columns as the product does",
            )
