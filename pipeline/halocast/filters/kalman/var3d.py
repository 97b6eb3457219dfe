"""Three-dimensional variational analysis: the most likely state, as a minimum.

    J(v) = v'v / 2 + |R^-1/2 (h(x_b + U v) - y)|^2 / 2,    B = U U'
    dJ/dv = v + U' H' R^-1 (h(x_b + U v) - y)

(Courtier et al. 1998; the paper's notation.) The control v makes B the identity: conjugate
gradients then need at most p + 1 steps in exact arithmetic. ``outer`` loops linearise h anew about
the last state; for a linear h the first is the answer, that of optimal interpolation.

The laboratory's B is that of a free run times ``scale``, constant in time; x_b is the forecast.

Cost of an inner step: 2 k p multiplications for U of shape (n, k); k n p before the first. There
is no line search: where h is so crooked that loops do not settle, fewer are better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field
from scipy.linalg import eigh

from halocast.errors import ConfigError
from halocast.filters.kalman.checks import require_errors, require_size
from halocast.filters.kalman.climate import climate_of
from halocast.filters.kalman.jacobians import Derivative, operator_jacobian
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

LARGEST = 4000
_TOLERANCE = 1e-14  # of the inner gradient, relative to its first


class Var3dSettings(Settings):
    """Three-dimensional variational analysis."""

    method: Literal["3dvar"] = Field("3dvar", description="The filter.")
    scale: float = Field(
        0.1, gt=0, allow_inf_nan=False, description="B is the climate's covariance times this."
    )
    outer: int = Field(
        1, ge=1, le=20, description="Linearisations of the operator; 1 will do for linear ones."
    )
    jacobian: Derivative = Field(
        "auto", description="Where the operator's derivative comes from, as for ekf."
    )


class Analysed(NamedTuple):
    """The minimum: state (n,), control v (k,), and inner steps of each outer loop."""

    state: np.ndarray
    control: np.ndarray
    steps: tuple[int, ...]


class Cost(NamedTuple):
    """J and its gradient.

    Attributes
    ----------
    background, root
        x_b (n,) and U (n, k).
    predict, derivative
        h: members (m, n) -> (m, p), and H: state (n,) -> (p, n).
    value, error
        y and the standard deviations of its errors, (p,).
    """

    background: np.ndarray
    root: np.ndarray
    predict: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    value: np.ndarray
    error: np.ndarray

    def state(self, control: np.ndarray) -> np.ndarray:
        """Return x_b + U v, (n,)."""
        return self.background + self.root @ control

    def misfit(self, control: np.ndarray) -> np.ndarray:
        """Return R^-1/2 (h(x_b + U v) - y), (p,)."""
        return (self.predict(self.state(control)[None])[0] - self.value) / self.error

    def at(self, control: np.ndarray) -> float:
        """Return J(v)."""
        misfit = self.misfit(control)
        return 0.5 * float(control @ control + misfit @ misfit)

    def gradient(self, control: np.ndarray) -> np.ndarray:
        """Return dJ/dv, (k,)."""
        h = self.derivative(self.state(control)) / self.error[:, None]
        return control + self.root.T @ (h.T @ self.misfit(control))


def minimise(cost: Cost, outer: int) -> Analysed:
    """Find the minimum of J by Gauss and Newton, each step by conjugate gradients."""
    control, steps = np.zeros(cost.root.shape[1]), []
    for _ in range(outer):
        seen = (cost.derivative(cost.state(control)) @ cost.root) / cost.error[:, None]
        step, count = _conjugate_gradients(seen, -cost.gradient(control))
        control = control + step
        steps.append(count)
    return Analysed(cost.state(control), control, tuple(steps))


def _conjugate_gradients(seen: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, int]:
    """Solve (I + S'S) x = ``right`` (k,) for S (p, k); return x and the steps taken."""
    x, residual = np.zeros_like(right), right.copy()
    along, size = residual.copy(), residual @ residual
    enough, longest = _TOLERANCE**2 * size, 3 * min(seen.shape) + 20
    for step in range(longest):
        if not size > enough:
            return x, step
        product = along + seen.T @ (seen @ along)
        rate = size / (along @ product)
        x = x + rate * along
        residual = residual - rate * product
        size, before = residual @ residual, size
        along = residual + (size / before) * along
    return x, longest  # rounding: the residual no longer falls


def root_of(covariance: np.ndarray, where: str) -> np.ndarray:
    """Return the symmetric root U of a covariance (n, n): B = U U'.

    Raises
    ------
    ConfigError
        It has a negative eigenvalue, beyond rounding.
    """
    values, vectors = eigh(covariance)
    if not values[0] >= -1e-10 * abs(values[-1]):
        raise ConfigError(
            f"the background's covariance has an eigenvalue {values[0]:g}",
            where=where,
            remedy="use a positive correlation function (a cut-off Gaussian is none)",
        )
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


class Var3dState(NamedTuple):
    """The analysis (n,) and the root of B, (n, n)."""

    analysis: np.ndarray
    root: np.ndarray


class Var3d:
    """3D-Var as a method of the laboratory."""

    def __init__(self, settings: Var3dSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Var3dState:
        """Find the climate's covariance; refuse what the method cannot do.

        Raises
        ------
        ConfigError
            The state is too large, or an observation has no error.
        """
        require_size(problem.dimension, LARGEST, "3dvar", "the root of B grows with the square")
        require_errors(problem.error, "3dvar")
        b = self._settings.scale * climate_of(problem, seed).covariance
        return Var3dState(problem.start, root_of(b, "3dvar"))

    def cycle(
        self, problem: Problem, state: Var3dState, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Var3dState, Outcome]:
        """Run the forecast, and find the state that fits it and ``value`` (p,) best."""
        s, root = self._settings, state.root
        ahead = problem.advance(state.analysis[None], cycle)[0]

        def derivative(x: np.ndarray) -> np.ndarray:
            return operator_jacobian(problem, x, s.jacobian)

        cost = Cost(ahead, root, problem.predict, derivative, value, problem.error)
        found = minimise(cost, s.outer)
        seen = (derivative(found.state) @ root) / problem.error[:, None]
        left = np.linalg.solve(np.eye(root.shape[1]) + seen.T @ seen, root.T)
        outcome = Outcome(
            ahead, np.sqrt(np.square(root).sum(axis=1)),
            found.state, np.sqrt(np.sum(root * left.T, axis=1)),
        )  # fmt: skip
        return Var3dState(found.state, root), outcome
