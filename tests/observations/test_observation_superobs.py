"""Super-observations: their error against theory, and where they are."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.observations import prepare_observations
from halocast.observations.settings import SwotSettings
from halocast.observations.superobs import Pixels, super_observe
from hypothesis import given, settings
from hypothesis import strategies as st
from observation_examples import LAYOUT, PLAIN, START, WINDOW, ocean, plain, raw


def pixels(value, error, cell=0, platform=1, **columns) -> Pixels:
    n = np.size(value)
    base = {
        "id": np.arange(n),
        "time": START.astype("datetime64[ns]") + np.arange(n).astype("timedelta64[s]"),
        "y": np.zeros(n),
        "x": np.zeros(n),
        "cell": np.broadcast_to(cell, n),
        "platform": np.broadcast_to(platform, n),
        "product": np.full(n, 1),
        "value": np.broadcast_to(np.asarray(value, float), n),
        "error": np.broadcast_to(np.asarray(error, float), n),
    }
    return Pixels(**(base | columns))


@pytest.mark.parametrize("rho", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("n", [1, 2, 25])
def test_equal_errors_average_to_the_correlated_share(rho, n):
    made, _ = super_observe(pixels(np.zeros(n), 0.3), SwotSettings(correlated_share=rho))
    np.testing.assert_allclose(made.variance, (rho + (1 - rho) / n) * 0.09, rtol=1e-13)
    assert made.rows.tolist() == [n]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**31))
def test_variance_is_that_of_the_weighted_mean(n, rho, seed):
    rng = np.random.default_rng(seed)
    error, value = rng.uniform(0.01, 3, n), rng.normal(size=n)
    made, _ = super_observe(pixels(value, error), SwotSettings(correlated_share=rho))
    covariance = rho * np.outer(error, error) + (1 - rho) * np.diag(error**2)
    weight = error**-2 / np.sum(error**-2)
    np.testing.assert_allclose(made.variance[0], weight @ covariance @ weight, rtol=1e-10)
    np.testing.assert_allclose(made.value[0], weight @ value, rtol=1e-10, atol=1e-12)


def test_independent_errors_give_the_best_estimate():
    error = np.array([0.1, 0.2, 0.5])
    made, _ = super_observe(pixels([1.0, 2.0, 3.0], error), SwotSettings(correlated_share=0.0))
    assert made.variance[0] == pytest.approx(1 / np.sum(error**-2))


def test_tiny_and_huge_errors_do_not_overflow():
    for error in (1e-150, 1e150):
        made, _ = super_observe(pixels([1.0, 3.0], error), SwotSettings())
        assert made.value[0] == pytest.approx(2.0)


def test_what_varies_beyond_the_pixels_own_errors():
    rng = np.random.default_rng(0)
    n = 200_000
    rho, sigma, structure = 0.3, 0.1, 0.25
    common = rng.normal(size=n // 100).repeat(100) * sigma * np.sqrt(rho)
    own = rng.normal(size=n) * sigma * np.sqrt(1 - rho)
    cell = np.arange(n) // 100
    value = common + own + structure * rng.normal(size=n)
    made, _ = super_observe(pixels(value, sigma, cell=cell), SwotSettings(correlated_share=rho))
    assert np.mean(made.unresolved) == pytest.approx(structure**2, rel=0.01)
    flat, _ = super_observe(
        pixels(common + own, sigma, cell=cell), SwotSettings(correlated_share=rho)
    )
    assert np.mean(flat.unresolved) < 0.0005  # noise alone is not taken for structure
    # and the stated error of the average is the one it has
    assert np.std(flat.value) == pytest.approx(np.sqrt(np.mean(flat.variance)), rel=0.05)


def test_one_pixel_has_no_scatter():
    made, _ = super_observe(pixels([2.0], 0.1), SwotSettings())
    assert made.unresolved.tolist() == [0.0]


def test_passes_are_kept_apart_and_counted():
    p = pixels(np.arange(6.0), 0.1, cell=[3, 3, 1, 1, 1, 3], platform=[7, 8, 7, 7, 7, 7])
    made, merged = super_observe(p, SwotSettings(minimum_count=2))
    assert made.cell.tolist() == [1, 3]
    assert made.rows.tolist() == [3, 2]
    assert made.id.tolist() == [2, 0]
    np.testing.assert_allclose(made.value, [3.0, 2.5])
    assert merged.tolist() == [True, False, True, True, True, True]


def test_a_linear_field_is_observed_where_it_is():
    rng = np.random.default_rng(3)
    n = 500
    lat, lon = rng.uniform(20, 28, n), rng.uniform(-40, -30, n)
    seconds = rng.integers(1, 3600, n)

    def field(y, x, t):
        return 0.3 * y - 0.2 * x + 1e-4 * t

    rows = raw(
        lat=lat,
        lon=lon,
        time=(START + seconds).astype("datetime64[ns]"),
        value=field(lat, lon, seconds),
        error=rng.uniform(0.05, 0.2, n),
        platform=rng.integers(1, 4, n),
    )
    table, _ = prepare_observations(rows, ocean(), LAYOUT, PLAIN, 1, WINDOW)
    elapsed = (table.time - START).astype("timedelta64[ns]").astype(float) / 1e9
    np.testing.assert_allclose(table.value, field(table.lat, table.lon, elapsed), atol=1e-11)
    np.testing.assert_array_equal(ocean().nearest("center", table.lat, table.lon), table.cell)


def test_total_error_is_instrument_representativeness_and_floor():
    rows = raw(value=[1.0, 1.2, 1.4, 1.6], lat=[22.2, 22.3, 22.4, 22.5], error=0.2)

    def error(**sections):
        table, _ = prepare_observations(rows, ocean(), LAYOUT, plain(**sections), 1, WINDOW)
        assert table.size == 1
        return table.error[0]

    assert error() == pytest.approx(0.1)
    assert error(ssh={"representativeness": 0.24}) == pytest.approx(0.26)
    assert error(ssh={"minimum_error": 0.15}) == pytest.approx(0.15)
    scatter = np.var([1.0, 1.2, 1.4, 1.6], ddof=1) - 0.04
    expected = np.sqrt(0.01 + 0.5 * scatter)
    assert error(swot={"within_cell_share": 0.5}) == pytest.approx(expected)


def test_a_cell_across_the_date_line():
    grid = Grid(
        np.array([0.5, 1.5]),
        np.arange(-180.0, 180, 1),
        np.full((2, 360), 4000.0),
        np.ones((2, 360), bool),
        periodic=(False, True),
    )
    rows = raw(lat=0.5, lon=[179.8, -179.8, 179.9, -179.9], platform=1)
    table, _ = prepare_observations(rows, grid, LAYOUT, PLAIN, 1, WINDOW)
    assert table.cell.tolist() == [0]
    assert abs(abs(table.lon[0]) - 180) < 1e-9
