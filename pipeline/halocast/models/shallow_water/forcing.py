"""The forcing of one cycle, turned once into what the time stepping reads."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from halocast.errors import InputError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow
from halocast.models.shallow_water.analysis_state import layers_from_surface, method_text
from halocast.models.shallow_water.boundaries import Boundary
from halocast.models.shallow_water.kernels import WEST
from halocast.models.shallow_water.open_edge import OpenEdge
from halocast.models.shallow_water.padding import aligned_copy, pad, padded_width
from halocast.models.shallow_water.settings import ShallowWaterSettings


class LayeredForcing(NamedTuple):
    """Boundary targets of a window, and how they were made."""

    boundary: Boundary
    method: str


class _Model(Protocol):
    grid: Grid
    settings: ShallowWaterSettings
    rest: np.ndarray
    edge: OpenEdge
    dtype: type


def layered_forcing(model: _Model, window: ForcingWindow) -> LayeredForcing:
    """Make the layered boundary targets, surface temperature and wind of a window.

    Raises
    ------
    InputError
        The window is empty, out of order, or not finite at sea.
    """
    seconds = window.times.astype("datetime64[s]").astype(np.int64)
    if seconds.size == 0 or (np.diff(seconds) <= 0).any():
        raise InputError(
            f"a forcing window of {seconds.size} steps is empty or out of order",
            where="forcing.time",
            remedy="give increasing times that bracket the cycle",
        )
    grid, settings, edge = model.grid, model.settings, model.edge
    fields = window.fields
    surface = [name for name in ("ssh", "u", "v", "t") if name in fields]
    at_edge = np.empty((seconds.size, 4, len(model.rest), edge.row.size))
    for i in range(seconds.size):
        step = {name: fields[name][i] for name in surface}
        layers = layers_from_surface(step, grid, model.rest, settings)
        at_edge[i] = layers[:, :, edge.row, edge.column]
    step_seconds = settings.time_step
    boundary = Boundary(
        seconds=seconds,
        target=aligned_copy(at_edge, model.dtype),
        row=edge.row + 1,
        column=edge.column + WEST,
        share=aligned_copy(-np.expm1(-edge.rate * step_seconds), model.dtype),
        edge=np.array([edge.edge]),
        open_cell=edge.open_cell,
        open_u=edge.open_u,
        open_v=edge.open_v,
        radiating=edge.radiating,
        celerity=edge.celerity.astype(model.dtype),
        sst=_surface_temperature(model, fields.get("t")),
        sst_share=np.array([-np.expm1(-settings.sst_relaxation_rate * step_seconds)], model.dtype),
        tau=_wind(model, fields.get("tau_x"), fields.get("tau_y")),
    )
    return LayeredForcing(boundary, method_text(settings))


def no_forcing(model: _Model) -> Boundary:
    """Return the forcing of a closed basin: none."""
    ny, nx = model.grid.shape[0] + 2, padded_width(model.grid.shape[1])
    nothing, never = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    return Boundary(
        seconds=np.zeros(1, np.int64),
        target=np.zeros((1, 4, len(model.rest), 0), model.dtype),
        row=nothing,
        column=nothing,
        share=np.zeros((3, 0), model.dtype),
        edge=np.zeros(1, np.int64),
        open_cell=never,
        open_u=never,
        open_v=never,
        radiating=np.zeros((0, 5), np.int64),
        celerity=np.zeros(0, model.dtype),
        sst=np.zeros((0, ny, nx), model.dtype),
        sst_share=np.zeros(1, model.dtype),
        tau=np.zeros((0, 2, ny, nx), model.dtype),
    )


def _surface_temperature(model: _Model, temperature: np.ndarray | None) -> np.ndarray:
    grid = model.grid
    if temperature is None or model.settings.sst_relaxation_rate == 0:
        return np.zeros((0, grid.shape[0] + 2, padded_width(grid.shape[1])), model.dtype)
    at_sea = np.where(grid.sea, temperature, model.settings.temperatures[0])
    return aligned_copy(pad(at_sea, model.settings.temperatures[0], grid.periodic), model.dtype)


def _wind(model: _Model, tau_x: np.ndarray | None, tau_y: np.ndarray | None) -> np.ndarray:
    """Wind stress at faces, times 2 / rho: the 2 belongs to the mean of two thicknesses."""
    grid = model.grid
    if tau_x is None or tau_y is None:
        return np.zeros((0, 2, grid.shape[0] + 2, padded_width(grid.shape[1])), model.dtype)
    faces = []
    for tau, place, axis in ((tau_x, "east", 2), (tau_y, "north", 1)):
        between = 0.5 * (tau + np.roll(tau, -1, axis))
        faces.append(np.where(grid.wet_at(place), between, 0.0))  # type: ignore[arg-type]
    stress = 2.0 / model.settings.reference_density * np.stack(faces, axis=1)
    return aligned_copy(pad(stress, 0.0, grid.periodic), model.dtype)
