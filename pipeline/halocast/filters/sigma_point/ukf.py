"""The unscented Kalman filter, in square-root form (Julier & Uhlmann 1997; van der Merwe 2001).

Sigma points of the analysis (`halocast.filters.sigma_point.points`) run through the model; their
images' moments are the forecast. With

additive noise    G G' = Q is added to the forecast, new points are drawn from it, and what they
                  predict is conditioned on the observations: L = n, 2 n + 1 runs
augmented noise   points of state, model noise and observation noise together, L = n + r + p, run
                  once through all: x_f = f(x) + G eta, y_f = h(x_f) + R^1/2 zeta; no new points

For linear models both are the Kalman filter. No derivative is asked for; the moments of a quadratic
function are exact. ``inflation`` multiplies the analysis's square root.

Cost: 2 L + 1 runs a cycle, about 10 n^3 multiplications; at the 1000 scalars where it stops, 2001
runs and 0.6 s.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.linalg import block_diag

from halocast.filters.kalman.checks import require_errors, require_size
from halocast.filters.sigma_point.gaussian import Root, condition, root_of
from halocast.filters.sigma_point.points import Scaling, moments, points, reach
from halocast.filters.sigma_point.square_root import triangle
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem

LARGEST = 1000


class UkfSettings(Scaling):
    """The unscented Kalman filter."""

    method: Literal["ukf"] = Field("ukf", description="The filter.")
    noise: Literal["additive", "augmented"] = Field(
        "additive", description="Whether noise is added to the moments or has points of its own."
    )
    inflation: float = Field(
        1.0, ge=1, le=2, description="Factor on the analysis's standard deviations."
    )


class Ukf:
    """The unscented Kalman filter as a method of the laboratory."""

    def __init__(self, settings: UkfSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Root:
        """Begin with what is known; refuse what the filter cannot do.

        Raises
        ------
        ConfigError
            The state is too large, an observation has no error, kappa does not fit.
        """
        return first(problem, "ukf")

    def cycle(
        self, problem: Problem, state: Root, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Root, Outcome]:
        """Run the points, and condition what they say on ``value`` (p,)."""
        s = self._settings
        step = augmented if s.noise == "augmented" else additive
        forecast, analysis = step(problem, state, value, cycle, s)
        analysis = Root(analysis.mean, s.inflation * analysis.root)
        return analysis, outcome_of(forecast, analysis)


def first(problem: Problem, where: str) -> Root:
    """Return what is known at the start, refusing states too large and observations without errors.

    Raises
    ------
    ConfigError
        Either.
    """
    require_size(
        problem.dimension, LARGEST, where, "it runs the model twice as often as the state has "
        "scalars, and its work grows with the cube"
    )  # fmt: skip
    require_errors(problem.error, where)
    root = np.diag(problem.start_sd) if problem.start_root is None else problem.start_root
    return Root(problem.start, triangle(root))


def noise_root(problem: Problem) -> np.ndarray:
    """Return G (n, r) of the model noise, r = 0 without."""
    if problem.noise_sd is None:
        return np.zeros((problem.dimension, 0))
    return np.diag(problem.noise_sd) if problem.noise_root is None else problem.noise_root


def outcome_of(forecast: Root, analysis: Root) -> Outcome:
    """Return means and standard deviations of both."""
    return Outcome(forecast.mean, forecast.spread, analysis.mean, analysis.spread)


def additive(
    problem: Problem, state: Root, value: np.ndarray, cycle: int, scaling: Scaling
) -> tuple[Root, Root]:
    """Return forecast and analysis with noise added to the moments."""
    distance = reach(problem.dimension, scaling)
    run = problem.advance(points(state.mean, state.root, distance), cycle)
    ahead = moments(run, distance, scaling)
    forecast = Root(ahead.mean, root_of(ahead, noise_root(problem)))
    fresh = points(forecast.mean, forecast.root, distance)
    seen = moments(problem.predict(fresh), distance, scaling)
    return forecast, condition(moments(fresh, distance, scaling), seen, value, problem.error)


def augmented(
    problem: Problem, state: Root, value: np.ndarray, cycle: int, scaling: Scaling
) -> tuple[Root, Root]:
    """Return forecast and analysis with points in state, model noise and observation noise."""
    n, g = problem.dimension, noise_root(problem)
    r = g.shape[1]
    root = block_diag(state.root, np.eye(r), np.diag(problem.error))
    distance = reach(root.shape[0], scaling)
    centre = np.concatenate([state.mean, np.zeros(root.shape[0] - n)])
    cloud = points(centre, root, distance)
    run = problem.advance(cloud[:, :n], cycle) + cloud[:, n : n + r] @ g.T
    ahead = moments(run, distance, scaling)
    seen = moments(problem.predict(run) + cloud[:, n + r :], distance, scaling)
    return Root(ahead.mean, root_of(ahead)), condition(ahead, seen, value, None)
