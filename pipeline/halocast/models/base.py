"""What a model is: a class that advances one member, and how a run file's section becomes one.

A user's own model is any class with the members of `Model`; `halocast.testing` tells whether it
keeps the promises. Everything here is one member at a time: no model sees the ensemble.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np

from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.noise.response import SurfaceResponse
from halocast.settings import Settings
from halocast.state import StateLayout


class ForcingWindow(Protocol):
    """The steps of the forcing that bracket a stretch of time."""

    @property
    def times(self) -> np.ndarray:
        """Times of the steps, datetime64, shape (n,)."""

    @property
    def fields(self) -> Mapping[str, np.ndarray]:
        """Fields by name (ssh, u, v, t, …), each of shape (n, ny, nx)."""


@runtime_checkable
class Model(Protocol):
    """A numerical model of the ocean, or of something simpler.

    A member's state is a float64 array (F, ny, nx) in the order of ``layout``. No method changes
    its arguments, and none keeps anything between calls that changes a later answer.

    Attributes
    ----------
    name
        What reports call the model.
    grid
        Grid of the state; a model may smooth the depths it is given, so use this one.
    layout
        The fields of the state.
    needs_forcing
        Whether it is driven by an ocean analysis from the data store.
    """

    name: str
    grid: Grid
    layout: StateLayout
    needs_forcing: bool

    def initial_state(self, forcing: ForcingWindow | None) -> np.ndarray:
        """State (F, ny, nx) at the start of the run, from an ocean analysis or the model's own."""

    def initial_perturbation(self, seed: int, member: int) -> np.ndarray:
        """How a member of the initial ensemble differs from the initial state, (F, ny, nx).

        Addressed by (seed, member) alone; members are independent draws, not centred.
        """

    def apply_perturbation(self, state: np.ndarray, increment: np.ndarray) -> np.ndarray:
        """Add an increment (F, ny, nx) to a whole state and return what the model can run from."""

    def prepare_forcing(self, window: ForcingWindow | None) -> Any:
        """Turn the forcing of a cycle into what ``advance`` needs, once a cycle and worker."""

    def advance(
        self, state: np.ndarray, start: np.datetime64, stop: np.datetime64, forcing: Any
    ) -> np.ndarray:
        """Return the state at ``stop``, from the one at ``start``; noise-free.

        Pure, and restartable bitwise: stopping in between changes nothing.

        Raises
        ------
        ModelError
            The state is not finite any more; names the field, the cell and the time.
        """

    def complete(self, drawn: np.ndarray, ancestor: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Let an update of some cells have its consequences below, column by column.

        ``drawn`` and ``ancestor`` are the drawn and the ancestor's values (F, c) of the flat
        cells ``cells`` (c,). Returns (F, c); equal to ``drawn`` where nothing was changed.
        """

    def surface_response(self) -> SurfaceResponse | None:
        """What 1 m of sea-surface height in balance is in the other fields, for balanced noise.

        None where the model has nothing to balance.
        """

    def check(self) -> list[str]:
        """Say what would go wrong in a run: one sentence a problem, with the number that fails."""


MODEL_MEMBERS = (
    "name", "grid", "layout", "needs_forcing", "initial_state", "initial_perturbation",
    "apply_perturbation", "prepare_forcing", "advance", "complete", "surface_response", "check",
)  # fmt: skip
"""Names of what a model must have."""

_BUILDERS = {
    "linear-gaussian": ("halocast.models.linear_gaussian", "LinearGaussian"),
    "shallow-water": ("halocast.models.shallow_water", "ShallowWater"),
    "python": ("halocast.models.own", "load_own_model"),
    "external": ("halocast.models.external", "ExternalModel"),
}


def build_model(settings: Settings, grid: Grid) -> Model:
    """Build the model that a run file's ``model`` section asks for, on a grid.

    A model's module is imported when it is asked for, so that a run does not pay for others.

    Raises
    ------
    ConfigError
        There is no such model, or it cannot run on this grid.
    """
    kind = getattr(settings, "kind", None)
    if kind not in _BUILDERS:
        raise ConfigError(
            f"unknown model {kind!r}",
            where="model.kind",
            remedy=f"use one of {', '.join(_BUILDERS)}",
        )
    module, name = _BUILDERS[kind]
    return getattr(import_module(module), name)(settings, grid)
