"""Writing forcing into a data store: new steps are merged with those it has, or nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.stores.arrays import array_at, array_layout, create_arrays, write_coordinates
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.forcing_store import UNITS, Forcing
from halocast.stores.grid_store import axis_coordinate, read_grid, time_coordinate
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.revisions import has_revision, new_revision, plain_attrs

REQUIRED = ("ssh", "u", "v", "t")


def write_forcing(path: str | Path | Place, ds: xr.Dataset) -> None:
    """Put forcing into the data store at ``path``, beside what it holds.

    Parameters
    ----------
    path
        A data store that has its grid already.
    ds
        Variables ssh (m), u, v (m s⁻¹), t (K) and perhaps tau_x, tau_y (N m⁻²), dimensions
        (time, y, x), at the grid's cell centres. Its attributes (how it was made; the product's
        ``missing_times``) are kept. A step the store has already is replaced. Steps are read one
        at a time, so it may be lazy.

    Raises
    ------
    StoreError
        There is no grid; shape, units or variables do not fit; times are not strictly rising;
        the disk is full. The store is unchanged then.
    """
    path = locate(path)
    grid = read_grid(path)
    _check(ds, grid, str(path))
    old = Forcing.open(path) if has_revision(path, "forcing") else None
    if old is not None and set(old.variables) != set(ds.data_vars):
        raise StoreError(
            f"the store's forcing has {', '.join(sorted(old.variables))}, the new one "
            f"{', '.join(sorted(map(str, ds.data_vars)))}",
            where=str(path),
            remedy="ingest into a new store",
        )
    given = ds["time"].values.astype("datetime64[s]")
    times = given if old is None else np.union1d(given, old.times)
    with new_revision(path, "forcing", _attrs(ds, old, times)) as group:
        files = _create(path, group, ds, grid, times)
        for i, time in enumerate(times):
            if time in given:
                step = ds.isel(time=int(np.searchsorted(given, time)))
                values = {name: step[name].values for name in files}
            else:
                assert old is not None
                values = old.step(int(np.searchsorted(old.times, time)))
            for name, array in files.items():
                array.write((i, 0, 0), np.asarray(values[name], "f8")[None])


def _check(ds: xr.Dataset, grid: Grid, where: str) -> None:
    missing, unknown = set(REQUIRED) - set(ds.data_vars), set(ds.data_vars) - set(UNITS)
    if missing or unknown:
        raise StoreError(
            f"forcing needs {', '.join(REQUIRED)}; missing {sorted(missing)}, "
            f"unknown {sorted(map(str, unknown))}",
            where=where,
        )
    _check_times(ds, where)
    for name, values in ds.data_vars.items():
        if values.dims != ("time", "y", "x") or values.shape[1:] != grid.shape:
            raise StoreError(
                f"{name} has dimensions {dict(values.sizes)}, not (time, y, x) of the grid "
                f"{grid.shape}",
                where=where,
                remedy="interpolate to the model grid first",
            )
        units = values.attrs.get("units", UNITS[str(name)])
        if units != UNITS[str(name)]:
            raise StoreError(f"{name} is in {units!r}, not {UNITS[str(name)]!r}", where=where)
    for axis, names in (("y", ("y", "lat")), ("x", ("x", "lon"))):
        for name in names:
            _check_axis(ds, name, getattr(grid, axis), where)


def _check_times(ds: xr.Dataset, where: str) -> None:
    if "time" not in ds.coords or ds.sizes.get("time", 0) == 0:
        raise StoreError("forcing without times", where=where)
    times = ds["time"].values
    if np.isnat(times).any() or (np.diff(times) <= np.timedelta64(0, "s")).any():
        raise StoreError(
            "the times of the forcing are not strictly rising",
            where=where,
            remedy="sort them and leave duplicates out: ds.sortby('time').drop_duplicates('time')",
        )


def _check_axis(ds: xr.Dataset, name: str, axis: np.ndarray, where: str) -> None:
    if name in ds.coords and not np.allclose(ds[name].values, axis, rtol=0, atol=1e-6):
        raise StoreError(
            f"{name} runs from {ds[name].values[0]} to {ds[name].values[-1]}; the grid's from "
            f"{axis[0]} to {axis[-1]}",
            where=where,
            remedy="interpolate to the model grid; longitudes are -180…180, rising",
        )


def _attrs(ds: xr.Dataset, old: Forcing | None, times: np.ndarray) -> dict[str, Any]:
    attrs = plain_attrs(ds.attrs)
    missing = np.array(attrs.get("missing_times", []), "datetime64[s]")
    if old is not None:
        missing = np.union1d(missing, np.array(old.attrs["missing_times"], "datetime64[s]"))
    attrs["missing_times"] = np.setdiff1d(missing, times).astype(str).tolist()
    return attrs


def _create(
    path: Place, group: zarr.Group, ds: xr.Dataset, grid: Grid, times: np.ndarray
) -> dict[str, ChunkFiles]:
    axes = {
        "time": time_coordinate(times),
        "y": axis_coordinate(grid, "y"),
        "x": axis_coordinate(grid, "x"),
    }
    write_coordinates(path, group, axes)
    shape, chunk, dims = (times.size, *grid.shape), (1, *grid.shape), ("time", "y", "x")
    layouts = {
        str(name): array_layout(
            shape, chunk, "f8", dims,
            attrs=plain_attrs({**values.attrs, "units": UNITS[str(name)]}),
        )
        for name, values in ds.data_vars.items()
    }  # fmt: skip
    create_arrays(group, layouts)
    return {name: ChunkFiles(path, array_at(group, name)) for name in layouts}
