"""Derivatives of models and of operators, where nobody has written them down.

Central differences have a step of 1e-6 max(1, |x_i|) each, so an error of about 1e-12 f''' and
one of rounding of about 1e-10 |f|. The complex step, Im f(x + i 1e-30 e_j) / 1e-30, subtracts
nothing and is exact to rounding, but f must take complex numbers (Squire & Trapp 1998).

Cost: 2 n runs of the model, or n complex ones, all as members of one ensemble.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from halocast.errors import ConfigError
from halocast.laboratory.problem import Problem

Derivative = Literal["auto", "known", "complex-step", "difference"]

_STEP = 1e-6
_COMPLEX_STEP = 1e-30


def central_difference(
    function: Callable[[np.ndarray], np.ndarray], state: np.ndarray
) -> np.ndarray:
    """Return the derivative (p, n) of ``function``, members (m, n) -> (m, p), at a state (n,)."""
    steps = np.diag(_STEP * np.maximum(1.0, np.abs(state)))
    ahead, behind = state + steps, state - steps
    values = function(np.concatenate([ahead, behind]))
    taken = np.diagonal(ahead - behind)  # the step as the sums were rounded
    return ((values[: state.size] - values[state.size :]) / taken[:, None]).T


def complex_step(function: Callable[[np.ndarray], np.ndarray], state: np.ndarray) -> np.ndarray:
    """Return the derivative (p, n) of ``function``, members (m, n) -> (m, p), at a state (n,).

    Raises
    ------
    ConfigError
        The function does not take complex numbers, or gives real ones back.
    """
    moved = state + 1j * _COMPLEX_STEP * np.eye(state.size)
    try:
        values = function(moved)
    except Exception as problem:  # whatever a model of the user's raises
        raise _not_complex(f"it raises {type(problem).__name__}") from problem
    if not np.iscomplexobj(values):
        raise _not_complex("it gives real ones back")
    return (values.imag / _COMPLEX_STEP).T


def _not_complex(how: str) -> ConfigError:
    return ConfigError(
        f"the function does not take complex numbers: {how}",
        where="jacobian: complex-step",
        remedy="use jacobian: difference, or give the problem its tangent",
    )


def model_jacobian(problem: Problem, state: np.ndarray, cycle: int, kind: Derivative) -> np.ndarray:
    """Return the derivative of an interval's model run at its first state, (n, n).

    Parameters
    ----------
    kind
        ``known``: the problem's tangent; ``auto``: that where it has one, else differences.

    Raises
    ------
    ConfigError
        ``known`` of a problem that has no tangent.
    """
    if kind in ("auto", "known") and problem.tangent is not None:
        return problem.tangent(state, cycle)
    if kind == "known":
        raise ConfigError(
            f"the problem {problem.name} has no tangent",
            where="jacobian: known",
            remedy="use jacobian: difference, or give the problem its tangent",
        )

    def advance(members: np.ndarray) -> np.ndarray:
        return problem.advance(members, cycle)

    return complex_step(advance, state) if kind == "complex-step" else (
        central_difference(advance, state)
    )  # fmt: skip


def operator_jacobian(problem: Problem, state: np.ndarray, kind: Derivative) -> np.ndarray:
    """Return H, the derivative of what a state (n,) predicts, (p, n)."""
    if problem.observe is None:
        return np.eye(problem.dimension)[problem.scalar]
    if kind == "complex-step":
        return complex_step(problem.observe, state)
    return central_difference(problem.observe, state)
