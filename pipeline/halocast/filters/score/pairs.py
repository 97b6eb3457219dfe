"""What the score learns from: a free run of the model, and forecasts with errors that have grown.

States are those of one run without data, one an observation interval. The background of a state is
made by the model itself: the state an interval before gets an error of random size, and is
forecast to here. So the network sees errors as growth shapes them, and of what size they may be.

Cost: two forecasts of an interval a training state.
"""

from __future__ import annotations

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import RunError
from halocast.filters.score.settings import CdsmSettings
from halocast.filters.score.training import Pairs
from halocast.laboratory.problem import Problem

_SIZE, _ERROR = 10, 11  # indices of the random addresses; the training's own are below
_OTHER = 1 << 63  # a seed of the observations' errors that no trial sees


def make_pairs(problem: Problem, settings: CdsmSettings, seed: int) -> Pairs:
    """Run the model freely, and pair its states with backgrounds and observations' errors.

    Raises
    ------
    RunError
        The model left its domain of validity.
    """
    states, before = _free_run(problem, settings, seed)
    errors = np.array([problem.true_error(seed ^ _OTHER, t) for t in range(1, len(states) + 1)])
    background = None
    if settings.condition == "yb":
        unit = _error_unit(problem, states)
        background = _backgrounds(problem, before, unit, settings, seed)
        usable = np.isfinite(background).all(axis=1)  # a large error may have blown the model up
        states, background = states[usable], background[usable]
    return Pairs(states, problem.predict(states), background, errors[: len(states)])


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
    problem: Problem, before: np.ndarray, unit: np.ndarray, settings: CdsmSettings, seed: int
) -> np.ndarray:
    """Forecast states (N, n) with errors of random size, each by an interval."""
    low, high = settings.background_error
    size = low * (high / low) ** uniforms(Address(seed, 0, Purpose.TRAINING, _SIZE), len(before))
    drawn = normals(Address(seed, 0, Purpose.TRAINING, _ERROR), before.size)
    started = before + size[:, None] * unit * drawn.reshape(before.shape)
    ahead = problem.advance(started, 1)
    return ahead + problem.model_noise(Purpose.PROPOSAL, len(before), seed, 0)
