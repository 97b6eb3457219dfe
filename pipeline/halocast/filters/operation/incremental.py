"""Incremental analysis update: an increment enters bit by bit (Bloom et al. 1996).

Instead of jumping from forecast to analysis, the model is run with a share w_j of the increment dx
added at each of its steps, sum w_j = 1:

    constant     w_j = 1 / J             a wave exp(i w t) gets its increment times
                                         sin(w T / 2) / (w T / 2)       (Bloom et al., eq. 11)
    triangular   up to the middle, and   the square of it, with T / 2 in the place of T
                 down again

so that fast waves that an increment would excite are not. The window [t - T/2, t + T/2] lies round
the analysis time, T an interval: the model is run to t, the analysis made, and run again from
t - T/2 with the increment. Cost: half a forecast more than without; the analysis's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.filters.window import Analysis, Window
from halocast.laboratory.methods import Outcome, window_of
from halocast.laboratory.problem import Problem

Shape = Literal["constant", "triangular"]
Step = Callable[[np.ndarray], np.ndarray]


def shares(steps: int, shape: Shape) -> np.ndarray:
    """Return what of an increment enters at each step, (steps,); the sum is 1."""
    if shape == "constant":
        return np.full(steps, 1.0 / steps)
    middle = (steps - 1) / 2
    height = middle + 1 - np.abs(np.arange(steps) - middle)
    return height / height.sum()


def run_with_increment(
    step: Step, state: np.ndarray, increment: np.ndarray, shares_: np.ndarray
) -> np.ndarray:
    """Run a model, and add a share of the increment after each of its steps.

    Parameters
    ----------
    step
        State(s) -> the same one step later.
    state, increment
        Of one shape.
    shares_
        One a step, from `shares`.
    """
    for share in shares_:
        state = step(state) + share * increment
    return state


class Halfway(NamedTuple):
    """Members (m, n) half an interval before the next analysis, and the analysis's memory."""

    members: np.ndarray
    memory: Any


class IncrementalUpdate:
    """Any analysis of an ensemble, its increments entering bit by bit.

    Parameters
    ----------
    analyse, settings, members
        As for `halocast.laboratory.methods.EnsembleMethod`.
    step
        One step of the problem's model, (m, n) -> (m, n).
    steps
        Steps of an interval between observations; even.
    shape
        How the increment is spread over them.

    Raises
    ------
    ConfigError
        ``steps`` is odd, or less than 2.
    """

    def __init__(
        self,
        analyse: Callable[[Window, Any], Analysis],
        settings: Any,
        members: int,
        step: Step,
        steps: int,
        shape: Shape,
    ) -> None:
        if steps < 2 or steps % 2:
            raise ConfigError(
                f"an interval of {steps} steps has no middle",
                where="incremental update",
                remedy="take an even number of steps between analyses",
            )
        self._analyse, self._settings, self._members = analyse, settings, members
        self._step, self._half, self._shares = step, steps // 2, shares(steps, shape)

    def start(self, problem: Problem, seed: int) -> Halfway:
        """Draw the first members, and run them for half an interval.

        Raises
        ------
        ConfigError
            The problem's model has noise.
        """
        if problem.noise_sd is not None:
            raise ConfigError(
                "the incremental update runs the model step by step, and knows no noise of steps",
                where=problem.name,
                remedy="choose a problem without model noise",
            )
        first = problem.first_states(Purpose.INITIAL_STATE, self._members, seed)
        return Halfway(self._run(first), None)

    def cycle(
        self, problem: Problem, state: Halfway, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Halfway, Outcome]:
        """Forecast, analyse, and run again with the increments."""
        ahead = self._run(state.members)
        window = window_of(
            problem, ahead, np.zeros_like(ahead), value, (None, None), seed, cycle, state.memory
        )
        analysis = self._analyse(window, self._settings)
        increments = analysis.members - ahead
        later = run_with_increment(self._step, state.members, increments, self._shares)
        outcome = Outcome(
            ahead.mean(axis=0), ahead.std(axis=0, ddof=1),
            analysis.mean, analysis.spread, analysis.members,
        )  # fmt: skip
        return Halfway(later, analysis.memory), outcome

    def _run(self, members: np.ndarray) -> np.ndarray:
        for _ in range(self._half):
            members = self._step(members)
        return members
