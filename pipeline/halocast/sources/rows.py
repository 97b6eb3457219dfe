"""Observation rows: the one table every observing product is read into.

A row is one measurement of one variable at one place and time, with its instrument error and its
*fate*: a candidate for assimilation, or set aside and why. Nothing disappears silently: readers
keep what they flag, and count in the attribute ``dropped_*`` what never was a measurement.

Rows are an ``xarray.Dataset`` of 1-D columns on the dimension ``row``, in a canonical order
(time, product, platform, variable, latitude, longitude, value) that does not depend on the order
of the files they came from. Sorting costs O(n log n) where rows are unsorted, O(n) otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.sphere import wrap_longitude

VARIABLES: tuple[str, ...] = ("ssh", "u", "v", "t", "z")
"""State variables that can be observed; a row's ``variable`` is the place in this tuple."""

VARIABLE_UNITS: dict[str, str] = {"ssh": "m", "u": "m s-1", "v": "m s-1", "t": "K", "z": "1"}

PRODUCTS: tuple[str, ...] = (
    "other",
    "swot-basic",
    "swot-expert",
    "swot-unsmoothed",
    "gdp-6hourly",
    "gdp-hourly",
    "drifter-realtime",
    "twin",
    "twin-swath",
    "twin-drifter",
)
"""Observing products; a row's ``product`` is the place in this tuple."""


class Fate(IntEnum):
    """What became of an observation. The numbers are stored: never reuse one."""

    CANDIDATE = 0
    ASSIMILATED = 1
    WITHHELD = 2
    OUTSIDE = 3
    LAND = 4
    WINDOW = 5
    GROSS_ERROR = 6
    MERGED = 7
    FLAGGED_QUALITY = 20
    FLAGGED_CROSSOVER = 21
    FLAGGED_SURFACE = 22
    FLAGGED_SWATH_EDGE = 23
    FLAGGED_RANGE = 24
    FLAGGED_RAIN = 25
    FLAGGED_ICE = 26
    FLAGGED_POSITION = 27
    FLAGGED_SPEED = 28
    FLAGGED_TEMPERATURE = 29
    FLAGGED_DUPLICATE = 30
    FLAGGED_INVALID = 31
    FLAGGED_GAP = 32
    UNUSED = 40


FATE_MEANING: dict[Fate, str] = {
    Fate.CANDIDATE: "read, not yet used",
    Fate.ASSIMILATED: "assimilated",
    Fate.WITHHELD: "withheld to score against",
    Fate.OUTSIDE: "outside the model's region",
    Fate.LAND: "on a land cell",
    Fate.WINDOW: "outside the time window",
    Fate.GROSS_ERROR: "too far from the forecast",
    Fate.MERGED: "merged into a super-observation",
    Fate.FLAGGED_QUALITY: "quality flag of the product",
    Fate.FLAGGED_CROSSOVER: "crossover correction missing or of poor quality",
    Fate.FLAGGED_SURFACE: "not open ocean",
    Fate.FLAGGED_SWATH_EDGE: "too near nadir or the swath's outer edge",
    Fate.FLAGGED_RANGE: "value out of physical range",
    Fate.FLAGGED_RAIN: "rain",
    Fate.FLAGGED_ICE: "ice",
    Fate.FLAGGED_POSITION: "position uncertain, or outside the drifter's life at sea",
    Fate.FLAGGED_SPEED: "speed not credible",
    Fate.FLAGGED_TEMPERATURE: "temperature not credible",
    Fate.FLAGGED_DUPLICATE: "the same report again",
    Fate.FLAGGED_INVALID: "not finite, or an error that is not positive",
    Fate.FLAGGED_GAP: "too long since the last fix",
    Fate.UNUSED: "variable not assimilated in this run",
}

DROGUE_LOST, DROGUE_ATTACHED, DROGUE_UNCERTAIN = 0, 1, 2

COLUMNS: dict[str, np.dtype] = {
    "time": np.dtype("datetime64[ns]"),
    "lat": np.dtype("f8"),
    "lon": np.dtype("f8"),
    "variable": np.dtype("i1"),
    "value": np.dtype("f8"),
    "error": np.dtype("f8"),
    "product": np.dtype("i2"),
    "platform": np.dtype("i8"),
    "fate": np.dtype("i2"),
    "detail": np.dtype("i1"),
}

_SORT_KEYS = ("time", "product", "platform", "variable", "lat", "lon", "value")

