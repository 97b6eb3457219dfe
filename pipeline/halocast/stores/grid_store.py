"""The model grid in a store: the group ``/grid`` of data stores and of runs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.stores.arrays import Coordinate, array_at, attributes, write_coordinates
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.versioning import create_root, open_root


def write_grid(path: str | Path | Place, grid: Grid) -> None:
    """Put the model grid into the data store at ``path``, which is created if need be.

    Raises
    ------
    StoreError
        The store is of another kind or version, or holds another grid already: what was made on
        that grid would no longer fit.
    """
    path = locate(path)
    root = open_root(path, "data", "r+") if path.names() else create_root(path, "data")
    if "grid" not in root:
        put_grid(path, root, grid)
    elif not same_grid(read_grid(path), grid):
        raise StoreError(
            "the store holds another grid already",
            where=f"{path}/grid",
            remedy="ingest into a new store, or delete this one",
        )


def read_grid(path: str | Path | Place) -> Grid:
    """Return the grid of the data store at ``path``; StoreError where there is none."""
    return get_grid(open_root(locate(path), "data"), str(path))


def same_grid(a: Grid, b: Grid) -> bool:
    """Whether two grids are equal, bit by bit."""
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(Grid))


def put_grid(path: Place, root: zarr.Group, grid: Grid) -> None:
    """Write the group ``grid`` into the hierarchy at ``path``."""
    attrs = {
        "geometry": grid.geometry,
        "periodic": [bool(p) for p in grid.periodic],
        "coriolis": float(grid.coriolis),
        "beta": float(grid.beta),
    }
    depth = {"standard_name": "sea_floor_depth_below_geoid", "units": "m"}
    sea = {"standard_name": "sea_binary_mask", "units": "1"}
    coordinates = {
        "y": axis_coordinate(grid, "y"),
        "x": axis_coordinate(grid, "x"),
        "depth": Coordinate(grid.depth, ("y", "x"), depth),
        "sea": Coordinate(grid.sea, ("y", "x"), sea),
    }
    write_coordinates(path, root.create_group("grid", attributes=attrs), coordinates)


def get_grid(root: zarr.Group, where: str) -> Grid:
    """Read the group ``grid`` of a hierarchy."""
    if "grid" not in root:
        raise StoreError(
            "the store holds no grid", where=where, remedy="make it: `halocast ingest`"
        )
    attrs = attributes(root.require_group("grid"))
    south_north, west_east = attrs["periodic"]
    return Grid(
        **{name: np.asarray(array_at(root, f"grid/{name}")[...]) for name in "yx"},
        depth=np.asarray(array_at(root, "grid/depth")[...]),
        sea=np.asarray(array_at(root, "grid/sea")[...]),
        geometry=attrs["geometry"],
        periodic=(south_north, west_east),
        coriolis=attrs["coriolis"],
        beta=attrs["beta"],
    )


def axis_coordinate(grid: Grid, axis: str) -> Coordinate:
    """Return an axis of the grid (cell centres) with its CF attributes."""
    values = grid.y if axis == "y" else grid.x
    if grid.geometry == "plane":
        names = (f"projection_{axis}_coordinate", "m")
    else:
        names = ("latitude", "degrees_north") if axis == "y" else ("longitude", "degrees_east")
    attrs = {"standard_name": names[0], "units": names[1], "axis": axis.upper()}
    return Coordinate(values, (axis,), attrs)


def time_coordinate(times: np.ndarray, dim: str = "time") -> Coordinate:
    """Return times as a coordinate with its CF attributes, in seconds."""
    attrs = {"standard_name": "time", "units": "seconds since 1970-01-01", "axis": "T"}
    return Coordinate(times.astype("datetime64[s]").astype("i8"), (dim,), attrs)
