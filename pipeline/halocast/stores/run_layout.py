"""The layout of a run's zarr hierarchy: which groups and arrays there are, and their names.

Field groups hold one array a state *variable*, dimensions (cycle[, layer], y, x), one chunk a
cycle. A variable with layers has the layers of the whole state; one it does not have is NaN.
Tables (observations, fates, health) hold one array a column, dimensions (cycle, slot); their arrays
are made when a column is first written, and so are those of the chains, (cycle, chain[, sample]),
which runs without chains do not have. Scores are one array (cycle, column, row), and the labels
of a cycle's rows lie beside it, because a cycle is written by any process, knowing no other cycle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from zarr.core.metadata import ArrayV3Metadata

from halocast.sources.rows import PRODUCTS, VARIABLES, Fate
from halocast.state import Field
from halocast.stores.arrays import (
    Coordinate,
    Layouts,
    array_layout,
    create_arrays,
    write_coordinates,
)
from halocast.stores.grid_store import axis_coordinate, put_grid, time_coordinate
from halocast.stores.place import Place
from halocast.stores.run_spec import RunSpec
from halocast.stores.versioning import create_root

SLOT_CHUNK = 4096
MAX_SCORES = 256
LABEL_BYTES = 64 * MAX_SCORES
SCORE_VALUES = ("rmse", "bias", "spread", "crps", "n")
GROWING = ("observations", "fates", "health", "chains")
"""Groups whose arrays are made when they are first written."""
Label = tuple[str, ...]
SCORE_LABELS = ("what", "against", "variable")

_GROUP_MEANING = {
    "forecast": "forecast before the update",
    "analysis": "analysis",
    "free_run": "ensemble without assimilation",
    "kalman_filter": "exact Kalman filter",
}
_STATISTIC = {
    "mean": ("mean", "realization: mean"),
    "spread": ("standard deviation", "realization: standard_deviation"),
}
_NUMBERS = {
    "observations/n": "rows of the cycle's observation table",
    "fates/n": "raw rows of the cycle's window",
    "fates/first_row": "number of the first raw row of the cycle's window in the data store",
}


def decode_labels(text: np.ndarray) -> list[Label]:
    """Return what, against and variable of each row of a cycle's scores, from the stored bytes."""
    stored = text.tobytes().rstrip(b"\0")
    return [tuple(row) for row in json.loads(stored or b"[]")]


def _flags(values: Iterable[int], meanings: Iterable[str]) -> dict[str, Any]:
    return {"flag_values": [int(v) for v in values], "flag_meanings": " ".join(meanings)}


_COLUMN_ATTRS: dict[str, dict[str, Any]] = {
    "time": {"standard_name": "time", "units": "nanoseconds since 1970-01-01"},
    "lat": {"standard_name": "latitude", "units": "degrees_north"},
    "lon": {"standard_name": "longitude", "units": "degrees_east"},
    "variable": _flags(range(len(VARIABLES)), VARIABLES),
    "product": _flags(range(len(PRODUCTS)), PRODUCTS),
    "fate": _flags(Fate, (fate.name.lower() for fate in Fate)),
}

_CHAIN_MEANING = {
    "values": "one observed scalar of the cycle's busiest block",
    "ancestor": "member the chain descends from",
    "log_likelihood": "log likelihood of the block's observations, relative to a perfect fit",
    "step": "step of the chain's kernel after burn-in",
    "acceptance": "share of the kernel's proposals that were accepted",
}


def create_hierarchy(path: Place, spec: RunSpec) -> None:
    """Create ``run.zarr`` with everything that does not depend on the observations."""
    root = create_root(path, "run", _root_attrs(spec))
    for name in ("observations", "fates", "health"):
        root.create_group(name)
    layouts = {**_field_layouts(spec), **_score_layouts(spec), **_checkpoint_layouts(spec)}
    create_arrays(root, layouts)
    put_grid(path, root, spec.grid)
    write_coordinates(path, root, _coordinates(spec))


def piece_layout(spec: RunSpec, name: str, values: np.ndarray) -> ArrayV3Metadata:
    """Layout of an array of a growing group, by its path and the values of one cycle."""
    if name.startswith("chains/"):
        return _chain_layout(spec, name, values)
    return _table_layout(spec, name, values.dtype)


def _table_layout(spec: RunSpec, name: str, dtype: np.dtype) -> ArrayV3Metadata:
    """Layout of a table's column, ``group/column``, or of one of its numbers a cycle."""
    if name in _NUMBERS:
        attrs = {"long_name": _NUMBERS[name]}
        return array_layout(spec.times.shape, (1,), dtype, ("cycle",), fill=-1, attrs=attrs)
    of_blocks = name.startswith("health/")
    dim, size = ("block", spec.n_blocks) if of_blocks else ("slot", spec.max_slots)
    attrs = dict(_COLUMN_ATTRS.get(name.split("/")[1], {}))
    fill = np.nan if dtype.kind == "f" else -1
    if name == "observations/time":
        fill = np.iinfo("i8").min  # which is NaT
    shape, chunk = (spec.times.size, size), (1, min(SLOT_CHUNK, size))
    return array_layout(shape, chunk, dtype, ("cycle", dim), fill=fill, attrs=attrs, compress=True)


