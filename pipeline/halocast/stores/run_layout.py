"""The layout of a run's zarr hierarchy: which groups and arrays there are, and their names.

Field groups hold one array a state *variable*, dimensions (cycle[, layer], y, x), one chunk a
cycle. A variable with layers has the layers of the whole state; one it does not have is NaN.
Tables (observations, fates, health, scores) hold one array a column, dimensions (cycle, slot);
their arrays are made when a column is first written.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.sources.rows import empty_rows
from halocast.state import Field, StateLayout
from halocast.stores.chunk_files import ChunkFiles, create_array
from halocast.stores.grid_store import axis_attrs, get_grid, put_grid
from halocast.stores.versioning import array_at, attributes, create_root

SLOT_CHUNK = 4096
MAX_SCORES = 256
SCORE_VALUES = ("rmse", "bias", "spread", "crps", "n")
SCORE_LABELS = ("what", "against", "variable")

_GROUP_MEANING = {
    "forecast": "forecast before the update",
    "analysis": "analysis",
    "free_run": "ensemble without assimilation",
    "kalman_filter": "exact Kalman filter",
}
_NUMBERS = {
    "observations/n": "rows of the cycle's observation table",
    "fates/n": "raw rows of the cycle's window",
    "fates/first_row": "number of the first raw row of the cycle's window in the data store",
}
_STATISTIC = {
    "mean": ("mean", "realization: mean"),
    "spread": ("standard deviation", "realization: standard_deviation"),
}


@dataclass(frozen=True, eq=False)
class RunSpec:
    """What a run directory is made for.

    Parameters
    ----------
    times
        Analysis times of the cycles 1…n, datetime64, shape (n_cycles,).
    grid, layout
        Model grid and layout of the state.
    members
        Number of members of each track.
    n_blocks
        Number of analysis blocks, the size of the health tables.
    max_slots
        Upper bound of the raw rows and of the table rows of one cycle.
    tracks
        Ensembles that are checkpointed: ``"analysis"`` and perhaps ``"free"``.
    reference
        Whether an exact Kalman filter runs beside.
    config
        The resolved run file, as text.
    record
        What was run: versions, seed, machine, commit of the code.
    """

    times: np.ndarray
    grid: Grid
    layout: StateLayout
    members: int
    n_blocks: int
    max_slots: int
    tracks: tuple[str, ...] = ("analysis",)
    reference: bool = False
    config: str = ""
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def field_groups(self) -> tuple[str, ...]:
        """Paths of the groups that hold fields."""
        parts = ["forecast", "analysis"]
        parts += ["free_run"] if "free" in self.tracks else []
        parts += ["kalman_filter"] if self.reference else []
        return tuple(f"{part}/{statistic}" for part in parts for statistic in _STATISTIC)

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """Layer numbers that occur in the state, rising."""
        return tuple(sorted({f.layer for f in self.layout.fields if f.layer is not None}))

    @cached_property
    def positions(self) -> dict[str, tuple[tuple[int, int | None], ...]]:
        """For each variable, the (field number, place on the layer axis) of its fields."""
        return {
            variable: tuple((i, self._place(self.layout.fields[i])) for i in numbers)
            for variable, numbers in self.layout.variables().items()
        }

    def _place(self, f: Field) -> int | None:
        return None if f.layer is None else self.layers.index(f.layer)

    def by_variable(self, state: np.ndarray) -> dict[str, np.ndarray]:
        """Split fields (F, ny, nx) into arrays a variable, ([layer,] y, x)."""
        out = {}
        for variable, places in self.positions.items():
            if places[0][1] is None:
                out[variable] = state[places[0][0]]
                continue
            out[variable] = np.full((len(self.layers), *self.grid.shape), np.nan)
            for number, place in places:
                out[variable][place] = state[number]
        return out

    def has_layers(self, variable: str) -> bool:
        """Whether a variable has a layer axis."""
        return self.positions[variable][0][1] is not None


def create_hierarchy(path: Path, spec: RunSpec) -> None:
    """Create ``run.zarr`` with everything that does not depend on the observations."""
    root = create_root(path, "run", _root_attrs(spec))
    put_grid(path, root, spec.grid)
    _put_coordinates(path, root, spec)
    for group_path in spec.field_groups:
        _create_fields(root.require_group(group_path), group_path, spec)
    for name in ("observations", "fates", "health"):
        root.create_group(name)
    root.create_group("scores", attributes={"rows": []})
    checkpoints = root.create_group("checkpoints")
    for track in spec.tracks:
        state = (len(spec.layout), *spec.grid.shape)
        create_array(
            checkpoints, track, (spec.times.size, spec.members, *state), (1, 1, *state),
            "f8", ("cycle", "member", "field", "y", "x"), fill=np.nan,
            attrs={"long_name": f"members of the track {track}", "field": list(spec.layout.names)},
        )  # fmt: skip


def read_spec(root: zarr.Group, where: str, config: str, record: dict[str, Any]) -> RunSpec:
    """Rebuild the specification of a run from its hierarchy."""
    attrs = attributes(root)
    try:
        return RunSpec(
            times=np.asarray(array_at(root, "time")[...]).astype("datetime64[s]"),
            grid=get_grid(root, where),
            layout=StateLayout(tuple(Field(**f) for f in attrs["layout"])),
            members=attrs["members"],
            n_blocks=attrs["n_blocks"],
            max_slots=attrs["max_slots"],
            tracks=tuple(attrs["tracks"]),
            reference=attrs["reference"],
            config=config,
            record=record,
        )
    except (KeyError, ValueError, OSError) as error:
        raise StoreError(
            f"the run's hierarchy is incomplete: {error}",
            where=where,
            remedy="start the run again in a new folder",
        ) from error


def create_column(root: zarr.Group, spec: RunSpec, name: str, dtype: np.dtype) -> zarr.Array:
    """Create the array of a table column, ``group/column``."""
    group = name.split("/")[0]
    dims, size = {
        "health": (("cycle", "block"), spec.n_blocks),
        "scores": (("cycle", "score"), MAX_SCORES),
    }.get(group, (("cycle", "slot"), spec.max_slots))
    n = spec.times.size
    fill = np.nan if dtype.kind == "f" else -1
    attrs = _column_attrs(name)
    if name == "observations/time":
        fill = np.datetime64("NaT").astype("i8")
        attrs["units"] = "nanoseconds since 1970-01-01"
    return create_array(
        root, name, (n, size), (1, min(SLOT_CHUNK, size)), dtype, dims,
        fill=fill, attrs=attrs, compress=True,
    )  # fmt: skip


def create_number(root: zarr.Group, spec: RunSpec, name: str, dtype: np.dtype) -> zarr.Array:
    """Create an array of one whole number a cycle."""
    return create_array(
        root, name, spec.times.shape, (1,), dtype, ("cycle",), fill=-1,
        attrs={"long_name": _NUMBERS[name]},
    )  # fmt: skip


def _column_attrs(name: str) -> dict[str, Any]:
    """Attributes of a column that the rows of the data store have too."""
    group, column = name.split("/")
    known = empty_rows().variables
    return dict(known[column].attrs) if group != "health" and column in known else {}


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


def _create_fields(group: zarr.Group, path: str, spec: RunSpec) -> None:
    part, statistic = path.split("/")
    word, cell_methods = _STATISTIC[statistic]
    for variable, places in spec.positions.items():
        first = spec.layout.fields[places[0][0]]
        layered = spec.has_layers(variable)
        inner = (len(spec.layers),) * layered + spec.grid.shape
        attrs = {
            "units": first.units,
            "long_name": f"{_variable_name(first)}, {word}, {_GROUP_MEANING[part]}",
            "cell_methods": cell_methods,
            "location": first.place,
        }
        if first.standard_name:
            attrs["standard_name"] = first.standard_name
        dims = ("cycle",) + ("layer",) * layered + ("y", "x")
        create_array(
            group, variable, (spec.times.size, *inner), (1, *inner), "f8", dims,
            fill=np.nan, attrs=attrs,
        )  # fmt: skip


def _variable_name(f: Field) -> str:
    """Return the field's long name without its layer."""
    return re.sub(r"[\s,(]*\b(in |of )?(the )?layer \d+\)?", "", f.long_name).strip()


