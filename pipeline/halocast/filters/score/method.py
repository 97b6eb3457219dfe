"""The filter's cycle: one forecast, many chains.

The analysis is the mean of the chains, and the next forecast starts from it. The chains' spread is
that of what was learned; it is too wide (the training backgrounds' errors have all sizes) and
serves no forecast.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.draws import Purpose
from halocast.filters.kalman.checks import require_size
from halocast.filters.score.chains import sample
from halocast.filters.score.conditions import Known
from halocast.filters.score.denoiser import Denoiser
from halocast.filters.score.kernel import log_weights, near, weighted_moments
from halocast.filters.score.observing import Places, Seen, places_of, require_learned, seen_of
from halocast.filters.score.pairs import Pairs, make_pairs
from halocast.filters.score.rerun import with_own_forecasts
from halocast.filters.score.settings import CdsmSettings
from halocast.filters.score.training import descend_with, train, train_on
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem

MOST = 500  # scalars of a state; 60,000 training states of them are 240 MB, and as many backgrounds


class Learned(NamedTuple):
    """The state of the cycle (n,), where observations may be, and what training has left: a
    denoiser or the pairs."""

    state: np.ndarray
    places: Places
    denoiser: Denoiser | None
    pairs: Pairs | None


class ScoreFilter:
    """Conditional denoising score matching as a method of the laboratory.

    `start` trains: what that costs is not in a trial's seconds.

    Parameters
    ----------
    settings
        Its settings.
    learned
        What the `start` of such a filter has learned, for a problem with the same model: nothing
        is trained again.

    Raises
    ------
    ConfigError
        The backend of the training is not installed.
    """

    def __init__(self, settings: CdsmSettings, learned: Learned | None = None) -> None:
        descend_with(settings.backend)  # refused now, not after the training states are made
        self._settings, self._learned = settings, learned

    def start(self, problem: Problem, seed: int) -> Learned:
        """Make the training states, and train.

        Raises
        ------
        ConfigError
            The state is too large to be learned as a whole.
        RunError
            The training run, the loss or the score is not finite.
        """
        if self._learned is not None:
            return self._learned._replace(state=problem.start)
        require_size(
            problem.dimension,
            MOST,
            "cdsm",
            "one network learns all of it, from thousands of states",
        )
        places = places_of(problem)
        pairs = make_pairs(problem, places, self._settings, seed)
        if self._settings.score == "kernel":
            return Learned(problem.start, places, None, pairs)
        denoiser = train(pairs, places.error, self._settings, seed)
        if self._settings.dagger:
            pairs = with_own_forecasts(pairs, denoiser, problem, places, self._settings, seed)
            denoiser = train_on(denoiser, pairs, self._settings, seed)
        return Learned(problem.start, places, denoiser, None)

    def cycle(
        self, problem: Problem, state: Learned, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Learned, Outcome]:
        """Forecast one state, and draw the analysis."""
        noise = problem.model_noise(Purpose.MODEL_NOISE, 1, seed, cycle)
        background = (problem.advance(state.state[None], cycle) + noise)[0]
        seen = seen_of(problem, value, state.places)
        if state.denoiser is not None:
            require_learned(seen, state.places, self._settings.learned_factors)
            told = self._told(problem, state, seen, background)
            chains = sample(state.denoiser, self._settings, told, background[None], seed, cycle)[0]
            mean, spread = chains.mean(axis=0), chains.std(axis=0, ddof=1)
        else:
            assert state.pairs is not None
            weights = log_weights(
                state.pairs, seen, background, self._settings.kernel_width,
                problem.noise_kind, float(problem.df),
            )  # fmt: skip
            use = near(weights)
            mean, spread = weighted_moments(state.pairs.state[use], weights[use])
            chains = None
        unknown = np.full(background.size, np.nan)  # one forecast has no spread
        outcome = Outcome(background, unknown, mean, spread, chains)
        return state._replace(state=mean), outcome

    def _told(self, problem: Problem, state: Learned, seen: Seen, background: np.ndarray) -> Known:
        value, sd, forecast = seen.value[None], seen.sd[None], background[None]
        if self._settings.condition == "y":
            return Known(value, sd, None, None)
        return Known(value, sd, forecast, state.places.predict(problem, forecast))
