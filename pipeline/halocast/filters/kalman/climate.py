"""The climate of a model: mean and covariance of a long free run.

Several runs side by side, each from another state that is known at the start, with their own model
noise; what they do before they have forgotten it is left out. Deterministic: the draws have an
address (CLIMATE) that no truth and no other method shares.

Cost: RUNS (SPIN_UP + KEPT) model intervals, once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.draws import Purpose
from halocast.errors import ModelError
from halocast.laboratory.problem import Problem

RUNS, SPIN_UP, KEPT = 20, 200, 500


class Climate(NamedTuple):
    """Mean (n,), covariance (n, n) and the states they are of (k, n), in the order of time."""

    mean: np.ndarray
    covariance: np.ndarray
    states: np.ndarray


def climate_of(problem: Problem, seed: int) -> Climate:
    """Run the model free of observations.

    Raises
    ------
    ModelError
        A run became infinite.
    """
    members = problem.first_states(Purpose.CLIMATE, RUNS, seed)
    kept = np.empty((KEPT, RUNS, problem.dimension))
    for cycle in range(1, SPIN_UP + KEPT + 1):
        noise = problem.model_noise(Purpose.CLIMATE, RUNS, seed, cycle)
        members = problem.advance(members, cycle) + noise
        if cycle > SPIN_UP:
            kept[cycle - SPIN_UP - 1] = members
    states = kept.reshape(-1, problem.dimension)
    if not np.isfinite(states).all():
        raise ModelError(
            f"the free run of {problem.name} became infinite",
            where="its climate",
            remedy="look at the model; methods with a climatological covariance need a free run",
        )
    mean = states.mean(axis=0)
    apart = states - mean
    return Climate(mean, apart.T @ apart / (states.shape[0] - 1), states)