_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "time": {"standard_name": "time", "long_name": "time of the measurement (UTC)"},
    "lat": {"standard_name": "latitude", "units": "degrees_north"},
    "lon": {"standard_name": "longitude", "units": "degrees_east", "valid_range": [-180.0, 180.0]},
    "variable": {
        "long_name": "measured state variable",
        "flag_values": list(range(len(VARIABLES))),
        "flag_meanings": " ".join(VARIABLES),
    },
    "value": {"long_name": "measured value, in the SI unit of its variable"},
    "error": {"long_name": "standard deviation of the instrument's error, same unit as value"},
    "product": {
        "long_name": "observing product",
        "flag_values": list(range(len(PRODUCTS))),
        "flag_meanings": " ".join(PRODUCTS),
    },
    "platform": {"long_name": "drifter ID, or SWOT cycle * 1000 + pass, or a twin's cycle"},
    "fate": {
        "long_name": "what became of the observation",
        "flag_values": [int(f) for f in Fate],
        "flag_meanings": " ".join(f.name.lower() for f in Fate),
    },
    "detail": {
        "long_name": "drifters: state of the drogue; otherwise 0",
        "flag_values": [DROGUE_LOST, DROGUE_ATTACHED, DROGUE_UNCERTAIN],
        "flag_meanings": "lost attached uncertain",
    },
}


def variable_code(name: str) -> int:
    """Return the code of a state variable; InputError names the ones there are."""
    return _code(name, VARIABLES, "variable")


def product_code(name: str) -> int:
    """Return the code of an observing product; InputError names the ones there are."""
    return _code(name, PRODUCTS, "product")


def _code(name: str, names: tuple[str, ...], kind: str) -> int:
    if name not in names:
        raise InputError(f"unknown {kind} '{name}'", remedy=f"use one of {', '.join(names)}")
    return names.index(name)


