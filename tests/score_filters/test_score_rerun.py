"""The filter's own forecasts as training backgrounds, and that it does not learn from lost ones."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.filters.score import CdsmSettings, ScoreFilter
from halocast.filters.score.network import Network
from halocast.filters.score.observing import places_of
from halocast.filters.score.pairs import make_pairs
from halocast.filters.score.rerun import with_own_forecasts
from halocast.filters.score.training import train
from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.trial import run_trial
from pydantic import ValidationError

SHORT = CdsmSettings(states=3000, training_steps=400, chains=8, levels=6, dagger=True)
PROBLEM = sakov2012()
PLACES = places_of(PROBLEM)


@pytest.fixture(scope="module")
def first():
    pairs = make_pairs(PROBLEM, PLACES, SHORT, 1)
    return pairs, train(pairs, PLACES.error, SHORT, 1)


def _apart(pairs, learned, rows: slice) -> np.ndarray:
    off = (pairs.background.state - pairs.state)[rows] / learned.scale
    return np.sqrt(np.square(off).mean(axis=1))


def test_its_own_forecasts_are_of_training_states_and_as_many_as_the_first(first):
    pairs, learned = first
    both = with_own_forecasts(pairs, learned, PROBLEM, PLACES, SHORT, 1)
    assert len(both.state) == 2 * len(pairs.state)
    assert {state.tobytes() for state in both.state} == {state.tobytes() for state in pairs.state}
    own = slice(len(pairs.state), None)
    assert len(np.unique(both.background.state[own], axis=0)) > 1900  # of 2100
    np.testing.assert_array_equal(both.background.predicted, both.background.state)
    again = with_own_forecasts(pairs, learned, PROBLEM, PLACES, SHORT, 1)
    np.testing.assert_array_equal(both.background.state, again.background.state)


def test_forecasts_that_have_lost_the_truth_are_not_learned(first):
    """A network that pushes away from everything."""
    pairs, learned = first
    lost = learned.network
    bad = Network(lost.weights, (*lost.offsets[:-1], np.full(3, 3.0, np.float32)))
    broken = learned._replace(network=bad)
    both = with_own_forecasts(pairs, broken, PROBLEM, PLACES, SHORT, 1)
    assert np.isfinite(both.background.state).all()
    bound = np.quantile(_apart(pairs, learned, slice(None)), 0.999)
    assert _apart(both, learned, slice(len(pairs.state), None)).max() <= bound


def test_a_filter_with_a_round_of_it_runs():
    settings = SHORT.model_copy(update={"states": 1000, "training_steps": 200})
    trial = run_trial(PROBLEM, ScoreFilter(settings), 1, 30)
    assert np.isfinite(trial.errors).all()


@pytest.mark.parametrize("other", [{"condition": "y"}, {"score": "kernel"}, {"masked": True}])
def test_what_it_cannot_teach_is_refused(other):
    with pytest.raises(ValidationError, match="dagger teaches"):
        CdsmSettings(dagger=True, **other)


@pytest.mark.full
def test_it_gains_most_where_the_interval_is_short():
    """There the filter's errors are smaller than those of the training backgrounds."""
    problem = sakov2012(0.08)
    plain, own = (
        np.mean([run_trial(problem, ScoreFilter(settings), s, 2000).analysis for s in (1, 2, 3)])
        for settings in (CdsmSettings(), CdsmSettings(dagger=True))
    )
    print(f"interval 0.08: {plain:.3f}, with a round of its own forecasts {own:.3f}")
    assert own < 0.97 * plain
