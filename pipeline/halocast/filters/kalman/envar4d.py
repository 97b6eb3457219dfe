"""4DEnVar: four-dimensional variational analysis in the space of an ensemble.

    x0 = x_b + A' w / sqrt(m - 1);   J(w) as in `halocast.filters.kalman.gauss_newton`

The derivative of the predictions by w is the regression of the members' own: they run through the
window as x0 + T A, T the transform of the step before (so that they cover what is left of the
uncertainty), and what they predict, less its mean, is multiplied by T^-1. No adjoint, no tangent:
models and operators are called with members only. At the minimum w moves the mean and
T = (I + S'S)^-1/2 the anomalies, which carry B to the next window: it flows with the model
(the iterative ensemble Kalman smoother of Bocquet & Sakov 2014, in its transform form, whose
notation this is; members in rows).

A window begins ``lag`` cycles back, slides by one and sees the newest observations alone. Where the
window slides members get their model noise; inside it the model is taken for perfect.

Cost of an iteration: m model runs over the window, m^2 p + 9 m^3 multiplications; m^2 n at the end.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.draws import Purpose
from halocast.filters.ensemble.rotation import rotation
from halocast.filters.kalman.checks import require_errors
from halocast.filters.kalman.gauss_newton import Minimum, minimise
from halocast.filters.kalman.var4d import run
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings


class EnVar4dSettings(Settings):
    """4DEnVar."""

    method: Literal["4denvar"] = Field("4denvar", description="The filter.")
    members: int = Field(20, ge=2, le=10_000, description="Members of the laboratory's ensemble.")
    lag: int = Field(1, ge=1, le=50, description="Length of a window in cycles.")
    iterations: int = Field(10, ge=1, le=50, description="Steps of Gauss and Newton, at most.")
    tolerance: float = Field(
        1e-3, ge=0, le=1, description="A step shorter than this, per member, is the last."
    )
    inflation: float = Field(
        1.0, ge=1, le=2, description="Factor on the anomalies after the analysis."
    )
    rotate: bool = Field(True, description="Whether anomalies are rotated at random each cycle.")


class EnVar4dState(NamedTuple):
    """The window's beginning: members (m, n) and cycle."""

    members: np.ndarray
    begun: int


class EnVar4d:
    """4DEnVar as a method of the laboratory."""

    def __init__(self, settings: EnVar4dSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> EnVar4dState:
        """Draw the members; refuse observations without errors.

        Raises
        ------
        ConfigError
            An observation has no error.
        """
        require_errors(problem.error, "4denvar")
        count = self._settings.members
        return EnVar4dState(problem.first_states(Purpose.INITIAL_STATE, count, seed), 0)

    def cycle(
        self, problem: Problem, state: EnVar4dState, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[EnVar4dState, Outcome]:
        """Fit the window's beginning to ``value`` (p,), and run to its end; slide it if full."""
        s, m = self._settings, self._settings.members
        ahead = run(problem, state.members, state.begun, cycle)
        members, _ = self.analyse(problem, state, value, cycle)
        mean = members.mean(axis=0)
        anomalies = s.inflation * (members - mean)
        if s.rotate:
            anomalies = rotation(seed, cycle, m) @ anomalies
        members = mean + anomalies
        end = run(problem, members, state.begun, cycle)
        outcome = Outcome(
            ahead.mean(axis=0), ahead.std(axis=0, ddof=1), end.mean(axis=0),
            end.std(axis=0, ddof=1), end,
        )  # fmt: skip
        if cycle - state.begun < s.lag:
            return EnVar4dState(members, state.begun), outcome
        begun = state.begun + 1
        noise = problem.model_noise(Purpose.MODEL_NOISE, m, seed, begun)
        return EnVar4dState(problem.advance(members, begun) + noise, begun), outcome

    def analyse(
        self, problem: Problem, state: EnVar4dState, value: np.ndarray, cycle: int
    ) -> tuple[np.ndarray, Minimum]:
        """Return the members (m, n) at the window's beginning that fit ``value``, and the fit."""
        s, m = self._settings, self._settings.members
        scale = np.sqrt(m - 1.0)
        mean = state.members.mean(axis=0)
        anomalies = state.members - mean

        def linearise(here: Minimum) -> tuple[np.ndarray, np.ndarray]:
            x = mean + here.control @ anomalies / scale
            end = run(problem, x + here.root @ anomalies, state.begun, cycle)
            predicted = problem.predict(end)
            centre = predicted.mean(axis=0)
            return centre, (here.inverse_root @ (predicted - centre)).T / scale

        found = minimise(linearise, value, problem.error, m, s.iterations, s.tolerance)
        x = mean + found.control @ anomalies / scale
        return x + found.root @ anomalies, found
