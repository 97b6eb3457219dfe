"""A row's score, and how well it is known.

Errors of cycles close in time are alike, so a trial's scored cycles are cut into batches, long
enough that their means are nearly independent. The error bar is the standard error of the mean of
all batches of all seeds about their common mean, or that of the seeds' own means if it is larger:
a seed on which the truth was lost for a while shows in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from halocast.laboratory.trial import Trial

_BATCHES = 10  # of a trial
_SHORTEST = 20  # cycles


class TrialScore(NamedTuple):
    """What is kept of a trial.

    ``batches`` are means of the analysis error over stretches of the scored cycles; ``lost`` is
    the share of scored cycles in which the analysis was worse than climatology; ``seconds`` of
    processor time are for 1000 cycles. See `halocast.laboratory.trial.Trial` for the rest.
    """

    seed: int
    cycles: int
    analysis: float
    forecast: float
    spread: float
    lost: float
    diverged: int
    climatology: float
    seconds: float
    batches: list[float]


class RowScore(NamedTuple):
    """A row's score over its seeds: means, and the error bar of ``analysis``.

    ``diverged`` counts seeds without a finite end; with any of them there is no score.
    """

    analysis: float
    error_bar: float
    forecast: float
    spread: float
    lost: float
    diverged: int
    climatology: float
    seconds: float
    seeds: int
    cycles: int


def score_trial(trial: Trial, seed: int) -> TrialScore:
    """Keep of a trial what a board needs."""
    errors = trial.errors[trial.burn_in :]
    done = int(np.isfinite(trial.errors).sum())
    pieces = max(1, min(_BATCHES, errors.size // _SHORTEST))
    batches = [float(piece.mean()) for piece in np.array_split(errors, pieces)]
    lost = float(np.mean(~(errors <= trial.climatology)))
    return TrialScore(
        seed, int(errors.size), trial.analysis, trial.forecast, trial.spread, lost,
        trial.diverged, trial.climatology, 1000.0 * trial.seconds / max(done, 1), batches,
    )  # fmt: skip


def score_row(trials: Sequence[TrialScore]) -> RowScore:
    """Put the trials of a row together."""

    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    return RowScore(
        mean([t.analysis for t in trials]), error_bar(trials), mean([t.forecast for t in trials]),
        mean([t.spread for t in trials]), mean([t.lost for t in trials]),
        sum(t.diverged > 0 for t in trials), mean([t.climatology for t in trials]),
        mean([t.seconds for t in trials]), len(trials), trials[0].cycles,
    )  # fmt: skip


def error_bar(trials: Sequence[TrialScore]) -> float:
    """Return the standard error of the mean score of some trials; NaN of a single batch."""
    of_batches = _standard_error([b for t in trials for b in t.batches])
    of_seeds = _standard_error([t.analysis for t in trials])
    return of_batches if np.isnan(of_seeds) else max(of_batches, of_seeds)


def _standard_error(values: Sequence[float]) -> float:
    if len(values) < 2:
        return np.nan
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))