def _chain_layout(spec: RunSpec, name: str, values: np.ndarray) -> ArrayV3Metadata:
    fill = np.nan if values.dtype.kind == "f" else -1
    attrs = {"long_name": _CHAIN_MEANING[name.split("/")[1]]}
    dims = ("cycle", "chain", "sample")[: 1 + values.ndim]
    shape, chunk = (spec.times.size, *values.shape), (1, *values.shape)
    return array_layout(shape, chunk, values.dtype, dims, fill=fill, attrs=attrs, compress=True)


def _root_attrs(spec: RunSpec) -> dict[str, Any]:
    return {
        "Conventions": "CF-1.11",
        "layout": [asdict(f) for f in spec.layout.fields],
        "members": spec.members,
        "n_blocks": spec.n_blocks,
        "max_slots": spec.max_slots,
        "tracks": list(spec.tracks),
        "reference": spec.reference,
    }


def _score_layouts(spec: RunSpec) -> Layouts:
    """Layouts of the scores: all values of a cycle, and its rows' labels as JSON text."""
    n, shape = spec.times.size, (len(SCORE_VALUES), MAX_SCORES)
    columns, text = ("cycle", "column", "row"), ("cycle", "byte")
    named = {"column": list(SCORE_VALUES)}
    return {
        "scores/values": array_layout((n, *shape), (1, *shape), "f8", columns, attrs=named,
                                      compress=True),
        "scores/labels": array_layout((n, LABEL_BYTES), (1, LABEL_BYTES), "u1", text, fill=0,
                                      compress=True),
    }  # fmt: skip


def _checkpoint_layouts(spec: RunSpec) -> Layouts:
    state = (len(spec.layout), *spec.grid.shape)
    shape, chunk = (spec.times.size, spec.members, *state), (1, 1, *state)
    dims = ("cycle", "member", "field", "y", "x")
    return {
        f"checkpoints/{track}": array_layout(
            shape, chunk, "f8", dims, attrs={"long_name": f"members of the track {track}"}
        )
        for track in spec.tracks
    }


def _field_layouts(spec: RunSpec) -> Layouts:
    layouts = {}
    for group in spec.field_groups:
        for variable in spec.positions:
            layered = spec.has_layers(variable)
            inner = (len(spec.layers),) * layered + spec.grid.shape
            dims = ("cycle",) + ("layer",) * layered + ("y", "x")
            layouts[f"{group}/{variable}"] = array_layout(
                (spec.times.size, *inner), (1, *inner), "f8", dims,
                attrs=_field_attrs(spec, group, variable),
            )  # fmt: skip
    return layouts


def _field_attrs(spec: RunSpec, group: str, variable: str) -> dict[str, str]:
    part, statistic = group.split("/")
    word, cell_methods = _STATISTIC[statistic]
    first = spec.layout.fields[spec.positions[variable][0][0]]
    attrs = {
        "units": first.units,
        "long_name": f"{_variable_name(first)}, {word}, {_GROUP_MEANING[part]}",
        "cell_methods": cell_methods,
        "location": first.place,
    }
    return {**attrs, "standard_name": first.standard_name} if first.standard_name else attrs


def _variable_name(f: Field) -> str:
    """Return the field's long name without its layer."""
    return re.sub(r"[\s,(]*\b(in |of )?(the )?layer \d+\)?", "", f.long_name).strip()


def _coordinates(spec: RunSpec) -> dict[str, Coordinate]:
    grid = spec.grid
    cycles = np.arange(1, spec.times.size + 1)
    layers = np.array(spec.layers, "i8")
    coordinates = {
        "cycle": Coordinate(cycles, ("cycle",), {"long_name": "assimilation cycle"}),
        "time": time_coordinate(spec.times, "cycle"),
        "layer": Coordinate(layers, ("layer",), {"long_name": "layer, 0 at the surface"}),
    }
    names = ("lat", "lon") if grid.geometry == "sphere" else ("y", "x")
    faces = (grid.coordinates_at("north")[0], grid.coordinates_at("east")[1])
    for axis, name, face, place in zip(("y", "x"), names, faces, ("north", "east")):
        centre = axis_coordinate(grid, axis)
        attrs = {**centre.attrs, "long_name": f"{name} of the {place} faces"}
        attrs.pop("axis")
        coordinates[name] = centre
        coordinates[f"{name}_{place}"] = Coordinate(face, (axis,), attrs)
    return coordinates
