"""What the score learns from: a free run of the model, and forecasts with errors that have grown.

States are those of one run without data, one an observation interval. The background of a state is
made by the model itself: the state an interval before gets an error of random size, and is
forecast to here. So the network sees errors as growth shapes them, and of what size they may be.
Where parts of the observations are learned too, so is a second background with larger errors:
with less observed, forecasts are worse. (On Lorenz-63 with x alone, without it the error is 3.4
to 4.4 instead of 2.5.)

Cost: two forecasts of an interval a training state, three with parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import RunError
from halocast.filters.score.observing import Places
from halocast.filters.score.settings import CdsmSettings
from halocast.laboratory.problem import Problem

_SIZE, _ERROR = 10, 11  # indices of the random addresses; the batches' own are below
OTHER = 1 << 63  # a seed of the observations' errors that no trial sees


class Backgrounds(NamedTuple):
    """Forecasts (N, n), and what they predict for the observations, (N, s)."""

    state: np.ndarray
    predicted: np.ndarray


class Pairs(NamedTuple):
    """What is learned from: states and what is known when they are sought.

    Attributes
    ----------
    state
        True states, (N, n).
    predicted
        What they predict for the observations, (N, s).
    error
        Draws of the observations' errors, (E, s), each as likely with any of the states.
    background
        Forecasts of the states; None where nothing is known but the observations.
    partly
        Forecasts that go with a part of the observations; None where that is not learned.
    """

    state: np.ndarray
    predicted: np.ndarray
    error: np.ndarray
    background: Backgrounds | None = None
    partly: Backgrounds | None = None


def make_pairs(problem: Problem, places: Places, settings: CdsmSettings, seed: int) -> Pairs:
    """Run the model freely, and pair its states with backgrounds and observations' errors.

    Raises
    ------
    RunError
        The model left its domain of validity.
    """
    states, before = _free_run(problem, settings, seed)
    error = _errors(problem, places.error.size, len(states), seed)
    found: list[np.ndarray] = []
    if settings.condition == "yb":
        ranges = [settings.background_error]
        if settings.masked:
            ranges.append(settings.partly_error)
        unit = _error_unit(problem, states)
        found = [_backgrounds(problem, before, unit, size, seed) for size in ranges]
        # a large error may have blown the model up
        usable = np.all([np.isfinite(each).all(axis=1) for each in found], axis=0)
        states, found = states[usable], [each[usable] for each in found]
    told = (Backgrounds(each, places.predict(problem, each)) for each in found)
    return Pairs(states, places.predict(problem, states), error[: len(states)], *told)


def _errors(problem: Problem, size: int, count: int, seed: int) -> np.ndarray:
    """Draw errors of observations at all places, (count, size), as the truth's own are drawn."""
    each = -(-size // problem.observations)  # places may be more than a cycle observes
    drawn = [problem.true_error(seed ^ OTHER, t) for t in range(1, count * each + 1)]
    return np.array(drawn).reshape(count, -1)[:, :size]


def _free_run(problem: Problem, settings: CdsmSettings, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return states of a run without data, and the states an interval before them, (N, n)."""
    state = problem.first_states(Purpose.CLIMATE, 1, seed)
    run = np.empty((settings.states + 1, problem.dimension))
    for t in range(1, settings.spin_up + settings.states + 2):
        noise = problem.model_noise(Purpose.CLIMATE, 1, seed, t)
        state = problem.advance(state, t) + noise
        if t > settings.spin_up:
            run[t - settings.spin_up - 1] = state[0]
    if not np.isfinite(run).all():
        raise RunError(
            "the training run of the score is not finite",
            where=problem.name,
            remedy="see whether the model runs without data for so long; else fewer states",
        )
    return run[1:], run[:-1]


def _error_unit(problem: Problem, states: np.ndarray) -> np.ndarray:
    """Return what an error of one observation's sd is for each scalar, (n,): as large a share of
    the scalar's climate as it is, on average, of the observations'."""
    share = np.mean(problem.error / problem.predict(states).std(axis=0))
    return share * states.std(axis=0)


def _backgrounds(
    problem: Problem, before: np.ndarray, unit: np.ndarray, size: tuple[float, float], seed: int
) -> np.ndarray:
    """Forecast states (N, n) with errors of random size, in units, each by an interval."""
    low, high = size
    factor = low * (high / low) ** uniforms(Address(seed, 0, Purpose.TRAINING, _SIZE), len(before))
    drawn = normals(Address(seed, 0, Purpose.TRAINING, _ERROR), before.size)
    started = before + factor[:, None] * unit * drawn.reshape(before.shape)
    ahead = problem.advance(started, 1)
    return ahead + problem.model_noise(Purpose.PROPOSAL, len(before), seed, 0)
