"""A run as labelled data: live, finished or dead, without a scheduler.

Fields, tables and members are lazy (one Dask chunk a cycle, or a member), scores are in memory.
Only committed cycles are there: a run that goes on while one looks at it shows what it had when it
was opened.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr

from halocast.stores.arrays import array_at, attributes
from halocast.stores.checkpoints import Checkpoints
from halocast.stores.commits import Commits
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.run_layout import SCORE_LABELS, SCORE_VALUES, decode_labels
from halocast.stores.run_spec import RunSpec, read_spec
from halocast.stores.run_store import COMMITS, HIERARCHY, read_texts
from halocast.stores.versioning import open_root


def open_run(directory: str | Path | Place) -> xr.DataTree:
    """Open the run at a path or URL for looking at it.

    Returns
    -------
    DataTree with the nodes

    ``/forecast/mean``, ``/forecast/spread``, ``/analysis/…``, ``/free_run/…``, ``/kalman_filter/…``
        Fields (cycle[, layer], y, x) by variable, NaN on land. Select by ``cycle`` or ``time``,
        ``layer``, and ``lat``, ``lon`` (on a plane ``y``, ``x``) of the cell's centre. The
        attribute ``location`` says where in the cell a variable sits: ``lat_north`` and
        ``lon_east`` are the coordinates of its faces.
    ``/observations``, ``/fates``
        The observation table of each cycle, and the fate of every raw row of its window (cycle,
        slot); ``n`` says how many slots a cycle uses.
    ``/health``
        One value a block (cycle, block).
    ``/chains``
        Where Markov chains ran, those of one observed scalar of each cycle's busiest block:
        ``values``, ``ancestor`` and ``log_likelihood`` (cycle, chain, sample), ``step`` and
        ``acceptance`` (cycle, chain). A cycle without chains has NaN and ancestor -1.
    ``/scores``
        (cycle, row), a row labelled by ``what``, ``against`` and ``variable``.
    ``/checkpoints``
        All the members of each track (checkpoint, member, field, y, x).
    ``/grid``
        Depth and sea mask.

    The root has the attributes ``record`` (what was run), ``config`` (the run file), ``directory``,
    ``n_cycles``, ``committed`` and ``failures`` (members whose forecast failed, and what became of
    them).

    Raises
    ------
    RunError, StoreError
        There is no run, or it is damaged or of another version.
    """
    directory = locate(directory)
    config, record = read_texts(directory)
    root = open_root(directory / HIERARCHY, "run")
    spec = read_spec(root, str(directory), config, record)
    commits = Commits(directory / COMMITS)
    committed = commits.last()
    labels = _coordinates(root, committed)
    by_cycle = labels[["cycle", "time"]].drop_indexes("time")  # keeps it in data frames
    nodes = {
        group: _fields(root, spec, group, committed).assign_coords(labels.coords)
        for group in spec.field_groups
    }
    nodes["observations"] = _table(root, "observations", "slot", committed)
    nodes["fates"] = _table(root, "fates", "slot", committed).assign_coords(by_cycle.coords)
    nodes["health"] = _table(root, "health", "block", committed).assign_coords(by_cycle.coords)
    nodes["chains"] = _chains(root, committed).assign_coords(by_cycle.coords)
    nodes["scores"] = _scores(root, committed).assign_coords(by_cycle.coords)
    kept = Checkpoints(directory / HIERARCHY, root, spec, commits).common_cycles()
    nodes["checkpoints"] = _checkpoints(root, spec, kept)
    over_time = [dim for dim in ("cycle", "layer") if dim in labels.dims]
    nodes["grid"] = _grid(spec).assign_coords(labels.drop_dims(over_time).coords)
    top = xr.Dataset(
        attrs={
            "directory": str(directory),
            "record": record,
            "config": config,
            "n_cycles": spec.times.size,
            "committed": committed,
            "failures": commits.failures(),
        }
    )
    return xr.DataTree.from_dict({"/": top, **nodes})


def _lazy(array: zarr.Array, stop: int | None = None) -> da.Array:
    return da.from_zarr(array, chunks=array.chunks)[:stop]


def _coordinates(root: zarr.Group, committed: int) -> xr.Dataset:
    """Return the coordinates of cycles and cells, each with an index to select by."""
    coordinates = {}
    for name, array in sorted(root.arrays()):
        dim = array.metadata.dimension_names[0]  # type: ignore[union-attr,index]
        values = np.asarray(array[: committed if dim == "cycle" else None])
        attrs = attributes(array)
        if name == "time":
            values, attrs = (
                values.astype("datetime64[s]").astype("datetime64[ns]"),
                {
                    "standard_name": "time",
                    "long_name": "time of the analysis",
                },
            )
        coordinates[name] = (dim, values, attrs)
    ds = xr.Dataset(coords=coordinates)
    for name in coordinates:
        ds = ds if name in ds.xindexes else ds.set_xindex(name)
    return ds


def _fields(root: zarr.Group, spec: RunSpec, group: str, committed: int) -> xr.Dataset:
    variables = {}
    for variable, places in spec.positions.items():
        array = array_at(root, f"{group}/{variable}")
        dims = ("cycle", "layer", "y", "x") if spec.has_layers(variable) else ("cycle", "y", "x")
        values = _lazy(array, committed)
        wet = spec.grid.wet_at(spec.layout.fields[places[0][0]].place)
        if not wet.all():
            values = da.where(wet, values, np.nan)
        variables[variable] = (dims, values, attributes(array))
    return xr.Dataset(variables)


def _table(root: zarr.Group, group: str, dim: str, committed: int) -> xr.Dataset:
    """Return a table's columns, no longer than the longest committed cycle needs."""
    arrays = dict(sorted(root.require_group(group).arrays()))
    variables: dict[str, Any] = {}
    longest = None
    if "n" in arrays:
        longest = int(np.asarray(arrays["n"][:committed]).max(initial=0))
    for name, array in arrays.items():
        values, attrs = _lazy(array, committed), attributes(array)
        if attrs.get("units", "").startswith("nanoseconds since"):
            values = values.view("datetime64[ns]")
            del attrs["units"]
        if array.ndim == 1:
            variables[name] = ("cycle", values, attrs)
        else:
            variables[name] = (("cycle", dim), values[:, :longest], attrs)
    return xr.Dataset(variables)


