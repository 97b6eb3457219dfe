"""Observations in a data store: all rows ever ingested, in order of time, each with its fate.

Group ``/observations``: one array a column (sources/rows.py), dimension row, chunks of 65,536
rows. The time column is kept in memory (8 MB a million rows), so a window reads only the chunks
its rows are in.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from halocast.sources.rows import (
    COLUMNS,
    PRODUCTS,
    VARIABLES,
    Fate,
    concat_rows,
    make_rows,
    validate_rows,
)
from halocast.stores.arrays import array_at, array_layout, create_arrays
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.revisions import Revision, has_revision, new_revision, plain_attrs

CHUNK = 65_536
_SAME_MEASUREMENT = ("time", "variable", "platform", "lat", "lon")


def write_observations(path: str | Path | Place, rows: xr.Dataset) -> dict[str, int]:
    """Merge rows with those of the data store at ``path``, and swap the result in atomically.

    A row that the store has already, equal in everything but its fate, is not taken again, so
    ingesting a file twice changes nothing. A measurement that two products report (same time,
    variable, platform and place) stays, and all but the first are ``FLAGGED_DUPLICATE``.

    Returns
    -------
    Counts: ``added`` rows, rows ``known`` before, and ``duplicates`` among the added.

    Raises
    ------
    InputError
        The rows break the promises of sources/rows.py.
    StoreError
        There is no store, or the disk is full; the store is unchanged then.
    """
    path = locate(path)
    validate_rows(rows, where=str(path))
    stored = Observations.open(path).rows() if has_revision(path, "observations") else None
    fresh = _unknown(rows, stored)
    added = rows.isel(row=fresh)
    counts = {"added": int(fresh.sum()), "known": int((~fresh).sum()), "duplicates": 0}
    if stored is not None and not counts["added"]:
        return counts
    merged = added if stored is None else concat_rows([stored, added])
    merged, counts["duplicates"] = _flag_duplicates(merged)
    _write(path, merged)
    return counts


def _unknown(rows: xr.Dataset, stored: xr.Dataset | None) -> np.ndarray:
    """Mark the rows that are new: not in the store, and not a repetition of an earlier row."""
    before = 0 if stored is None else stored.sizes["row"]
    keys = []
    for name in COLUMNS:
        if name != "fate":
            parts = [table[name].values for table in (stored, rows) if table is not None]
            keys.append(_sortable(np.concatenate(parts)))
    order = np.lexsort(keys)  # stable: among equals the stored row, then the first, comes first
    repeated = np.zeros(order.size, bool)
    repeated[order[1:]] = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    return ~repeated[before:]


def _flag_duplicates(rows: xr.Dataset) -> tuple[xr.Dataset, int]:
    keys = [_sortable(rows[name].values) for name in _SAME_MEASUREMENT]
    fate = rows["fate"].values.copy()
    candidate = fate == Fate.CANDIDATE
    order = np.lexsort([*keys, ~candidate])[: candidate.sum()]
    again = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    fate[order[1:][again]] = Fate.FLAGGED_DUPLICATE
    return rows.assign(fate=rows["fate"].copy(data=fate)), int(again.sum())


def _sortable(values: np.ndarray) -> np.ndarray:
    """Return the bits of a column: NaN equals NaN then."""
    return values.view("i8") if values.dtype.itemsize == 8 else values


def _write(path: Place, rows: xr.Dataset) -> None:
    with new_revision(path, "observations", plain_attrs(rows.attrs)) as group:
        columns = {name: rows[name].values for name in COLUMNS}
        columns["time"] = columns["time"].view("i8")
        layouts = {
            name: array_layout(
                values.shape, (CHUNK,), values.dtype, ("row",),
                fill=0, attrs=plain_attrs(rows[name].attrs), compress=True,
            )
            for name, values in columns.items()
        }  # fmt: skip
        layouts["time"].attributes["units"] = "nanoseconds since 1970-01-01"
        create_arrays(group, layouts)
        for name, values in columns.items():
            files = ChunkFiles(path, array_at(group, name))
            for c, first in enumerate(range(0, values.size, CHUNK)):
                part = values[first : first + CHUNK]
                files.write((c,), np.concatenate([part, np.zeros(CHUNK - part.size, part.dtype)]))


class Observations:
    """The observation rows of a data store. Get it by ``open``; it travels by its path."""

    def __init__(self, path: Place) -> None:
        self.path = path
        self._revision = Revision(path, "observations")
        self._arrays = {name: array_at(self._revision.group, name) for name in COLUMNS}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    @classmethod
    def open(cls, path: str | Path | Place) -> Observations:
        """Open the observations of the data store at ``path``; StoreError where there are none."""
        return cls(locate(path))

    def __len__(self) -> int:
        return self._arrays["time"].shape[0]

    @cached_property
    def times(self) -> np.ndarray:
        """Times of all rows, datetime64[ns], not falling."""
        return np.asarray(self._arrays["time"][:]).view("datetime64[ns]")

    def window(self, start: np.datetime64, stop: np.datetime64) -> xr.Dataset:
        """Return the rows with start < time <= stop, with their numbers as coordinate ``row``."""
        edges = np.array([start, stop], self.times.dtype)
        first, last = np.searchsorted(self.times, edges, "right")
        return self.rows(int(first), int(last))

    def rows(self, first: int = 0, last: int | None = None) -> xr.Dataset:
        """Return the rows first…last-1, with their numbers as coordinate ``row``."""
        self._revision.require_current()
        last = len(self) if last is None else last
        columns: dict[str, Any] = {
            name: np.asarray(array[first:last]) for name, array in self._arrays.items()
        }
        columns["time"] = columns["time"].view("datetime64[ns]")
        rows = make_rows(columns, self._revision.attrs)
        return rows.assign_coords(row=np.arange(first, last))

    def platforms(self, start: np.datetime64, stop: np.datetime64) -> tuple[np.ndarray, np.ndarray]:
        """Return product and platform of the candidates with start < time <= stop."""
        edges = np.array([start, stop], self.times.dtype)
        first, last = np.searchsorted(self.times, edges, "right")
        self._revision.require_current()
        product, platform, fate = (
            np.asarray(self._arrays[name][first:last]) for name in ("product", "platform", "fate")
        )
        candidate = fate == Fate.CANDIDATE
        return product[candidate], platform[candidate]

    def counts(self) -> dict[tuple[str, str, Fate], int]:
        """Count the rows by product, variable and fate."""
        self._revision.require_current()
        names = ("product", "variable", "fate")
        codes = np.stack([np.asarray(self._arrays[name][:]).astype("i8") for name in names])
        kinds, numbers = np.unique(codes, axis=1, return_counts=True)
        return {
            (PRODUCTS[p], VARIABLES[v], Fate(f)): int(n)
            for (p, v, f), n in zip(kinds.T.tolist(), numbers)
        }
