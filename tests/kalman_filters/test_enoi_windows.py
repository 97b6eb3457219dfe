"""EnOI as the analysis of a window."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.kalman.enoi import EnOiSettings, analyse
from halocast.filters.kalman.update import update
from halocast.filters.window import Window
from halocast.laboratory.methods import window_of
from hypothesis import given, settings
from hypothesis import strategies as st
from kalman_cases import linear_problem, matrices, observations, random_matrix


def window(m: int = 5, seed: int = 3) -> Window:
    problem = linear_problem()
    members = random_matrix(seed, m, 6)
    value = observations(problem, 1)[0]
    return window_of(problem, members, 0.0 * members, value, (None, None), 1, 1, None)


@settings(max_examples=30, deadline=None)
@given(m=st.integers(2, 12), alpha=st.floats(0.01, 1.0), seed=st.integers(0, 100))
def test_the_mean_is_updated_the_anomalies_stay(m: int, alpha: float, seed: int) -> None:
    seen = window(m, seed)
    _, h = matrices(linear_problem())
    mean = seen.forecast.mean(axis=0)
    covariance = alpha * np.cov(seen.forecast.T)
    expected, after = update(
        mean, covariance, h, seen.value - h @ mean, np.square(seen.error), "test"
    )
    found = analyse(seen, EnOiSettings(alpha=alpha))
    assert np.abs(found.mean - expected).max() < 1e-12
    assert np.abs(np.square(found.spread) - np.diag(after)).max() < 1e-12
    apart = found.members - found.mean - (seen.forecast - mean)
    assert np.abs(apart).max() < 1e-14 * (1.0 + np.abs(found.members).max())


def test_weights_of_observations_count() -> None:
    """R-localization: an error variance counts divided by its weight."""
    seen = window()
    halved = analyse(seen._replace(weight=np.full(4, 0.25)), EnOiSettings())
    wider = analyse(seen._replace(error=2.0 * seen.error), EnOiSettings())
    assert np.array_equal(halved.members, wider.members)


def test_tapers_count() -> None:
    """Covariances that are tapered to nothing leave the forecast, bit by bit."""
    seen = window()._replace(taper=np.zeros((6, 4)), taper_between=np.eye(4))
    assert np.array_equal(analyse(seen, EnOiSettings()).members, seen.forecast)


def test_refusals() -> None:
    with pytest.raises(ConfigError, match="there is one"):
        analyse(window(1), EnOiSettings())
    with pytest.raises(ConfigError, match="R is singular"):
        analyse(window()._replace(error=np.array([1.0, 0.0, 1.0, 1.0])), EnOiSettings())
