"""Optimal interpolation from a climate: what observations alone tell who knows the climate only.

    x_a = x_c + K (y - h(x_c)),    K = B H' (H B H' + R)^-1

x_c and B are mean and covariance of a free run, constant in time; H is the derivative of h at x_c.
The forecast is not used: each analysis stands alone (Gandin 1963). It is the score a filter must
beat before its model has helped at all. For fields on a grid see
`halocast.filters.kalman.oi_field`; from a forecast the same algebra is
`halocast.filters.kalman.var3d`.

Cost: a free run once; n p multiplications a cycle.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.filters.kalman.checks import require_errors, require_size
from halocast.filters.kalman.climate import Climate, climate_of
from halocast.filters.kalman.jacobians import operator_jacobian
from halocast.filters.kalman.update import update
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

LARGEST = 4000


class OiSettings(Settings):
    """Optimal interpolation from the climate."""

    method: Literal["oi"] = Field("oi", description="The filter.")
    largest_innovation: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Innovations are cut to this size, in the observations' units; null: none.",
    )


class OiState(NamedTuple):
    """The last analysis (n,), from which the model runs on, and the climate."""

    analysis: np.ndarray
    climate: Climate


class Oi:
    """Optimal interpolation as a method of the laboratory."""

    def __init__(self, settings: OiSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> OiState:
        """Find the climate; refuse what the method cannot do.

        Raises
        ------
        ConfigError
            The state is too large, or an observation has no error.
        """
        require_size(problem.dimension, LARGEST, "oi", "its covariance grows with the square")
        require_errors(problem.error, "oi")
        return OiState(problem.start, climate_of(problem, seed))

    def cycle(
        self, problem: Problem, state: OiState, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[OiState, Outcome]:
        """Run the model, for its score alone, and interpolate ``value`` (p,)."""
        ahead = problem.advance(state.analysis[None], cycle)[0]
        mean, b = state.climate.mean, state.climate.covariance
        h = operator_jacobian(problem, mean, "auto")
        innovation = cap(value - problem.predict(mean[None])[0], self._settings.largest_innovation)
        analysis, left = update(mean, b, h, innovation, np.square(problem.error), "oi")
        outcome = Outcome(ahead, np.sqrt(np.diag(b)), analysis, np.sqrt(np.diag(left)))
        return OiState(analysis, state.climate), outcome


def cap(innovation: np.ndarray, largest: float | None) -> np.ndarray:
    """Cut innovations (p,) to [-largest, largest]; None: leave them."""
    return innovation if largest is None else np.clip(innovation, -largest, largest)
