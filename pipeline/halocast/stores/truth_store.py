"""The truth of a twin experiment in a data store: the state the observations were made from.

Group ``/truth``: one array, dimensions (time, field, y, x), one chunk a time. Times are appended;
the length of ``time`` grows last, so a reader never sees a time without its state.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.state import Field, StateLayout
from halocast.stores.arrays import array_at, array_layout, attributes, create_arrays
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.grid_store import read_grid, time_coordinate
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.versioning import open_root


def write_truth(
    path: str | Path | Place,
    time: np.datetime64 | np.ndarray,
    fields: np.ndarray,
    layout: StateLayout,
) -> None:
    """Append the true state at one or several times to the data store at ``path``.

    Parameters
    ----------
    path
        A data store that has its grid already.
    time
        One time, or times (n,), later than all the store has.
    fields
        State (F, ny, nx), or states (n, F, ny, nx).
    layout
        What the fields are.

    Raises
    ------
    StoreError
        There is no grid, something does not fit, or the disk is full.
    """
    path = locate(path)
    times = np.atleast_1d(np.asarray(time, "datetime64[s]"))
    states = np.asarray(fields, "f8").reshape(-1, *np.shape(fields)[-3:])
    grid = read_grid(path)
    if states.shape != (times.size, len(layout), *grid.shape):
        raise StoreError(
            f"states of shape {states.shape} where "
            f"{(times.size, len(layout), *grid.shape)} is needed",
            where=f"{path}/truth",
        )
    try:
        _append(path, times, states, layout, grid)
    except OSError as error:
        raise StoreError(
            f"could not write the truth: {error.strerror or error}",
            where=str(error.filename or path),
            remedy="make room (or repair the disk) and write it again",
        ) from error


def _append(
    path: Place, times: np.ndarray, states: np.ndarray, layout: StateLayout, grid: Grid
) -> None:
    root = open_root(path, "data", "r+")
    if "truth/time" not in root:
        (path / "truth").remove_all()  # of a writer that died
        _create(root, layout, grid)
    group = root.require_group("truth")
    if attributes(group)["layout"] != [asdict(f) for f in layout.fields]:
        raise StoreError("the store's truth has other fields", where=f"{path}/truth")
    array, axis = array_at(group, "state"), array_at(group, "time")
    known = np.asarray(axis[:]).astype("datetime64[s]")
    steps = np.diff(np.concatenate([known[-1:], times]))
    if (steps <= np.timedelta64(0, "s")).any():
        raise StoreError(
            f"times {times[0]} to {times[-1]} do not rise from the last one in the store, "
            f"{known[-1] if known.size else 'none'}",
            where=f"{path}/truth",
            remedy="make a new store for another truth",
        )
    n = known.size
    array.resize((n + times.size, *array.shape[1:]))
    files, marks = ChunkFiles(path, array), ChunkFiles(path, axis)
    for i, (time, state) in enumerate(zip(times, states), n):
        files.write((i, 0, 0, 0), state[None])
        marks.write((i,), np.array([time]).astype("i8"))
    axis.resize((n + times.size,))


def _create(root: zarr.Group, layout: StateLayout, grid: Grid) -> None:
    group = root.require_group("truth")
    group.attrs["layout"] = [asdict(f) for f in layout.fields]
    shape = (len(layout), *grid.shape)
    axis = time_coordinate(np.empty(0, "datetime64[s]"))
    create_arrays(
        group,
        {
            "state": array_layout((0, *shape), (1, *shape), "f8", ("time", "field", "y", "x")),
            "time": array_layout((0,), (1,), "i8", axis.dims, fill=0, attrs=axis.attrs),
        },
    )


class Truth:
    """The truth in a data store. Get it by ``open``; it travels between processes by its path."""

    def __init__(self, path: Place) -> None:
        self.path = path
        root = open_root(path, "data")
        if "truth/time" not in root:
            raise StoreError(
                "the store holds no truth",
                where=str(path),
                remedy="only twin experiments and synthetic data have one",
            )
        group = root.require_group("truth")
        self.layout = StateLayout(tuple(Field(**f) for f in attributes(group)["layout"]))
        self.times = np.asarray(array_at(group, "time")[:]).astype("datetime64[s]")
        self._files = ChunkFiles(path, array_at(group, "state"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    @classmethod
    def open(cls, path: str | Path | Place) -> Truth:
        """Open the truth of the data store at ``path``; StoreError where there is none."""
        return cls(locate(path))

    def at(self, time: np.datetime64) -> np.ndarray:
        """Return the state (F, ny, nx) at a time; StoreError where there is none at that time."""
        i = int(np.searchsorted(self.times, time))
        if i == self.times.size or self.times[i] != time:
            raise StoreError(
                f"no truth at {time}; there is one at {self.times.size} times"
                + (f" from {self.times[0]} to {self.times[-1]}" if self.times.size else ""),
                where=f"{self.path}/truth",
                remedy="make the truth at the run's analysis times",
            )
        return self._files.read((i, 0, 0, 0))[0].copy()
