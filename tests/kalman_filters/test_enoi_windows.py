"""EnOI as the analysis of a window."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.kalman.enoi import EnOiWindowSettings, analyse
from halocast.filters.kalman.update import update
from halocast.filters.window import Store, Window
from halocast.laboratory.methods import window_of
from hypothesis import given, settings
from hypothesis import strategies as st
from kalman_cases import linear_problem, matrices, observations, random_matrix


def window(members: int = 3, stored: int = 5, seed: int = 3) -> Window:
    problem = linear_problem()
    _, h = matrices(problem)
    forecast, store = random_matrix(seed, members, 6), random_matrix(seed + 1, stored, 6)
    value = observations(problem, 1)[0]
    seen = window_of(problem, forecast, 0.0 * forecast, value, (None, None), 1, 1, None)
    return seen._replace(memory=Store(store, store @ h.T))


@settings(max_examples=30, deadline=None)
@given(
    members=st.integers(1, 9),
    stored=st.integers(2, 12),
    alpha=st.floats(0.01, 1.0),
    seed=st.integers(0, 100),
)
def test_the_mean_is_updated_the_anomalies_stay(
    members: int, stored: int, alpha: float, seed: int
) -> None:
    seen = window(members, stored, seed)
    _, h = matrices(linear_problem())
    mean = seen.forecast.mean(axis=0)
    covariance = alpha * np.cov(seen.memory.states.T)
    innovation = seen.value - h @ mean
    expected, _ = update(mean, covariance, h, innovation, np.square(seen.error), "test")
    found = analyse(seen, EnOiWindowSettings(alpha=alpha))
    assert np.abs(found.mean - expected).max() < 1e-12
    apart = found.members - found.mean - (seen.forecast - mean)
    assert np.abs(apart).max() < 1e-14 * (1.0 + np.abs(found.members).max())


def test_weights_of_observations_count() -> None:
    """R-localization: an error variance counts divided by its weight."""
    seen = window()
    halved = analyse(seen._replace(weight=np.full(4, 0.25)), EnOiWindowSettings())
    wider = analyse(seen._replace(error=2.0 * seen.error), EnOiWindowSettings())
    assert np.array_equal(halved.members, wider.members)


def test_tapers_count() -> None:
    """Covariances that are tapered to nothing leave the forecast, bit by bit."""
    seen = window()._replace(taper=np.zeros((6, 4)), taper_between=np.eye(4))
    assert np.array_equal(analyse(seen, EnOiWindowSettings()).members, seen.forecast)


def test_errors_of_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="R is singular"):
        analyse(window()._replace(error=np.array([1.0, 0.0, 1.0, 1.0])), EnOiWindowSettings())
