"""The score of an ensemble, held against integrals and closed forms."""

import numpy as np
import pytest
from halocast.diagnostics import ensemble_crps
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtri
from scipy.stats import norm

finite = st.floats(-1e3, 1e3, allow_subnormal=False)


def brute_force(members, truth):
    """Integrate (F(z) - 1[z >= y])² exactly: it is constant between the sorted points."""
    points = np.sort(np.append(members, truth))
    middle = (points[1:] + points[:-1]) / 2
    below = (members[:, None] <= middle).mean(axis=0)
    return float(np.sum((below - (middle >= truth)) ** 2 * np.diff(points)))


@given(arrays(float, st.integers(1, 12), elements=finite), finite)
@settings(max_examples=200, deadline=None)
def test_is_the_integral_of_the_squared_difference_of_the_distributions(members, truth):
    score = ensemble_crps(members[:, None], np.array([truth]))[0]
    assert score == pytest.approx(brute_force(members, truth), rel=1e-10, abs=1e-9)


def test_equals_the_double_sum_over_members():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(9, 40)), rng.normal(size=40)
    double = np.abs(x - y).mean(0) - 0.5 * np.abs(x[:, None] - x[None]).mean((0, 1))
    np.testing.assert_allclose(ensemble_crps(x, y), double, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("y", [-1.3, 0.0, 0.4, 2.5])
def test_tends_to_the_closed_form_of_a_gaussian(y):
    m = 20_000
    members = ndtri((np.arange(m) + 0.5) / m)[:, None]
    closed = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    # the ends of the tails are the last thing the quantiles miss
    assert ensemble_crps(members, np.array([y]))[0] == pytest.approx(closed, abs=1e-5)


def test_one_member_scores_its_absolute_error():
    x, y = np.array([[1.0, -2.0, 5.0]]), np.array([3.0, -2.0, 4.5])
    np.testing.assert_array_equal(ensemble_crps(x, y), np.abs(x[0] - y))


def test_is_zero_only_for_a_perfect_ensemble():
    y = np.array([0.3, -1.0])
    perfect = np.tile(y, (7, 1))
    np.testing.assert_array_equal(ensemble_crps(perfect, y), 0.0)
    perfect[3, 1] += 1e-3
    assert ensemble_crps(perfect, y)[1] > 0


def test_prefers_the_distribution_the_truth_came_from():
    rng = np.random.default_rng(2)
    y = rng.normal(size=4000)
    mean = {sd: ensemble_crps(rng.normal(0, sd, (50, 4000)), y).mean() for sd in (0.5, 1.0, 2.0)}
    assert mean[1.0] < mean[0.5] < mean[2.0]


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 0.3048, 100.0]), finite)
@settings(max_examples=30, deadline=None)
def test_scales_with_the_unit_and_ignores_the_zero(seed, unit, offset):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 5)), rng.normal(size=5)
    moved = ensemble_crps(x * unit + offset, y * unit + offset)
    np.testing.assert_allclose(moved, unit * ensemble_crps(x, y), rtol=1e-6, atol=1e-10)


def test_does_not_depend_on_the_order_of_the_members():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(25, 100)), rng.normal(size=100)
    shuffled = ensemble_crps(x[rng.permutation(25)], y)
    np.testing.assert_array_equal(shuffled, ensemble_crps(x, y))


@given(st.integers(1, 99))
@settings(max_examples=20, deadline=None)
def test_any_cut_of_the_cells_gives_the_same_bits(cut):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(25, 100)), rng.normal(size=100)
    parts = [ensemble_crps(x[:, :cut], y[:cut]), ensemble_crps(x[:, cut:], y[cut:])]
    np.testing.assert_array_equal(np.concatenate(parts), ensemble_crps(x, y))


def test_unknown_values_stay_unknown_and_touch_no_neighbour():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(5, 4)), rng.normal(size=4)
    whole = ensemble_crps(x, y)
    x[2, 1], y[3] = np.nan, np.nan
    score = ensemble_crps(x, y)
    assert np.isnan(score[[1, 3]]).all()
    np.testing.assert_array_equal(score[[0, 2]], whole[[0, 2]])


def test_keeps_the_shape_of_the_truth_and_does_not_touch_its_input():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(5, 3, 4, 2)), rng.normal(size=(3, 4, 2))
    x0, y0 = x.copy(), y.copy()
    assert ensemble_crps(x, y).shape == (3, 4, 2)
    np.testing.assert_array_equal(x, x0)
    np.testing.assert_array_equal(y, y0)


def test_refuses_shapes_that_do_not_belong_together():
    with pytest.raises(ValueError, match="shape"):
        ensemble_crps(np.zeros((3, 4)), np.zeros(5))
    with pytest.raises(ValueError, match="shape"):
        ensemble_crps(np.zeros((0, 4)), np.zeros(4))
