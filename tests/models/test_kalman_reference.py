"""The exact Kalman filter, against the textbook's dense one and its own invariances."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.models.kalman_reference import kalman_analysis, kalman_forecast, kalman_initial
from halocast.models.linear_gaussian import LinearGaussian, LinearGaussianSettings
from halocast.sources.rows import Fate
from hypothesis import given, settings
from hypothesis import strategies as st

START = np.datetime64("2024-08-01T00", "s")
HOUR = np.timedelta64(3600, "s")
SHAPE = (4, 5)


def a_model(**settings) -> LinearGaussian:
    return LinearGaussian(LinearGaussianSettings(**settings), Grid.plane(*SHAPE, 1, 1))


def a_table(cell, value, error, **columns):
    p = len(cell)
    base = {
        "cell": np.asarray(cell, np.int64),
        "value": np.asarray(value, float),
        "error": np.broadcast_to(np.asarray(error, float), (p,)).copy(),
        "operator": np.zeros(p, np.int8),
        "noise": np.zeros(p, np.int8),
        "fate": np.full(p, Fate.ASSIMILATED, np.int16),
    }
    return SimpleNamespace(**(base | columns))


def dense_analysis(mean, covariance, table):
    """The textbook: P H' (H P H' + R)^-1, duplicates as rows of H."""
    h = np.zeros((table.cell.size, mean.size))
    h[np.arange(table.cell.size), table.cell] = 1
    innovation = h @ covariance @ h.T + np.diag(table.error**2)
    gain = np.linalg.solve(innovation, h @ covariance).T
    return mean + gain @ (table.value - h @ mean), (np.eye(mean.size) - gain @ h) @ covariance


def test_ten_cycles_equal_the_dense_filter():
    rng = np.random.default_rng(1)
    model, sigma = a_model(decay=0.8), 0.05
    estimate = kalman_initial(model)
    mean, covariance = estimate[0].reshape(-1), np.diag(estimate[1].reshape(-1))
    for cycle in range(10):
        now = START + cycle * HOUR
        estimate = kalman_forecast(model, estimate, sigma, now, now + HOUR)
        mean, covariance = 0.8 * mean, 0.64 * covariance + sigma**2 * np.eye(20)
        cells = rng.integers(0, 20, 12)  # some more than once
        table = a_table(cells, rng.normal(size=12), rng.uniform(0.02, 0.2, 12))
        estimate = kalman_analysis(estimate, table)
        mean, covariance = dense_analysis(mean, covariance, table)
        np.testing.assert_allclose(estimate[0].reshape(-1), mean, atol=1e-13)
        np.testing.assert_allclose(estimate[1].reshape(-1), np.diag(covariance), atol=1e-15)
        assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-16


def test_published_spread_of_an_observed_cell():
    # q = r = 0.05² and a = 0.25: P = a² P_a + q, P_a = P r / (P + r), sd 0.0359 at its fixed point
    model = a_model()
    estimate = kalman_initial(model)
    for cycle in range(20):
        now = START + cycle * HOUR
        estimate = kalman_forecast(model, estimate, 0.05, now, now + HOUR)
        estimate = kalman_analysis(estimate, a_table([3], [0.0], 0.05))
    assert abs(np.sqrt(estimate[1].reshape(-1)[3]) - 0.0359) < 0.0003


def test_known_exactly_at_the_start():
    model = a_model()
    estimate = kalman_initial(model)
    np.testing.assert_array_equal(estimate[0], model.initial_state()[0])
    assert (estimate[1] == 0).all()
    # and an observation then changes nothing
    np.testing.assert_array_equal(kalman_analysis(estimate, a_table([1], [9.0], 0.1)), estimate)


def test_two_observations_of_a_cell_are_one_of_both_precisions():
    estimate = np.stack([np.zeros(SHAPE), np.full(SHAPE, 0.3)])
    two = kalman_analysis(estimate, a_table([7, 7], [1.0, 3.0], [0.5, 1.0]))
    variance = 1 / (1 / 0.25 + 1)
    one = kalman_analysis(estimate, a_table([7], [variance * (4 + 3)], np.sqrt(variance)))
    np.testing.assert_allclose(two, one, rtol=1e-14)


def test_withheld_and_rejected_observations_are_not_used():
    estimate = np.stack([np.zeros(SHAPE), np.ones(SHAPE)])
    fate = np.array([Fate.WITHHELD, Fate.GROSS_ERROR], np.int16)
    table = a_table([1, 2], [5.0, 5.0], 0.1, fate=fate)
    np.testing.assert_array_equal(kalman_analysis(estimate, table), estimate)
    nothing = a_table([], [], 0.1)
    np.testing.assert_array_equal(kalman_analysis(estimate, nothing), estimate)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_order_and_unit_do_not_matter(p, seed, unit):
    rng = np.random.default_rng(seed)
    estimate = np.stack([rng.normal(size=SHAPE), rng.uniform(0, 1, SHAPE)])
    cell, value = rng.integers(0, 20, p), rng.normal(size=p)
    error = rng.uniform(0.1, 1, p)
    expected = kalman_analysis(estimate, a_table(cell, value, error))
    order = rng.permutation(p)
    shuffled = kalman_analysis(estimate, a_table(cell[order], value[order], error[order]))
    np.testing.assert_allclose(shuffled, expected, rtol=1e-10, atol=1e-12)
    scale = np.array([unit, unit**2])[:, None, None]
    scaled = kalman_analysis(estimate * scale, a_table(cell, value * unit, error * unit))
    np.testing.assert_allclose(scaled / scale, expected, rtol=1e-10, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_an_analysis_survives_being_stored_as_mean_and_spread(seed):
    rng = np.random.default_rng(seed)
    estimate = np.stack([rng.normal(size=SHAPE), rng.uniform(0, 1, SHAPE)])
    table = a_table(rng.integers(0, 20, 9), rng.normal(size=9), 0.3)
    analysis = kalman_analysis(estimate, table)
    spread = np.sqrt(analysis[1])
    np.testing.assert_array_equal(spread**2, analysis[1])


def test_inputs_are_not_changed():
    model = a_model()
    estimate = np.stack([np.ones(SHAPE), np.ones(SHAPE)])
    table = a_table([1, 1], [5.0, 4.0], 0.1)
    before = estimate.copy(), table.value.copy()
    kalman_analysis(estimate, table)
    kalman_forecast(model, estimate, 0.1, START, START + HOUR)
    np.testing.assert_array_equal(estimate, before[0])
    np.testing.assert_array_equal(table.value, before[1])


def test_noise_of_each_cell_and_none_on_land():
    sea = np.ones(SHAPE, bool)
    sea[0, 0] = False
    model = LinearGaussian(LinearGaussianSettings(), Grid.plane(*SHAPE, 1, 1, sea=sea))
    noise = np.arange(20.0).reshape(1, *SHAPE)
    estimate = kalman_forecast(model, np.zeros((2, *SHAPE)), noise + 1, START, START + HOUR)
    expected = np.where(sea, (noise[0] + 1) ** 2, 0)
    np.testing.assert_array_equal(estimate[1], expected)


def test_where_it_does_not_apply_it_says_so():
    estimate = np.zeros((2, *SHAPE))
    arctan = a_table([1], [0.0], 0.1, operator=np.ones(1, np.int8))
    cauchy = a_table([1], [0.0], 0.1, noise=np.ones(1, np.int8))
    for table in (arctan, cauchy):
        with pytest.raises(ConfigError, match="1 observations are not of the state itself"):
            kalman_analysis(estimate, table)
    other = SimpleNamespace(name="shallow-water", initial_state=lambda forcing: None)
    with pytest.raises(ConfigError, match="no exact Kalman filter for the shallow-water model"):
        kalman_initial(other)
