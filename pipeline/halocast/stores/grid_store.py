"""The model grid in a store: the group ``/grid`` of data stores and of runs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.stores.chunk_files import ChunkFiles, create_array
from halocast.stores.versioning import array_at, attributes, create_root, open_root

_ARRAYS = {"y": ("y",), "x": ("x",), "depth": ("y", "x"), "sea": ("y", "x")}


def write_grid(path: str | Path, grid: Grid) -> None:
    """Put the model grid into the data store at ``path``, which is created if need be.

    Raises
    ------
    StoreError
        The store is of another kind or version, or holds another grid already: what was made on
        that grid would no longer fit.
    """
    path = Path(path)
    root = open_root(path, "data", "r+") if path.exists() else create_root(path, "data")
    if "grid" not in root:
        put_grid(path, root, grid)
    elif not same_grid(read_grid(path), grid):
        raise StoreError(
            "the store holds another grid already",
            where=f"{path}/grid",
            remedy="ingest into a new store, or delete this one",
        )


def read_grid(path: str | Path) -> Grid:
    """Return the grid of the data store at ``path``; StoreError where there is none."""
    return get_grid(open_root(Path(path), "data"), str(path))


def same_grid(a: Grid, b: Grid) -> bool:
    """Whether two grids are equal, bit by bit."""
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(Grid))


def put_grid(path: Path, root: zarr.Group, grid: Grid) -> None:
    """Write the group ``grid`` into the hierarchy at ``path``."""
    attrs = {
        "geometry": grid.geometry,
        "periodic": [bool(p) for p in grid.periodic],
        "coriolis": float(grid.coriolis),
        "beta": float(grid.beta),
    }
    group = root.create_group("grid", attributes=attrs)
    for name, dims in _ARRAYS.items():
        values = np.ascontiguousarray(getattr(grid, name))
        array = create_array(
            group, name, values.shape, values.shape, values.dtype, dims,
            fill=False if values.dtype == bool else np.nan, attrs=_axis_attrs(grid, name),
        )  # fmt: skip
        ChunkFiles(path, array).write((0,) * values.ndim, values)


def get_grid(root: zarr.Group, where: str) -> Grid:
    """Read the group ``grid`` of a hierarchy."""
    if "grid" not in root:
        raise StoreError(
            "the store holds no grid", where=where, remedy="make it: `halocast ingest`"
        )
    arrays = {name: np.asarray(array_at(root, f"grid/{name}")[...]) for name in _ARRAYS}
    attrs = attributes(root.require_group("grid"))
    south_north, west_east = attrs["periodic"]
    return Grid(
        **arrays,
        geometry=attrs["geometry"],
        periodic=(south_north, west_east),
        coriolis=attrs["coriolis"],
        beta=attrs["beta"],
    )


def _axis_attrs(grid: Grid, name: str) -> dict[str, str]:
    sphere = grid.geometry == "sphere"
    return {
        "y": axis_attrs(sphere, "y"),
        "x": axis_attrs(sphere, "x"),
        "depth": {"standard_name": "sea_floor_depth_below_geoid", "units": "m"},
        "sea": {"standard_name": "sea_binary_mask", "units": "1"},
    }[name]


def put_axis(
    path: Path, group: zarr.Group, name: str, values: np.ndarray, geometry: str = ""
) -> None:
    """Write a coordinate: an axis of the grid, or ``time`` in seconds since 1970."""
    if name == "time":
        attrs = {"standard_name": "time", "units": "seconds since 1970-01-01", "axis": "T"}
    else:
        attrs = axis_attrs(geometry == "sphere", name)
    array = create_array(
        group, name, values.shape, values.shape, values.dtype, (name,), fill=0, attrs=attrs
    )
    ChunkFiles(path, array).write((0,), values)


def axis_attrs(sphere: bool, axis: str) -> dict[str, str]:
    """CF attributes of a grid axis."""
    if not sphere:
        name = f"projection_{axis}_coordinate"
        return {"standard_name": name, "units": "m", "axis": axis.upper()}
    names = {"y": ("latitude", "degrees_north"), "x": ("longitude", "degrees_east")}
    standard_name, units = names[axis]
    return {"standard_name": standard_name, "units": units, "axis": axis.upper()}
