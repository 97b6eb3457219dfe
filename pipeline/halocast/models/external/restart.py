"""Restart and forcing files: netCDF with named variables, as a program in any language reads them.

A restart file holds each field by its name, float64, dimensions ([layer,] y, x), beside the grid's
axes and depth; netCDF-4 when written here, netCDF-4 or classic when read. Axes of length one in
front, such as a time, are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from halocast.errors import ModelError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow
from halocast.models.external.settings import ExternalField
from halocast.state import Field, StateLayout


def layout_of(fields: Mapping[str, ExternalField]) -> StateLayout:
    """Return the layout of the state that these variables make, layer by layer."""
    made = []
    for name, spec in fields.items():
        for layer in [None] if spec.layers is None else range(spec.layers):
            made.append(Field(name, layer, spec.units, spec.long_name or name, place=spec.place))
    return StateLayout(tuple(made))


def write_restart(
    path: Path,
    state: np.ndarray,
    time: np.datetime64,
    fields: Mapping[str, ExternalField],
    grid: Grid,
) -> None:
    """Write a state (F, ny, nx) at a time to a restart file."""
    variables, first = {}, 0
    for name, spec in fields.items():
        count = spec.layers or 1
        values = state[first : first + count]
        first += count
        dims: tuple[str, ...] = (f"layer_{name}", "y", "x")
        if spec.layers is None:
            values, dims = values[0], ("y", "x")
        attrs = {"units": spec.units, "long_name": spec.long_name or name}
        variables[spec.variable or name] = (dims, values, attrs)
    variables["depth"] = (("y", "x"), grid.depth, {"units": "m", "long_name": "depth of the sea"})
    _write(path, xr.Dataset(variables, _axes(grid), {"time": f"{time}"}))


def write_forcing(path: Path, window: ForcingWindow, grid: Grid) -> None:
    """Write the steps of a forcing window; ``time`` is in seconds since 1970-01-01."""
    variables = {name: (("time", "y", "x"), values) for name, values in window.fields.items()}
    seconds = window.times.astype("datetime64[s]").astype("i8")
    axes = _axes(grid) | {"time": ("time", seconds, {"units": "seconds since 1970-01-01"})}
    _write(path, xr.Dataset(variables, axes))


def _axes(grid: Grid) -> dict[str, tuple]:
    units = ("degrees_north", "degrees_east") if grid.geometry == "sphere" else ("m", "m")
    return {"y": ("y", grid.y, {"units": units[0]}), "x": ("x", grid.x, {"units": units[1]})}


def _write(path: Path, dataset: xr.Dataset) -> None:
    plain = {name: {"_FillValue": None} for name in dataset.variables}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=plain)


def read_restart(path: Path, fields: Mapping[str, ExternalField], grid: Grid) -> np.ndarray:
    """Read a state (F, ny, nx) from a restart file; 0 where a field has no value on dry points.

    Raises
    ------
    ModelError
        There is no such file, or it is no netCDF; a variable is missing, of another shape, or not
        finite where its field lives.
    """
    layout = layout_of(fields)
    try:
        with _open(path) as dataset:
            parts = [_field(dataset, name, spec, grid, path) for name, spec in fields.items()]
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"the restart file cannot be read: {error}",
            where=str(path),
            remedy="write netCDF-4 or classic netCDF, and close it before the program ends",
        ) from error
    state = np.concatenate(parts)
    bad = np.argwhere(~np.isfinite(state) & layout.wet(grid))
    if bad.size:
        f, j, i = bad[0]
        raise ModelError(
            f"{len(bad)} values in the restart file are not finite",
            where=f"field {layout.names[f]}, cell ({j}, {i}) in {path}",
            remedy="look at the state the program started from, and at its output",
        )
    return np.where(np.isfinite(state), state, 0.0)


def _open(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        classic = file.read(3) == b"CDF"
    if classic:
        return xr.open_dataset(path, engine="scipy", decode_times=False)
    # plain HDF5 without named dimensions will do
    return xr.open_dataset(path, engine="h5netcdf", phony_dims="sort", decode_times=False)


def _field(
    dataset: xr.Dataset, name: str, spec: ExternalField, grid: Grid, path: Path
) -> np.ndarray:
    """Return a variable as fields (layers, ny, nx)."""
    variable = spec.variable or name
    if variable not in dataset.variables:
        raise ModelError(
            f"the restart file has no variable {variable}",
            where=str(path),
            remedy=f"it has {', '.join(map(str, dataset.variables)) or 'none'}",
        )
    values = np.asarray(dataset[variable].values, dtype=float)
    shape = (*([] if spec.layers is None else [spec.layers]), *grid.shape)
    found = values.shape
    while values.ndim > len(shape) and values.shape[0] == 1:
        values = values[0]
    if values.shape != shape:
        raise ModelError(
            f"variable {variable} of the restart file has shape {found}, not {shape}",
            where=str(path),
            remedy="dimensions are ([layer,] y, x), south and west first, as the run's grid is",
        )
    return values.reshape(-1, *grid.shape)
