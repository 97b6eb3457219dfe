"""The extended Kalman filter: Kalman's filter with the model linearised about its own run.

    x_f = f(x_a)           P_f = c M P_a M' + Q,    M the derivative of f over the interval at x_a
    x_a, P_a               by `halocast.filters.kalman.update`, H the derivative of h at x_f

(The paper's notation: Jazwinski 1970, ch. 8.) The covariance of a chaotic model is underestimated,
since M forgets the curvature: c inflates it, by ``inflation`` per unit of time. The forecast is
the run of the mean, not the mean of runs.

Cost: 4 n^3 multiplications a cycle, and the derivative: 2 n runs where the problem has none. At
the 1500 scalars where it stops, P has 18 MB and a cycle takes 0.8 s beside the runs.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.filters.kalman.checks import require_errors, require_size
from halocast.filters.kalman.jacobians import Derivative, model_jacobian, operator_jacobian
from halocast.filters.kalman.update import update
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

LARGEST = 1500


class EkfSettings(Settings):
    """The extended Kalman filter."""

    method: Literal["ekf"] = Field("ekf", description="The filter.")
    inflation: float = Field(
        1.0,
        ge=1,
        allow_inf_nan=False,
        description="Factor on the forecast's covariance per unit of time.",
    )
    interval: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="How long a cycle is, in the unit of time of the inflation.",
    )
    jacobian: Derivative = Field(
        "auto",
        description="Where the model's derivative comes from: known, complex-step, difference; "
        "auto: known where the problem has it, else differences.",
    )


class Gaussian(NamedTuple):
    """A mean (n,) and its covariance (n, n)."""

    mean: np.ndarray
    covariance: np.ndarray


class Ekf:
    """The extended Kalman filter as a method of the laboratory."""

    def __init__(self, settings: EkfSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Gaussian:
        """Begin with what is known; refuse what the filter cannot do.

        Raises
        ------
        ConfigError
            The state is too large, or an observation has no error.
        """
        require_size(
            problem.dimension, LARGEST, "ekf", "its covariance grows with the square, its work "
            "with the cube"
        )  # fmt: skip
        require_errors(problem.error, "ekf")
        return Gaussian(problem.start, problem.start_covariance)

    def cycle(
        self, problem: Problem, state: Gaussian, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Gaussian, Outcome]:
        """Forecast mean and covariance, and condition them on ``value`` (p,)."""
        s = self._settings
        m = model_jacobian(problem, state.mean, cycle, s.jacobian)
        ahead = problem.advance(state.mean[None], cycle)[0]
        spread = s.inflation**s.interval * (m @ state.covariance @ m.T)
        h = operator_jacobian(problem, ahead, s.jacobian)
        return condition(problem, Gaussian(ahead, spread), h, value, "ekf")


def condition(
    problem: Problem, forecast: Gaussian, h: np.ndarray, value: np.ndarray, where: str
) -> tuple[Gaussian, Outcome]:
    """Add the model noise to a forecast, and condition it on ``value`` (p,) by H, (p, n)."""
    covariance = forecast.covariance + problem.noise_covariance
    innovation = value - problem.predict(forecast.mean[None])[0]
    analysis = Gaussian(
        *update(forecast.mean, covariance, h, innovation, np.square(problem.error), where)
    )
    outcome = Outcome(
        forecast.mean, np.sqrt(np.diag(covariance)),
        analysis.mean, np.sqrt(np.diag(analysis.covariance)),
    )  # fmt: skip
    return analysis, outcome
