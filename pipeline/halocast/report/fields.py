"""A run's cycles, grid and fields as plain arrays, out of ``halocast.open_run``'s tree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
import yaml

from halocast.errors import RunError, StoreError
from halocast.stores.places import locate
from halocast.stores.truth_store import Truth

TRACKS = {"analysis": "analysis", "forecast": "forecast", "free-run": "free_run"}
KELVIN = 273.15


class FieldView:
    """The part of a run that is fields: the state, its truth, its references.

    Everything optional (truth, free run, reference) may be missing; the ``has_…`` properties say
    what is there.
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
        store = locate(directory) / "data.zarr" if data.get("twin") else locate(data["store"])
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

    @property
    def first_middle_last(self) -> list[int]:
        """The cycles, from 0, that stand for the run; fewer where it has fewer."""
        return sorted({0, (self.n_cycles - 1) // 2, self.n_cycles - 1})

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

    def at_cells(
        self, track: str, statistic: str, variable: str, cells: Sequence[int]
    ) -> np.ndarray:
        """A track's mean or spread at flat cells of the surface, shape (n_cycles, cells)."""
        return self._at_cells(f"{TRACKS[track]}/{statistic}", variable, cells)

    def reference_at_cells(self, variable: str, cells: Sequence[int]) -> np.ndarray | None:
        """What the run is held against at flat cells, shape (n_cycles, cells), if there is one."""
        if self.reference == "kalman-filter":
            return self._at_cells("kalman_filter/mean", variable, cells)
        return None if self.truth is None else self._true_surface[variable][:, list(cells)]

    @cached_property
    def _true_surface(self) -> dict[str, np.ndarray]:
        """The truth of each surface variable at all cycles, (n_cycles, n_cells)."""
        assert self.truth is not None
        top = {v: layers[0] for v, layers in self.truth.layout.variables().items()}
        states = [
            self.truth.at(time)[list(top.values())].reshape(len(top), -1)
            for time in self.times.astype("datetime64[s]")
        ]
        return dict(zip(top, np.stack(states, axis=1)))

    def _at_cells(self, group: str, variable: str, cells: Sequence[int]) -> np.ndarray:
        array = self._group(group)[variable]
        if "layer" in array.dims:
            array = array.isel(layer=0)
        return array.values.reshape(self.n_cycles, -1)[:, list(cells)]

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


def _edges(centres: np.ndarray) -> np.ndarray:
    step = float(centres[1] - centres[0]) if centres.size > 1 else 1.0
    return np.append(centres - step / 2, centres[-1] + step / 2)


def time_text(time: np.datetime64) -> str:
    """Write a time as 2024-01-16 05:00 UTC."""
    return str(np.datetime_as_string(time, unit="m")).replace("T", " ") + " UTC"
