"""What a run directory is made for: cycles, grid, state, members, tracks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.grid import Grid
from halocast.state import Field, StateLayout
from halocast.stores.arrays import array_at, attributes
from halocast.stores.grid_store import get_grid

STATISTICS = ("mean", "spread")


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
        Ensembles that are checkpointed: ``"analysis"``, perhaps ``"free"``, and their forecasts
        where a checkpoint needs them.
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
        return tuple(f"{part}/{statistic}" for part in parts for statistic in STATISTICS)

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

    def has_layers(self, variable: str) -> bool:
        """Whether a variable has a layer axis."""
        return self.positions[variable][0][1] is not None

    def on_layers(self, variable: str, fields: np.ndarray) -> np.ndarray:
        """Arrange a variable's fields (k, ny, nx), as an array ([layer,] y, x)."""
        places = [place for _, place in self.positions[variable]]
        if not self.has_layers(variable):
            return fields[0]
        if places == list(range(len(self.layers))):
            return fields
        out = np.full((len(self.layers), *self.grid.shape), np.nan)
        for place, values in zip(places, fields, strict=True):
            out[place] = values
        return out


def read_spec(root: zarr.Group, where: str, config: str, record: dict[str, Any]) -> RunSpec:
    """Rebuild the specification of a run from its hierarchy; StoreError where it is incomplete."""
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
