"""What the report needs of a run, as plain arrays: the one place that knows the tree's names."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from halocast.diagnostics import Row, rows_by_cycle, summarise
from halocast.errors import RunError, StoreError
from halocast.sources.rows import VARIABLES, Fate
from halocast.stores.truth_store import Truth

TRACKS = {"analysis": "analysis", "forecast": "forecast", "free-run": "free_run"}
KELVIN = 273.15


class RunView:
    """A run seen through ``halocast.open_run``'s tree.

    Everything optional (truth, free run, reference, observations, health) may be missing; the
    ``has_…`` properties say what is there.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        self.tree = tree
        if not self._has("analysis/mean") or self.n_cycles == 0:
            raise RunError(
                "this run has no committed cycle yet",
                remedy="wait for its first cycle, or continue it with `halocast resume`",
            )

    def _has(self, path: str) -> bool:
        return f"/{path}" in self.tree.groups

    def _node(self, path: str) -> xr.DataTree:
        node = self.tree[path]
        assert isinstance(node, xr.DataTree)
        return node

    def _filled(self, path: str) -> bool:
        return self._has(path) and bool(self._node(path).data_vars)

    def _group(self, path: str) -> xr.Dataset:
        return self._node(path).to_dataset()

    # -- the run -------------------------------------------------------------------------------

    @cached_property
    def record(self) -> dict[str, Any]:
        """What ran, where and when (``record.json``)."""
        return dict(self.tree.attrs.get("record") or {})

    @cached_property
    def config_text(self) -> str:
        """The run file as it was resolved, YAML."""
        return self.tree.attrs.get("config") or ""

    @cached_property
    def config(self) -> dict[str, Any]:
        """The run file, parsed."""
        return yaml.safe_load(self.config_text) or {}

    def moment(self, cycle: int) -> str:
        """Name a cycle (from 0): by its time on the sphere, by its number on a plane."""
        return time_text(self.times[cycle]) if self.geographic else f"cycle {cycle + 1}"

    @cached_property
    def truth(self) -> Truth | None:
        """The truth in the run's data store, where there is one at the analysis times."""
        data = self.config.get("data") or {}
        directory = self.tree.attrs.get("directory")
        if directory is None or not (data.get("twin") or data.get("store")):
            return None
        store = Path(directory) / "data.zarr" if data.get("twin") else Path(data["store"])
        try:
            truth = Truth.open(store)
            truth.at(self.times[-1].astype("datetime64[s]"))
        except StoreError:  # real data have no truth, and a run can outlive its data
            return None
        return truth

    # -- fields --------------------------------------------------------------------------------

    @cached_property
    def _mean(self) -> xr.Dataset:
        return self._group("analysis/mean")

    @cached_property
    def times(self) -> np.ndarray:
        """Analysis times, datetime64, shape (n_cycles,)."""
        return self._mean["time"].values

    @property
    def n_cycles(self) -> int:
        """Number of committed cycles."""
        return int(self.times.size)

    @cached_property
    def geographic(self) -> bool:
        """Whether the grid lies on the sphere."""
        return "lat" in self._mean.variables

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Cell centres (y, x): degrees on the sphere, the grid's own unit on a plane."""
        names = ("lat", "lon") if self.geographic else ("y", "x")
        sizes = dict(zip(names, self.shape))
        return tuple(  # type: ignore[return-value]
            self._mean[n].values if n in self._mean.variables else np.arange(sizes[n])
            for n in names
        )

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return int(self._mean.sizes["y"]), int(self._mean.sizes["x"])

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Edges of the cells (y, x), one more than cells."""
        return _edges(self.axes[0]), _edges(self.axes[1])

    @cached_property
    def variables(self) -> list[str]:
        """Variables of the state, in order."""
        return [str(v) for v in self._mean.data_vars]

    @property
    def main_variable(self) -> str:
        """The variable maps are about: sea-surface height where there is one."""
        return "ssh" if "ssh" in self.variables else self.variables[0]

    @property
    def has_currents(self) -> bool:
        """Whether the state has velocities."""
        return {"u", "v"} <= set(self.variables)

    @cached_property
    def has_free_run(self) -> bool:
        """Whether the ensemble without assimilation was run beside."""
        return self._has("free_run/mean")

    @cached_property
    def reference(self) -> str | None:
        """What maps hold the run against: ``kalman-filter``, else ``truth``, else None."""
        if self._has("kalman_filter/mean"):
            return "kalman-filter"
        return None if self.truth is None else "truth"

    def field(self, track: str, statistic: str, variable: str, cycle: int) -> np.ndarray:
        """Surface field (ny, nx) of a track's mean or spread, NaN on land."""
        return self._surface(self._group(f"{TRACKS[track]}/{statistic}")[variable], cycle)

    def reference_field(self, variable: str, cycle: int) -> np.ndarray:
        """Surface field (ny, nx) of what the maps hold the run against."""
        if self.reference == "kalman-filter" or self.truth is None:
            return self._surface(self._group("kalman_filter/mean")[variable], cycle)
        layers = self.truth.layout.variables()[variable]
        state = self.truth.at(self.times[cycle].astype("datetime64[s]"))
        return np.where(self.sea, state[layers[0]], np.nan)

    def exact_spread(self, variable: str, cycle: int) -> np.ndarray:
        """Standard deviation (ny, nx) that the exact Kalman filter gives."""
        return self._surface(self._group("kalman_filter/spread")[variable], cycle)

    def _surface(self, array: xr.DataArray, cycle: int) -> np.ndarray:
        array = array.isel(cycle=cycle)
        if "layer" in array.dims:
            array = array.isel(layer=0)
        values = np.array(array.values, dtype=float)
        values[~self.sea] = np.nan
        return values

    @cached_property
    def sea(self) -> np.ndarray:
        """True where there is sea and the main variable has a value, shape (ny, nx)."""
        known = np.isfinite(self._mean[self.main_variable].isel(cycle=0).values)
        if self._has("grid") and "sea" in self._node("grid").data_vars:
            known &= self._group("grid")["sea"].values.astype(bool)
        return known

    def currents(self, track: str, cycle: int) -> tuple[np.ndarray, np.ndarray]:
        """Surface velocities (u, v) at cell centres: the means of the two faces."""
        u = self.field(track, "mean", "u", cycle)
        v = self.field(track, "mean", "v", cycle)
        west = np.concatenate([u[:, :1], u[:, :-1]], axis=1)
        south = np.concatenate([v[:1], v[:-1]], axis=0)
        return (u + west) / 2, (v + south) / 2

    # -- scores --------------------------------------------------------------------------------

    @cached_property
    def score_rows(self) -> list[list[Row]]:
        """Rows of scores of each cycle."""
        if not self._filled("scores"):
            return [[] for _ in range(self.n_cycles)]
        return rows_by_cycle(self._group("scores"))

    @cached_property
    def summary(self) -> list[Row]:
        """Rows of scores averaged over the cycles."""
        return summarise(self.score_rows)

    def series(self, what: str, against: str, variable: str, measure: str) -> np.ndarray:
        """One score by cycle, shape (n_cycles,); NaN where a cycle does not have it."""
        out = np.full(self.n_cycles, np.nan)
        for k, rows in enumerate(self.score_rows):
            for row in rows:
                if (row["what"], row["against"], row["variable"]) == (what, against, variable):
                    out[k] = row[measure]  # type: ignore[literal-required]
        return out

    # -- observations --------------------------------------------------------------------------

    @cached_property
    def observations(self) -> dict[str, np.ndarray]:
        """Columns of the observation tables of all cycles, each shape (p,), and ``cycle``."""
        if not self._filled("observations"):
            return {"fate": np.zeros(0, int), "cycle": np.zeros(0, int)}
        table = self._group("observations").compute()
        counts = table["n"].values.astype(int)
        valid = np.arange(table.sizes["slot"]) < counts[:, None]
        columns = {
            str(name): array.values[valid]
            for name, array in table.data_vars.items()
            if array.dims == ("cycle", "slot")
        }
        return columns | {"cycle": np.nonzero(valid)[0]}

    def observed(self, variable: str | None = None, fates: tuple[Fate, ...] = ()) -> np.ndarray:
        """Mask over the observations with this variable and one of these fates."""
        columns = self.observations
        mask = np.ones(columns["fate"].shape, bool)
        if variable is not None and mask.size:
            mask &= columns["variable"] == VARIABLES.index(variable)
        if fates:
            mask &= np.isin(columns["fate"], [int(f) for f in fates])
        return mask

    def on_grid(self, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Means of observed values by cell, shape (ny, nx), NaN where none was observed.

        ``mask`` selects observations, ``values`` has one number for each of all of them.
        """
        (y, x), (ny, nx) = self.edges, self.shape
        j = np.searchsorted(y, self.observations["lat"][mask], "right") - 1
        i = np.searchsorted(x, self.observations["lon"][mask], "right") - 1
        inside = (j >= 0) & (j < ny) & (i >= 0) & (i < nx)
        cells = j[inside] * nx + i[inside]
        total = np.bincount(cells, values[mask][inside], minlength=ny * nx)
        with np.errstate(invalid="ignore"):
            return (total / np.bincount(cells, minlength=ny * nx)).reshape(ny, nx)

    @cached_property
    def busiest_cycle(self) -> int:
        """The last of the cycles in which most observations were assimilated, from 0."""
        used = self.observations["cycle"][self.observed(fates=(Fate.ASSIMILATED,))]
        if used.size == 0:
            return self.n_cycles - 1
        counts = np.bincount(used, minlength=self.n_cycles)
        return int(np.flatnonzero(counts == counts.max())[-1])

    @cached_property
    def fate_counts(self) -> dict[Fate, int]:
        """How many raw observations met which fate, all cycles together."""
        if not self._filled("fates"):
            return {}
        table = self._group("fates").compute()
        valid = np.arange(table.sizes["slot"]) < table["n"].values.astype(int)[:, None]
        codes, counts = np.unique(table["fate"].values[valid].astype(int), return_counts=True)
        return {Fate(int(c)): int(n) for c, n in zip(codes, counts)}

    # -- health --------------------------------------------------------------------------------

    @cached_property
    def health(self) -> dict[str, np.ndarray]:
        """Diagnostics of the blocks, each shape (n_cycles, n_blocks)."""
        if not self._filled("health"):
            return {}
        table = self._group("health").compute()
        return {str(k): v.values for k, v in table.data_vars.items() if v.dims[0] == "cycle"}

    @cached_property
    def block_of_cell(self) -> np.ndarray | None:
        """Number of the block each cell belongs to, shape (ny, nx); None where unknown.

        Blocks are rectangles numbered row by row from the south-west.
        """
        block = (self.config.get("filter") or {}).get("block")
        if block is None or "ess" not in self.health:
            return None
        rows, columns = (np.arange(n) // size for n, size in zip(self.shape, block))
        number = rows[:, None] * (columns[-1] + 1) + columns
        return number if number.max() + 1 == self.health["ess"].shape[1] else None


def _edges(centres: np.ndarray) -> np.ndarray:
    step = float(centres[1] - centres[0]) if centres.size > 1 else 1.0
    return np.append(centres - step / 2, centres[-1] + step / 2)


def time_text(time: np.datetime64) -> str:
    """Write a time as 2024-01-16 05:00 UTC."""
    return str(np.datetime_as_string(time, unit="m")).replace("T", " ") + " UTC"
