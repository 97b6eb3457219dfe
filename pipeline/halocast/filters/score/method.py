"""The filter's cycle: one forecast, many chains.

The analysis is the mean of the chains, and the next forecast starts from it. The chains' spread is
that of what was learned; it is too wide (the training backgrounds' errors have all sizes) and
serves no forecast.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.blas import one_thread
from halocast.draws import Address, Purpose, normals
from halocast.errors import ConfigError
from halocast.filters.score.denoiser import Denoiser, score
from halocast.filters.score.kernel import near, weighted_moments
from halocast.filters.score.pairs import make_pairs
from halocast.filters.score.sampling import langevin, noise_levels
from halocast.filters.score.settings import CdsmSettings
from halocast.filters.score.training import Pairs, train
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.samplers.densities import log_density


class Learned(NamedTuple):
    """The state of the cycle (n,), and what training has left: a denoiser or the pairs."""

    state: np.ndarray
    denoiser: Denoiser | None
    pairs: Pairs | None


class ScoreFilter:
    """Conditional denoising score matching as a method of the laboratory.

    `start` trains: what that costs is not in a trial's seconds.
    """

    def __init__(self, settings: CdsmSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Learned:
        """Make the training states, and train.

        Raises
        ------
        ConfigError
            What is observed changes from cycle to cycle.
        """
        if problem.observed_at is not None:
            raise ConfigError(
                "method cdsm learns one network of observations, and this problem's changes",
                where=problem.name,
                remedy="choose an ensemble method",
            )
        pairs = make_pairs(problem, self._settings, seed)
        if self._settings.score == "kernel":
            return Learned(problem.start, None, pairs)
        return Learned(problem.start, train(pairs, self._settings, seed), None)

    def cycle(
        self, problem: Problem, state: Learned, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Learned, Outcome]:
        """Forecast one state, and draw the analysis."""
        noise = problem.model_noise(Purpose.MODEL_NOISE, 1, seed, cycle)
        background = (problem.advance(state.state[None], cycle) + noise)[0]
        if state.denoiser is not None:
            chains = sample(state.denoiser, self._settings, value, background, seed, cycle)
            mean, spread = chains.mean(axis=0), chains.std(axis=0, ddof=1)
        else:
            assert state.pairs is not None
            log_weights = _log_weights(problem, state.pairs, self._settings, value, background)
            use = near(log_weights)
            mean, spread = weighted_moments(state.pairs.state[use], log_weights[use])
            chains = None
        unknown = np.full(background.size, np.nan)  # one forecast has no spread
        outcome = Outcome(background, unknown, mean, spread, chains)
        return state._replace(state=mean), outcome


def sample(
    learned: Denoiser,
    settings: CdsmSettings,
    value: np.ndarray,
    background: np.ndarray,
    seed: int,
    cycle: int,
) -> np.ndarray:
    """Draw states given observations (p,) and background (n,): the ends of the chains, (k, n).

    Raises
    ------
    RunError
        The score is not finite.
    """
    k, n = settings.chains, background.size
    known = value if settings.condition == "y" else np.concatenate([value, background])
    scaled = (known - learned.condition_centre) / learned.condition_scale
    condition = np.tile(scaled.astype(np.float32), (k, 1))
    start = np.tile((background - learned.centre) / learned.scale, (k, 1)).astype(np.float32)
    levels = noise_levels(*settings.noise, settings.levels).astype(np.float32)
    shape = settings.levels, settings.steps, k, n
    kicks = normals(Address(seed, cycle, Purpose.LANGEVIN, 0), int(np.prod(shape)))

    def learned_score(states: np.ndarray, sd: float) -> np.ndarray:
        return score(learned.network, states, condition, sd)

    with one_thread():
        ends = langevin(
            learned_score, start, levels, settings.step_size,
            kicks.reshape(shape).astype(np.float32),
        )  # fmt: skip
    return learned.centre + learned.scale * ends


def _log_weights(
    problem: Problem,
    pairs: Pairs,
    settings: CdsmSettings,
    value: np.ndarray,
    background: np.ndarray,
) -> np.ndarray:
    """Return the log weights of all training states under the condition, (N,)."""
    out = _log_likelihoods(
        pairs.predicted, value, problem.error, problem.noise_kind, float(problem.df)
    )
    if pairs.background is not None:
        apart = (pairs.background - background) / settings.kernel_width
        out -= 0.5 * np.square(apart).sum(axis=1)
    return out


@njit(cache=True, nogil=True)
def _log_likelihoods(predicted, value, error, kind, df):  # pragma: no cover - compiled
    out = np.zeros(predicted.shape[0])
    for i in range(predicted.shape[0]):
        for o in range(value.size):
            out[i] += log_density(kind, value[o] - predicted[i, o], error[o], df)
    return out