def _put_coordinates(path: Path, root: zarr.Group, spec: RunSpec) -> None:
    n = spec.times.size
    sphere = spec.grid.geometry == "sphere"
    names = {"y": "lat", "x": "lon"} if sphere else {"y": "y", "x": "x"}
    seconds = spec.times.astype("datetime64[s]").astype("i8")
    time = {"standard_name": "time", "units": "seconds since 1970-01-01", "axis": "T"}
    coordinates: list[tuple[str, np.ndarray, str, dict[str, str]]] = [
        ("cycle", np.arange(1, n + 1), "cycle", {"long_name": "assimilation cycle"}),
        ("time", seconds, "cycle", time),
        ("layer", np.array(spec.layers, "i8"), "layer", {"long_name": "layer, 0 at the surface"}),
    ]
    for axis, place in (("y", "north"), ("x", "east")):
        number = 0 if axis == "y" else 1
        attrs = axis_attrs(sphere, axis)
        centre = spec.grid.coordinates_at("center")[number]
        face = spec.grid.coordinates_at("north" if axis == "y" else "east")[number]
        faces = {**attrs, "long_name": f"{attrs['standard_name']} of the {place} faces"}
        faces.pop("axis")
        coordinates.append((names[axis], centre, axis, attrs))
        coordinates.append((f"{names[axis]}_{place}", face, axis, faces))
    for name, values, dim, named in coordinates:
        if values.size:
            array = create_array(
                root, name, values.shape, values.shape, values.dtype, (dim,), fill=0,
                attrs=named,
            )  # fmt: skip
            ChunkFiles(path, array).write((0,), values)
