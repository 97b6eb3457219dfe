"""A trial: truth, observations and a method, cycle after cycle; and what came of it."""

from __future__ import annotations

import time as clock
from typing import NamedTuple

import numpy as np

from halocast.blas import one_thread
from halocast.draws import Purpose
from halocast.laboratory.methods import Method
from halocast.laboratory.problem import Problem


class Trial(NamedTuple):
    """The scores of a trial.

    Each is a mean over the cycles after the burn-in of a root mean square over the state: the
    error of the analysis mean (``analysis``) and of the forecast mean (``forecast``), and the
    analysis's ``spread``. ``errors`` are those of the analysis of every cycle, (cycles,), of which
    the first ``burn_in`` are not scored; ``seconds`` of processor time are the method's with its
    forecasts. ``diverged`` is the first cycle whose analysis was not finite, 0 where all are; the
    scores are then NaN. ``climatology`` is the score of the truth's own mean over the scored
    cycles: a method that is not better has lost the truth.
    """

    analysis: float
    forecast: float
    spread: float
    errors: np.ndarray
    seconds: float
    diverged: int
    burn_in: int
    climatology: float


@one_thread()
def run_trial(problem: Problem, method: Method, seed: int, cycles: int | None = None) -> Trial:
    """Try a method on a problem, with one thread: the last bits of linear algebra hang on it.

    Parameters
    ----------
    problem, method
        What is tried on what.
    seed
        Of truth, observations and the method's own draws.
    cycles
        Analyses in all; the problem's when None.
    """
    count = problem.cycles if cycles is None else cycles
    burn_in = min(problem.burn_in, count // 2)
    climate = _Climate(problem.dimension)
    error, ahead, spread = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    truth = first_truth(problem, seed)
    state, seconds, diverged = method.start(problem, seed), 0.0, 0
    for cycle in range(1, count + 1):
        now = problem.at(cycle)
        truth = next_truth(now, truth, seed, cycle)
        value = now.predict(truth)[0] + now.true_error(seed, cycle)
        began = clock.process_time()
        state, outcome = method.cycle(now, state, value, seed, cycle)
        seconds += clock.process_time() - began
        error[cycle - 1] = _rms(outcome.analysis - truth[0])
        ahead[cycle - 1] = _rms(outcome.forecast - truth[0])
        spread[cycle - 1] = _rms(outcome.analysis_spread)
        if not np.isfinite(error[cycle - 1]):
            diverged = cycle
            break
        if cycle > burn_in:
            climate.add(truth[0])
    scored = slice(burn_in, None)
    return Trial(
        float(error[scored].mean()), float(ahead[scored].mean()), float(spread[scored].mean()),
        error, seconds, diverged, burn_in, climate.score(),
    )  # fmt: skip


class _Climate:
    """Sums of the truth, for the error of its mean."""

    def __init__(self, n: int) -> None:
        self._count, self._sum, self._squares = 0, np.zeros(n), np.zeros(n)

    def add(self, state: np.ndarray) -> None:
        self._count += 1
        self._sum += state
        self._squares += np.square(state)

    def score(self) -> float:
        if self._count == 0:
            return np.nan
        mean = self._sum / self._count
        return float(np.sqrt(np.maximum(self._squares / self._count - mean**2, 0.0).mean()))


def first_truth(problem: Problem, seed: int) -> np.ndarray:
    """Draw the truth at the start, (1, n)."""
    return problem.first_states(Purpose.NATURE_STATE, 1, seed)


def next_truth(problem: Problem, truth: np.ndarray, seed: int, cycle: int) -> np.ndarray:
    """Advance the truth (1, n) to the next observation time, with its model noise."""
    return problem.advance(truth, cycle) + problem.model_noise(Purpose.NATURE_NOISE, 1, seed, cycle)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
