"""The central-difference Kalman filter, in square-root form (Ito & Xiong 2000; Norgaard 2000).

A function is replaced by its quadratic interpolation through points h = sqrt(3) standard deviations
apart along the columns S_i of a root of the covariance. With y_0, y_i+ and y_i- its values there

    D1_i = (y_i+ - y_i-) / (2 h),     D2_i = sqrt(h^2 - 1) / (2 h^2) (y_i+ + y_i- - 2 y_0)
    mean = y_0 + sum (y_i+ + y_i- - 2 y_0) / (2 h^2),   covariance = D1 D1' + D2 D2'

and the covariance with x is S D1'. All terms are squares: no weight is ever negative. Model noise
is added to the forecast's columns, new points are drawn from it. ``inflation`` multiplies the
analysis's square root.

Cost: 2 n + 1 runs a cycle, as for the unscented filter.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from halocast.filters.sigma_point.gaussian import Root, condition, root_of
from halocast.filters.sigma_point.points import Columns, points
from halocast.filters.sigma_point.ukf import first, noise_root, outcome_of
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

STEP = float(np.sqrt(3.0))  # the kurtosis of a Gaussian


class CdkfSettings(Settings):
    """The central-difference Kalman filter."""

    method: Literal["cdkf"] = Field("cdkf", description="The filter.")
    inflation: float = Field(
        1.0, ge=1, le=2, description="Factor on the analysis's standard deviations."
    )


def differences(images: np.ndarray) -> Columns:
    """Return what the images (2 n + 1, p) of points say: columns D1, then D2.

    The points are those of `halocast.filters.sigma_point.points.points` at distance `STEP`.
    """
    count = images.shape[0] // 2
    ahead, behind = images[1 : count + 1], images[count + 1 :]
    slope = (ahead - behind) / (2.0 * STEP)
    bend = ((ahead - images[0]) + (behind - images[0])) / (2.0 * STEP**2)
    columns = np.concatenate([slope, np.sqrt(STEP**2 - 1.0) * bend]).T
    return Columns(images[0] + bend.sum(axis=0), columns, np.zeros(images.shape[1]), 1.0)


class Cdkf:
    """The central-difference Kalman filter as a method of the laboratory."""

    def __init__(self, settings: CdkfSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Root:
        """Begin with what is known; refuse what the filter cannot do.

        Raises
        ------
        ConfigError
            The state is too large, or an observation has no error.
        """
        return first(problem, "cdkf")

    def cycle(
        self, problem: Problem, state: Root, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Root, Outcome]:
        """Run the points, and condition what they say on ``value`` (p,)."""
        run = problem.advance(points(state.mean, state.root, STEP), cycle)
        ahead = differences(run)
        forecast = Root(ahead.mean, root_of(ahead, noise_root(problem)))
        fresh = points(forecast.mean, forecast.root, STEP)
        seen = differences(problem.predict(fresh))
        analysis = condition(differences(fresh), seen, value, problem.error)
        analysis = Root(analysis.mean, self._settings.inflation * analysis.root)
        return analysis, outcome_of(forecast, analysis)