def make_rows(columns: Mapping[str, Any], attrs: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Build a table of rows, in the canonical order, from columns.

    Parameters
    ----------
    columns
        Arrays of length n, or scalars that hold for all rows, named as in ``COLUMNS``.
        ``fate`` and ``detail`` default to 0. Longitudes in any convention.
    attrs
        Attributes of the table.

    Returns
    -------
    Dataset with the columns of ``COLUMNS`` on ``row``. A value that is not finite, an error that
    is not positive or not finite, a place that is not on Earth: the row's fate becomes
    ``FLAGGED_INVALID``, unless it was set aside before.

    Raises
    ------
    InputError
        A column is missing, unknown, of another length, or cannot be a number or time.
    """
    given = {"fate": 0, "detail": 0, **columns}
    missing, unknown = set(COLUMNS) - set(given), set(given) - set(COLUMNS)
    if missing or unknown:
        raise InputError(
            f"observation rows need the columns {', '.join(COLUMNS)}",
            where=f"missing {sorted(missing)}, unknown {sorted(unknown)}",
        )
    lengths = {np.size(v) for v in given.values() if np.ndim(v) > 0}
    if len(lengths) > 1:
        raise InputError(f"columns of observation rows differ in length: {sorted(lengths)}")
    count = lengths.pop() if lengths else 1
    arrays = {}
    for name, dtype in COLUMNS.items():
        try:
            arrays[name] = np.array(np.broadcast_to(np.asarray(given[name], dtype), (count,)))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"column '{name}' cannot be read as {dtype}: {error}") from error
    arrays["lon"] = wrap_longitude(arrays["lon"])
    _flag_invalid(arrays)
    return _dataset(_sorted(arrays), attrs or {})


def empty_rows(attrs: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Return a table without rows."""
    return _dataset({name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}, attrs or {})


def sort_rows(rows: xr.Dataset) -> xr.Dataset:
    """Return the rows in the canonical order (a new table; the input stays as it is)."""
    return _dataset(_sorted(_arrays(rows)), rows.attrs)


def concat_rows(tables: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join tables into one, in the canonical order; counts ``dropped_*`` of the parts are added.

    Other attributes are kept where all the tables agree on them.
    """
    tables = list(tables)
    if not tables:
        return empty_rows()
    arrays = {
        name: np.concatenate([np.asarray(t[name].values, dtype) for t in tables])
        for name, dtype in COLUMNS.items()
    }
    return _dataset(_sorted(arrays), _merged_attributes([t.attrs for t in tables]))


def select_rows(rows: xr.Dataset, keep: np.ndarray) -> xr.Dataset:
    """Return the rows where ``keep`` (mask or indices, in rising order) selects them."""
    return _dataset({name: rows[name].values[keep] for name in COLUMNS}, rows.attrs)


def count_fates(rows: xr.Dataset) -> dict[Fate, int]:
    """Count the rows of each fate that occurs."""
    codes, counts = np.unique(rows["fate"].values, return_counts=True)
    return {Fate(int(code)): int(n) for code, n in zip(codes, counts)}


def set_aside(fate: np.ndarray, where: np.ndarray, why: Fate) -> None:
    """Give the fate ``why`` to the rows in the mask that are still candidates, in place.

    The first reason found is the one that stays.
    """
    fate[where & (fate == Fate.CANDIDATE)] = why


def validate_rows(rows: xr.Dataset, where: str = "") -> xr.Dataset:
    """Check that a table of rows keeps its promises, and return it.

    Raises
    ------
    InputError
        A column is missing or of another type; rows are out of order; a code is unknown; a
        candidate has no finite value, no positive error, or no place on Earth.
    """
    arrays = _arrays(rows, where)
    for name, dtype in COLUMNS.items():
        if arrays[name].dtype != dtype:
            raise InputError(f"column '{name}' is {arrays[name].dtype}, not {dtype}", where=where)
    if np.isnat(arrays["time"]).any():
        raise InputError("observation rows without a time", where=where)
    if (np.diff(arrays["time"]) < np.timedelta64(0, "ns")).any():
        raise InputError("rows not in order of time", where=where, remedy="call sort_rows")
    _check_codes(arrays["variable"], range(len(VARIABLES)), "variable", where)
    _check_codes(arrays["product"], range(len(PRODUCTS)), "product", where)
    _check_codes(arrays["fate"], [int(f) for f in Fate], "fate", where)
    usable = arrays["fate"] < Fate.FLAGGED_QUALITY
    bad = usable & _invalid(arrays)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{int(bad.sum())} usable rows are not valid; the first: value {arrays['value'][i]}, "
            f"error {arrays['error'][i]}, place {arrays['lat'][i]}N {arrays['lon'][i]}E",
            where=where or f"row {i}",
            remedy="build the table with make_rows, which flags such rows",
        )
    return rows


def _check_codes(codes: np.ndarray, known: Sequence[int] | range, name: str, where: str) -> None:
    unknown = sorted(set(np.unique(codes).tolist()) - set(known))
    if unknown:
        raise InputError(f"unknown {name} codes {unknown}", where=where)


def _arrays(rows: xr.Dataset, where: str = "") -> dict[str, np.ndarray]:
    missing = [name for name in COLUMNS if name not in rows.variables]
    if missing:
        raise InputError(f"observation rows lack the columns {missing}", where=where)
    return {name: rows[name].values for name in COLUMNS}


def _invalid(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    lat, lon = arrays["lat"], arrays["lon"]
    error = arrays["error"]
    with np.errstate(invalid="ignore"):
        measured = np.isfinite(arrays["value"]) & np.isfinite(error) & (error > 0.0)
        on_earth = (np.abs(lat) <= 90.0) & (lon >= -180.0) & (lon < 180.0)
    return ~(measured & on_earth)


def _flag_invalid(arrays: dict[str, np.ndarray]) -> None:
    if np.isnat(arrays["time"]).any():
        raise InputError(
            "observation rows without a time",
            remedy="leave out what has no time, and count it in an attribute dropped_…",
        )
    set_aside(arrays["fate"], _invalid(arrays), Fate.FLAGGED_INVALID)


def _sorted(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if _in_order(arrays):
        return arrays
    order = np.lexsort([arrays[name] for name in reversed(_SORT_KEYS)])
    return {name: values[order] for name, values in arrays.items()}


def _in_order(arrays: Mapping[str, np.ndarray]) -> bool:
    undecided = np.ones(max(arrays["time"].size - 1, 0), bool)
    for name in _SORT_KEYS:
        before, after = arrays[name][:-1], arrays[name][1:]
        if (undecided & (after < before)).any():
            return False
        undecided &= after == before
        if not undecided.any():
            return True
    return True


def _merged_attributes(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(key for part in parts for key in part):
        values = [part[name] for part in parts if name in part]
        if name.startswith("dropped_"):
            merged[name] = sum(values)
        elif len(values) == len(parts) and all(v == values[0] for v in values):
            merged[name] = values[0]
    return merged


def _dataset(arrays: Mapping[str, np.ndarray], attrs: Mapping[str, Any]) -> xr.Dataset:
    columns = {name: ("row", arrays[name], dict(_ATTRIBUTES[name])) for name in COLUMNS}
    return xr.Dataset(columns, attrs=dict(attrs))
