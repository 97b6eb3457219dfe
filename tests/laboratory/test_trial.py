"""Trials: the same bits every time, divergence told, error bars that hold."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.blas import one_thread
from halocast.filters.ensemble.etkf import EtkfSettings, analyse
from halocast.filters.window import from_members
from halocast.laboratory.board.scores import TrialScore, error_bar, score_row, score_trial
from halocast.laboratory.methods import EnsembleMethod
from halocast.laboratory.problems import problem_of
from halocast.laboratory.trial import Trial, run_trial


def test_two_trials_are_the_same_to_the_bit():
    problem = problem_of("lorenz96-sakov2008")
    tried = [
        run_trial(problem, EnsembleMethod(analyse, EtkfSettings(rotation=1), 24), 7, 60)
        for _ in range(2)
    ]
    assert np.array_equal(tried[0].errors, tried[1].errors)
    other = run_trial(problem, EnsembleMethod(analyse, EtkfSettings(rotation=1), 24), 8, 60)
    assert not np.array_equal(tried[0].errors, other.errors)


def test_a_trial_has_one_thread():
    """On two, OpenBLAS gives an eigen-decomposition of this size other last bits."""
    rows = np.random.default_rng(0).normal(size=(120, 120))
    matrix, seen = rows @ rows.T, []

    def decompose(window, settings):
        seen.append(np.linalg.eigh(matrix)[1])
        return from_members(window.forecast)

    run_trial(problem_of("lorenz63-sakov2012"), EnsembleMethod(decompose, None, 4), 1, 1)
    with one_thread():
        np.testing.assert_array_equal(seen[0], np.linalg.eigh(matrix)[1])


def test_a_trial_that_diverges_says_when_and_has_no_score():
    problem = problem_of("lorenz96-sakov2008")

    def explode(window, settings):
        return from_members(window.forecast * (np.inf if window.cycle == 5 else 1.0))

    with np.errstate(invalid="ignore"):
        trial = run_trial(problem, EnsembleMethod(explode, None, 4), 1, 20)
    assert trial.diverged == 5
    assert np.isnan(trial.analysis)
    score = score_row([score_trial(trial, 1)])
    assert score.diverged == 1
    assert np.isnan(score.analysis)


def test_a_filter_that_does_nothing_has_lost_the_truth():
    problem = problem_of("lorenz96-sakov2008")
    free = EnsembleMethod(lambda window, _: from_members(window.forecast[:1]), None, 1)
    trial = run_trial(problem, free, 1, 1400)
    assert trial.climatology == pytest.approx(3.6, abs=0.15)
    assert trial.analysis == pytest.approx(np.sqrt(2) * 3.6, rel=0.1)
    assert score_trial(trial, 1).lost > 0.9


def red(seed: int, cycles: int, memory: float) -> Trial:
    """A trial whose errors are 1 plus red noise."""
    rng = np.random.default_rng(seed)
    noise, errors = 0.0, np.empty(cycles)
    for i in range(cycles):
        noise = memory * noise + np.sqrt(1 - memory**2) * rng.normal()
        errors[i] = 1.0 + 0.1 * noise
    return Trial(float(errors.mean()), 1.0, 1.0, errors, 1.0, 0, 0, 2.0)


def test_the_error_bar_is_the_scatter_of_scores():
    """Errors that remember 20 cycles: the naive standard error is four times too small."""
    rows = [[score_trial(red(10 * r + s, 2000, 0.9), s) for s in range(3)] for r in range(60)]
    scatter = np.std([np.mean([t.analysis for t in row]) for row in rows])
    bars = np.array([error_bar(row) for row in rows])
    assert 0.8 < bars.mean() / scatter < 1.5
    naive = 0.1 / np.sqrt(6000)
    assert scatter > 3 * naive


def test_a_seed_apart_widens_the_error_bar():
    scores = [score_trial(red(s, 2000, 0.5), s) for s in range(3)]
    off: TrialScore = scores[2]._replace(analysis=5.0, batches=[b + 4.0 for b in scores[2].batches])
    assert error_bar([*scores[:2], off]) > 1.0
    assert np.isnan(error_bar([scores[0]._replace(batches=[1.0])]))
