"""Four-dimensional variational analysis, strong constraint, in the space of B's modes.

    x0 = x_b + U w,  B = U U';   J(w) = w'w / 2 + sum_k |R_k^-1/2 (y_k - h_k(M_k(x0)))|^2 / 2

by `halocast.filters.kalman.gauss_newton` (Courtier, Thepaut & Hollingsworth 1994, incremental form;
the paper's notation). Without an adjoint: the modes are carried through the window by the model's
derivatives where they are known, by differences of model runs where not.

Windows overlap: one begins ``lag`` cycles back, slides by one, and sees the newest observations
alone, each once; the older ones are in x_b, the analysis of the window before, carried on
(Bocquet & Sakov 2014, single assimilation; so does DAPPER). B is the climate's covariance, or I,
times ``scale`` at every window's beginning. Model noise has no place in it: B stands for all.

Cost of an iteration: n model runs over the window, 2 n^3 ``lag`` for products; n <= 1500.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.filters.kalman.checks import require_errors, require_size
from halocast.filters.kalman.climate import climate_of
from halocast.filters.kalman.gauss_newton import Minimum, minimise
from halocast.filters.kalman.jacobians import Derivative, model_jacobian, operator_jacobian
from halocast.filters.kalman.var3d import root_of
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

LARGEST = 1500


class Var4dSettings(Settings):
    """Four-dimensional variational analysis."""

    method: Literal["4dvar"] = Field("4dvar", description="The filter.")
    lag: int = Field(1, ge=1, le=50, description="Length of a window in cycles.")
    background: Literal["climate", "identity"] = Field(
        "climate", description="What B is a multiple of: the climate's covariance, or I."
    )
    scale: float = Field(0.1, gt=0, allow_inf_nan=False, description="Which multiple.")
    iterations: int = Field(10, ge=1, le=50, description="Steps of Gauss and Newton, at most.")
    tolerance: float = Field(
        1e-3, ge=0, le=1, description="A step shorter than this, per mode, is the last."
    )
    jacobian: Derivative = Field("auto", description="Where derivatives come from, as for ekf.")


class Sighting(NamedTuple):
    """Observations ``value`` (p,) made at the end of ``cycle``; ``problem`` as observed then."""

    problem: Problem
    cycle: int
    value: np.ndarray


def analyse_window(
    background: np.ndarray,
    root: np.ndarray,
    begun: int,
    sightings: list[Sighting],
    settings: Var4dSettings,
) -> Minimum:
    """Find w for a window that begins after cycle ``begun``.

    Parameters
    ----------
    background, root
        x_b (n,) and U (n, k) at the window's beginning.
    sightings
        All observations of the window, in the order of time.
    """
    where = linearisation(background, root, begun, sightings, settings.jacobian)
    value = np.concatenate([s.value for s in sightings])
    error = np.concatenate([s.problem.error for s in sightings])
    return minimise(where, value, error, root.shape[1], settings.iterations, settings.tolerance)


def linearisation(
    background: np.ndarray,
    root: np.ndarray,
    begun: int,
    sightings: list[Sighting],
    kind: Derivative,
) -> Callable[[Minimum], tuple[np.ndarray, np.ndarray]]:
    """Return what predicts all sightings from w, with the derivative."""

    def linearise(here: Minimum) -> tuple[np.ndarray, np.ndarray]:
        x, modes, now = background + root @ here.control, root, begun
        predicted, derivative = [], []
        for problem, cycle, _ in sightings:
            while now < cycle:
                now += 1
                modes = model_jacobian(problem, x, now, kind) @ modes
                x = problem.advance(x[None], now)[0]
            predicted.append(problem.predict(x[None])[0])
            derivative.append(operator_jacobian(problem, x, kind) @ modes)
        return np.concatenate(predicted), np.concatenate(derivative)

    return linearise


def run(problem: Problem, members: np.ndarray, begun: int, cycle: int) -> np.ndarray:
    """Advance members (m, n) from the end of cycle ``begun`` to that of ``cycle``."""
    for now in range(begun + 1, cycle + 1):
        members = problem.advance(members, now)
    return members


class Var4dState(NamedTuple):
    """The window's beginning: state (n,) and cycle; the root of B, (n, n)."""

    state: np.ndarray
    begun: int
    root: np.ndarray


class Var4d:
    """4D-Var as a method of the laboratory."""

    def __init__(self, settings: Var4dSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Var4dState:
        """Find the climate's covariance; refuse what the method cannot do.

        Raises
        ------
        ConfigError
            The state is too large, or an observation has no error.
        """
        require_size(problem.dimension, LARGEST, "4dvar", "its modes are a dense matrix")
        require_errors(problem.error, "4dvar")
        b = np.eye(problem.dimension)
        if self._settings.background == "climate":
            b = climate_of(problem, seed).covariance
        return Var4dState(problem.start, 0, root_of(self._settings.scale * b, "4dvar"))

    def cycle(
        self, problem: Problem, state: Var4dState, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Var4dState, Outcome]:
        """Fit the window's beginning to ``value`` (p,), and run to its end; slide it if full."""
        s, root = self._settings, state.root
        found = analyse_window(state.state, root, state.begun, [Sighting(problem, cycle, value)], s)
        x = state.state + root @ found.control
        both = run(problem, np.array([state.state, x]), state.begun, cycle)
        spread = self._spread(problem, x, root @ found.root, state.begun, cycle)
        outcome = Outcome(both[0], np.full_like(x, np.nan), both[1], spread)
        if cycle - state.begun < s.lag:
            return state._replace(state=x), outcome
        begun = state.begun + 1
        return Var4dState(run(problem, x[None], state.begun, begun)[0], begun, root), outcome

    def _spread(
        self, problem: Problem, x: np.ndarray, modes: np.ndarray, begun: int, cycle: int
    ) -> np.ndarray:
        """Return the standard deviations at the window's end, by the model's derivatives."""
        for now in range(begun + 1, cycle + 1):
            modes = model_jacobian(problem, x, now, self._settings.jacobian) @ modes
            x = problem.advance(x[None], now)[0]
        return np.sqrt(np.square(modes).sum(axis=1))
