"""Drifter tables as ERDDAP answers them: ``.csv`` with a row of units, ``.csvp`` with units beside
the names; GDP six-hourly and hourly, and real-time reports (OSMC)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from halocast.errors import InputError
from halocast.sources.drifter_columns import IDENTIFIERS, TIMES, Columns, parse_identifiers
from halocast.sources.files import require_text

_NAME_AND_UNIT = re.compile(r"\s*(?P<name>[^()]+?)\s*(?:\((?P<unit>[^()]*)\))?\s*")
_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}")


def read_csv(path: str | Path) -> Columns:
    """Read a table of drifter reports.

    Raises
    ------
    InputError
        The file is missing, empty, a web page or an error message, or holds no reports.
    """
    require_text(path)
    where = str(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"the table cannot be read: {str(error).strip()}",
            where=where,
            remedy="download it again: it is not CSV, or a line was cut short",
        ) from error
    names, units = _split_header([str(column) for column in table.columns])
    table.columns = pd.Index(names)
    if "time" not in names:
        raise InputError(
            f"no column 'time': not a table of drifter reports but {' '.join(names)[:80]!r}",
            where=where,
            remedy="ask ERDDAP for .csv or .csvp with time, latitude, longitude and the ID; a "
            "request without results is answered by an error message",
        )
    if len(table) and not units and not _DATE.match(table["time"].iloc[0]):
        units = {name: str(unit).strip() for name, unit in zip(names, table.iloc[0])}
        table = table.iloc[1:]
    if table.empty:
        raise InputError(
            "the ERDDAP answer is empty: a header without reports",
            where=where,
            remedy="widen the request's box or times; GDP hourly ends on 2022-10-31, GDP "
            "six-hourly some months before today",
        )
    return Columns({name: _convert(name, table[name], where) for name in names}, units, where)


def _split_header(header: list[str]) -> tuple[list[str], dict[str, str]]:
    """Separate names and units of a ``.csvp`` header; units are empty for plain ``.csv``."""
    found = [_NAME_AND_UNIT.fullmatch(column) for column in header]
    names = [match["name"] if match else column for match, column in zip(found, header)]
    units = {match["name"]: match["unit"] for match in found if match and match["unit"]}
    return names, units


def _convert(name: str, column: pd.Series, where: str) -> np.ndarray:
    if name in IDENTIFIERS:
        return parse_identifiers(column.to_numpy(object), where)
    if name in TIMES:
        parsed = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
        return parsed.dt.tz_localize(None).to_numpy("M8[ns]")
    # empty cells and words become NaN
    return pd.to_numeric(column, errors="coerce").to_numpy("f8")
