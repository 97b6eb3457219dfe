"""A model of the user's: a class named in the run file, and the part of the contract it can skip.

    model: {kind: python, class: "my_model:MyModel", options: {speed: 0.3}}

The class is called with the grid and the options, ``MyModel(grid, speed=0.3)``. Derived from
`OwnModel` it says ``name``, ``layout``, ``initial_state`` and ``advance``, and the rest of
`halocast.models.Model` where that differs from what is said here.
"""

from __future__ import annotations

import traceback
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from halocast.errors import ConfigError, HalocastError, ModelError
from halocast.grid import Grid
from halocast.models.base import MODEL_MEMBERS, ForcingWindow, Model
from halocast.noise.response import SurfaceResponse
from halocast.own_code import OwnClassSettings, load_object
from halocast.state import StateLayout


class PythonModelSettings(OwnClassSettings):
    """A model that is a Python class of the user's; it is called with the grid and the options."""

    kind: Literal["python"] = "python"
    time_step: PositiveInt | None = Field(
        None, description="Seconds; the analysis interval must be a multiple of it; null: any is"
    )


class OwnModel:
    """What most models do; derive from it and say the rest.

    A derived class sets ``name`` and ``layout`` (a `halocast.state.StateLayout`), and has
    ``initial_state`` and ``advance``. States are float64 arrays (F, ny, nx).
    """

    name: str = "own model"
    layout: StateLayout
    needs_forcing: ClassVar[bool] = False

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def initial_state(self, forcing: ForcingWindow | None) -> np.ndarray:
        """State (F, ny, nx) at the start of the run."""
        raise NotImplementedError("initial_state")

    def advance(
        self, state: np.ndarray, start: np.datetime64, stop: np.datetime64, forcing: Any
    ) -> np.ndarray:
        """Return the state at ``stop`` from the one at ``start``, without changing the latter."""
        raise NotImplementedError("advance")

    def initial_perturbation(self, seed: int, member: int) -> np.ndarray:
        """No difference: members part through the model noise. Draws need an address
        (`halocast.draws`, `halocast.random_fields.red_noise`)."""
        return np.zeros((len(self.layout), *self.grid.shape))

    def apply_perturbation(self, state: np.ndarray, increment: np.ndarray) -> np.ndarray:
        """Add the increment where each field lives."""
        return state + np.where(self.layout.wet(self.grid), increment, 0.0)

    def prepare_forcing(self, window: ForcingWindow | None) -> Any:
        """Hand the forcing on as it is."""
        return window

    def complete(self, drawn: np.ndarray, ancestor: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """What was drawn is complete."""
        return drawn.copy()

    def surface_response(self) -> SurfaceResponse | None:
        """Nothing is balanced."""
        return None

    def check(self) -> list[str]:
        """Nothing to object to."""
        return []


def load_own_model(settings: PythonModelSettings, grid: Grid) -> Model:
    """Import the user's class, make the model, and guard it.

    Raises
    ------
    ConfigError
        There is no such class, it refuses the options, or lacks members of a model.
    """
    reference = settings.class_
    kind = load_object(reference, settings.source, "model.class")
    try:
        model = kind(grid, **settings.options)
    except HalocastError:
        raise
    except Exception as error:  # the user's code runs here, and may raise anything
        raise ConfigError(
            f"{reference} cannot be made with {settings.options or 'the grid alone'}: "
            f"{type(error).__name__}: {error}",
            where="model.options" if settings.options else "model.class",
            remedy="the class is called with the grid, and the options by keyword",
        ) from error
    missing = [name for name in MODEL_MEMBERS if not hasattr(model, name)]
    if missing:
        raise ConfigError(
            f"{reference} is no model: it lacks {', '.join(missing)}",
            where="model.class",
            remedy="derive the class from halocast.models.OwnModel, and try it with "
            "halocast.testing.check_model",
        )
    return GuardedModel(model)


class GuardedModel:
    """A user's model whose forecasts fail as members do: with a `ModelError` that says where.

    Everything but ``advance`` is the model's own.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # nothing of the protocol of copying and pickling
            raise AttributeError(name)
        return getattr(self._model, name)

    def advance(
        self, state: np.ndarray, start: np.datetime64, stop: np.datetime64, forcing: Any
    ) -> np.ndarray:
        """Advance the user's model.

        Raises
        ------
        ModelError
            The model raised something, or returned what is not a state.
        """
        name = type(self._model).__name__
        try:
            result = self._model.advance(state, start, stop, forcing)
        except HalocastError:
            raise
        except Exception as error:  # the user's code runs here, and may raise anything
            raise ModelError(
                f"{name}.advance raised {type(error).__name__}: {error}",
                where=f"{_last_place(error)}; from {start} to {stop}",
                remedy="try the model with halocast.testing.check_model",
            ) from error
        shape = (len(self._model.layout), *self._model.grid.shape)
        found = getattr(result, "shape", None), getattr(result, "dtype", None)
        if found != (shape, np.dtype(float)):
            raise ModelError(
                f"{name}.advance returned {type(result).__name__} of shape {found[0]} and type "
                f"{found[1]}; the layout and the grid say float64 {shape}",
                where=f"from {start} to {stop}",
                remedy="try the model with halocast.testing.check_model",
            )
        return result


def _last_place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename.rsplit('/', 1)[-1]}, line {frame.lineno}"
