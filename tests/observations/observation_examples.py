"""A small ocean to observe: a grid with an island, a layout, and raw rows."""

from __future__ import annotations

import numpy as np
import xarray as xr
from halocast.grid import Grid
from halocast.observations import (
    ObservationSettings,
    ObservationTable,
    prepare_observations,
)
from halocast.sources.rows import COLUMNS, make_rows
from halocast.state import Field, StateLayout

START = np.datetime64("2024-08-01T00:00:00", "s")
STOP = np.datetime64("2024-08-01T01:00:00", "s")
WINDOW = (START, STOP)
SSH, U, V, T, Z = range(5)
SWOT, GDP, OTHER = 1, 4, 0

LAYOUT = StateLayout(
    (
        Field("ssh", None, "m", "sea-surface height"),
        Field("u", 0, "m s-1", "eastward velocity", place="east"),
        Field("v", 0, "m s-1", "northward velocity", place="north"),
        Field("t", 0, "K", "temperature"),
    )
)
PLAIN = ObservationSettings.model_validate(
    {name: {"representativeness": 0.0} for name in ("ssh", "u", "v", "t")}
    | {"swot": {"correlated_share": 0.0}}
)
"""No error but the instrument's, independent between pixels."""


def plain(**sections) -> ObservationSettings:
    """PLAIN with some sections replaced, keys merged."""
    base = PLAIN.model_dump()
    for name, section in sections.items():
        base[name] = base[name] | section if isinstance(section, dict) else section
    return ObservationSettings.model_validate(base)


def ocean() -> Grid:
    """8 by 10 cells of one degree from 20N 40W, with an island in cell (4, 5)."""
    sea = np.ones((8, 10), bool)
    sea[4, 5] = False
    return Grid.sphere(20, 28, 8, -40, -30, 10, sea=sea)


def make(number: int | None = None, **columns) -> xr.Dataset:
    """Rows in the canonical order, numbered from ``number``; what is not given has a default."""
    base = {
        "time": STOP.astype("datetime64[ns]"),
        "lat": 22.3,
        "lon": -36.6,
        "variable": SSH,
        "value": 0.5,
        "error": 0.1,
        "product": SWOT,
        "platform": 10_001,
    }
    rows = make_rows(base | columns)
    return rows if number is None else numbered(rows, number)


def numbered(rows: xr.Dataset, first: int = 0) -> xr.Dataset:
    return rows.assign_coords(row=("row", first + np.arange(rows.sizes["row"])))


def raw(**columns) -> xr.Dataset:
    """Rows exactly as given, bad ones included: no sorting, no flags."""
    n = max(np.size(c) for c in columns.values())
    base = {name: make()[name].values[0] for name in COLUMNS} | columns
    arrays = {
        name: ("row", np.broadcast_to(np.asarray(base[name], dtype), (n,)).copy())
        for name, dtype in COLUMNS.items()
    }
    return xr.Dataset(arrays)


def at_cells(variable: int, value, error, setting=PLAIN) -> ObservationTable:
    """A table of one observation in each of the first cells of the top row, none merged."""
    value = np.asarray(value, dtype=float)
    j, i = np.divmod(np.arange(value.size), 10)
    rows = raw(
        variable=variable, value=value, error=error, lat=27.5 - j, lon=-39.5 + i, product=OTHER
    )
    table, _ = prepare_observations(numbered(rows), ocean(), LAYOUT, setting, 1, WINDOW)
    return table.take(np.argsort(table.id))


def mixture(seed: int, n: int = 400) -> xr.Dataset:
    """Rows of every kind, in and out of the domain, window and quality, numbered from 1000."""
    rng = np.random.default_rng(seed)
    product = rng.choice([SWOT, GDP, OTHER], n)
    variable = np.where(product == SWOT, SSH, rng.choice([U, V, T], n))
    error = rng.uniform(0.02, 0.2, n)
    rows = raw(
        time=(START + rng.integers(-600, 4200, n)).astype("datetime64[ns]"),
        lat=rng.uniform(19.5, 28.5, n),
        lon=rng.uniform(-40.5, -29.5, n),
        variable=variable,
        value=np.where(rng.random(n) < 0.03, np.nan, rng.normal(size=n)),
        error=np.where(rng.random(n) < 0.03, -1.0, error),
        product=product,
        platform=np.where(product == SWOT, rng.integers(10_001, 10_004, n), rng.integers(1, 60, n)),
        fate=np.where(rng.random(n) < 0.05, 25, 0),
        detail=rng.integers(0, 3, n),
    )
    return numbered(rows, 1000)
