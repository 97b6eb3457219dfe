"""The Kalman filter (Kalman 1960), for models and operators that are linear.

    x_f = F x_a + u        P_f = F P_a F' + Q
    x_a, P_a               by `halocast.filters.kalman.update`

F and u are read off the model: u is its run from zero, column i of F its run from the i-th unit
vector less u. A model or an operator that is not linear (affine, to be exact) is refused.

Cost: 4 n^3 multiplications a cycle; n + 1 runs of the model a cycle, for F may change with time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from halocast.errors import ConfigError
from halocast.filters.kalman.checks import require_errors, require_size
from halocast.filters.kalman.ekf import LARGEST, Gaussian, condition
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

_TOLERANCE = 1e-9  # of a sum, relative to its parts


class KfSettings(Settings):
    """The Kalman filter; it has nothing to be set."""

    method: Literal["kf"] = Field("kf", description="The filter.")


class Kf:
    """The Kalman filter as a method of the laboratory."""

    def __init__(self, settings: KfSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Gaussian:
        """Begin with what is known; refuse what the filter cannot do.

        Raises
        ------
        ConfigError
            The state is too large, an observation has no error, model or operator is not linear.
        """
        require_size(
            problem.dimension, LARGEST, "kf", "its covariance grows with the square, its work "
            "with the cube"
        )  # fmt: skip
        require_errors(problem.error, "kf")
        _require_linear(lambda x: problem.advance(x, 1), problem, "model")
        _require_linear(problem.predict, problem, "operator")
        return Gaussian(problem.start, problem.start_covariance)

    def cycle(
        self, problem: Problem, state: Gaussian, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Gaussian, Outcome]:
        """Forecast mean and covariance, and condition them on ``value`` (p,)."""
        f, rest = propagator(problem, cycle)
        ahead = Gaussian(f @ state.mean + rest, f @ state.covariance @ f.T)
        h, _ = affine(problem.predict, problem.dimension)
        return condition(problem, ahead, h, value, "kf")


def propagator(problem: Problem, cycle: int) -> tuple[np.ndarray, np.ndarray]:
    """Return F (n, n) and u (n,) of a linear model's interval."""
    return affine(lambda members: problem.advance(members, cycle), problem.dimension)


def affine(function: Callable[[np.ndarray], np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return A (p, n) and b (p,) of members (m, n) -> A x + b."""
    values = function(np.concatenate([np.zeros((1, n)), np.eye(n)]))
    return (values[1:] - values[0]).T, values[0]


def _require_linear(
    function: Callable[[np.ndarray], np.ndarray], problem: Problem, what: str
) -> None:
    """Refuse a function that does not take x + a and x + b to f(x + a) + f(x + b) - f(x)."""
    x = problem.start
    size = 1.0 + np.abs(x)
    a, b = size * np.cos(np.arange(x.size)), size * np.sin(1.0 + np.arange(x.size))
    base, one, other, both = function(np.array([x, x + a, x + b, x + a + b]))
    scale = np.abs([base, one, other, both]).max()
    if not np.abs(both - one - other + base).max() <= _TOLERANCE * scale:
        raise ConfigError(
            f"the {what} of {problem.name} is not linear",
            where="kf",
            remedy="use ekf, ukf or an ensemble",
        )
