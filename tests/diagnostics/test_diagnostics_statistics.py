"""Bias, rmse, spread, ranks and innovations: identities and what a reliable ensemble shows."""

import numpy as np
import pytest
from halocast.diagnostics import (
    area_weights,
    bias,
    centred_innovation,
    probability_transform,
    rank_counts,
    rmse,
    spread,
    spread_skill,
    weighted_mean,
)
from halocast.grid import EARTH_RADIUS, Grid
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest


def sample(seed, n=300):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.normal(size=n), rng.uniform(0.1, 2.0, size=n)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_mean_square_error_is_bias_squared_plus_variance_of_the_error(seed):
    x, y, w = sample(seed)
    variance = weighted_mean((x - y - bias(x, y, w)) ** 2, w)
    assert rmse(x, y, w) ** 2 == pytest.approx(bias(x, y, w) ** 2 + variance, rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 100.0]))
@settings(max_examples=30, deadline=None)
def test_measures_scale_with_the_unit(seed, unit):
    x, y, w = sample(seed)
    assert rmse(unit * x, unit * y, w) == pytest.approx(unit * rmse(x, y, w), rel=1e-12)
    assert bias(unit * x, unit * y, w) == pytest.approx(unit * bias(x, y, w), rel=1e-9)
    assert spread(unit * x, w) == pytest.approx(unit * spread(x, w), rel=1e-12)
    assert rmse(x, y, unit * w) == pytest.approx(rmse(x, y, w), rel=1e-12)


def test_spread_is_the_root_of_the_mean_variance_not_the_mean_deviation():
    assert spread(np.array([1.0, 7.0])) == pytest.approx(5.0)


def test_cells_without_weight_may_hold_anything():
    values, weights = np.array([1.0, np.nan, 3.0]), np.array([1.0, 0.0, 1.0])
    assert weighted_mean(values, weights) == 2.0
    assert np.isnan(weighted_mean(values, np.ones(3)))
    assert np.isnan(weighted_mean(values, np.zeros(3)))


def test_sums_run_in_cell_order():
    values = np.array([1e16, 1.0, -1e16, 1.0] * 50)
    total = 0.0
    for v in values:
        total += v
    assert weighted_mean(values) == total / values.size


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        weighted_mean(np.zeros(3), np.ones(4))


def test_areas_add_up_to_the_sphere():
    grid = Grid.sphere(-90, 90, 720, -180, 180, 90)
    area = area_weights(grid, "center", np.ones(grid.shape, bool)).sum()
    assert area == pytest.approx(4 * np.pi * EARTH_RADIUS**2, rel=1e-5)


def test_area_goes_with_the_cosine_of_the_points_own_latitude():
    grid = Grid.sphere(0, 60, 6, 0, 10, 1)
    wet = np.ones(grid.shape, bool)
    for place in ("center", "east", "north"):
        latitude = grid.coordinates_at(place)[0]
        area = area_weights(grid, place, wet)[:, 0]
        np.testing.assert_allclose(
            area / area[0], np.cos(np.deg2rad(latitude)) / np.cos(np.deg2rad(latitude[0]))
        )


def test_land_has_no_area_and_planes_weigh_all_cells_alike():
    grid = Grid.plane(3, 4, 1000.0, 500.0)
    wet = np.ones(grid.shape, bool)
    wet[1, 2] = False
    weights = area_weights(grid, "center", wet)
    assert weights[1, 2] == 0
    assert (weights[wet] == 5e5).all()


def test_reduced_innovations_of_a_reliable_forecast_are_standard_normal():
    rng = np.random.default_rng(7)
    n = 20_000
    s, e = rng.uniform(0.5, 2, n), rng.uniform(0.1, 1, n)
    mean = rng.normal(size=n)
    value = mean + s * rng.normal(size=n) + e * rng.normal(size=n)
    d = centred_innovation(value, mean, s, e)
    assert abs(d.mean()) < 0.03
    assert d.var() == pytest.approx(1, abs=0.03)
    assert kstest(probability_transform(d), "uniform").pvalue > 1e-3


def test_ranks_of_a_reliable_ensemble_are_flat_and_of_a_narrow_one_are_not():
    rng = np.random.default_rng(8)
    members, truth = rng.normal(size=(9, 20_000)), rng.normal(size=20_000)
    counts = rank_counts(members, truth)
    assert counts.shape == (10,)
    assert chisquare(counts).pvalue > 1e-3
    narrow = rank_counts(0.5 * members, truth)
    assert narrow[[0, -1]].min() > 1.5 * narrow[1:-1].max()


def test_ranks_count_the_members_below():
    members = np.array([[1.0], [2.0], [3.0]])
    for truth, rank in ((0.5, 0), (1.5, 1), (2.5, 2), (9.0, 3)):
        expected = np.eye(4)[rank]
        np.testing.assert_array_equal(rank_counts(members, np.array([truth])), expected)


def test_a_tie_is_shared_between_the_ranks_it_could_have():
    members = np.array([[1.0], [2.0], [2.0], [3.0]])
    np.testing.assert_allclose(rank_counts(members, np.array([2.0])), [0, 1 / 3, 1 / 3, 1 / 3, 0])
    np.testing.assert_allclose(rank_counts(np.zeros((3, 1)), np.zeros(1)), 0.25)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_ranks_lose_no_place_but_the_unknown_ones(seed):
    rng = np.random.default_rng(seed)
    members, truth = rng.integers(0, 4, (5, 60)).astype(float), rng.integers(0, 4, 60).astype(float)
    truth[:7] = np.nan
    assert rank_counts(members, truth).sum() == pytest.approx(53)


def test_spread_skill_of_a_perfect_estimate_is_infinite_not_an_error():
    assert spread_skill(1.0, 2.0) == 0.5
    assert spread_skill(1.0, 0.0) == np.inf