def _chains(root: zarr.Group, committed: int) -> xr.Dataset:
    """Return the traces of the chains; without variables where no chain ran."""
    arrays = sorted(root.require_group("chains").arrays()) if "chains" in root else []
    dims = ("cycle", "chain", "sample")
    return xr.Dataset(
        {
            name: (dims[: array.ndim], _lazy(array, committed), attributes(array))
            for name, array in arrays
        }
    )


def _scores(root: zarr.Group, committed: int) -> xr.Dataset:
    """Return the scores in memory, a row for each label that any cycle has, in order of sight."""
    values = np.asarray(array_at(root, "scores/values")[:committed])
    texts = np.asarray(array_at(root, "scores/labels")[:committed])
    labels = [decode_labels(text) for text in texts]
    row = {label: i for i, label in enumerate(dict.fromkeys(chain.from_iterable(labels)))}
    table = np.full((committed, len(SCORE_VALUES), len(row)), np.nan)
    for c, present in enumerate(labels):
        table[c][:, [row[label] for label in present]] = values[c, :, : len(present)]
    names = np.array(list(row), str).reshape(-1, len(SCORE_LABELS))
    return xr.Dataset(
        {name: (("cycle", "row"), table[:, i]) for i, name in enumerate(SCORE_VALUES)},
        {name: ("row", names[:, i]) for i, name in enumerate(SCORE_LABELS)},
    )


def _checkpoints(root: zarr.Group, spec: RunSpec, kept: list[int]) -> xr.Dataset:
    """Return the members of every track after the cycles they were kept of."""
    dims = ("checkpoint", "member", "field", "y", "x")
    variables = {
        track: (dims, _lazy(array_at(root, f"checkpoints/{track}"))[np.array(kept, int) - 1])
        for track in spec.tracks
    }
    coordinates = {
        "checkpoint": ("checkpoint", kept, {"long_name": "cycle the members were kept after"}),
        "member": ("member", np.arange(spec.members)),
        "field": ("field", list(spec.layout.names)),
    }
    return xr.Dataset(variables, coordinates)


def _grid(spec: RunSpec) -> xr.Dataset:
    depth = {"standard_name": "sea_floor_depth_below_geoid", "units": "m"}
    sea = {"standard_name": "sea_binary_mask", "units": "1"}
    return xr.Dataset(
        {"depth": (("y", "x"), spec.grid.depth, depth), "sea": (("y", "x"), spec.grid.sea, sea)}
    )
