"""Moderation: the sheet's table, the bound on increments, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.config import validate_settings
from halocast.errors import HalocastError
from halocast.observations import moderate, moderated_variance
from halocast.sources.rows import Fate
from hypothesis import given
from hypothesis import strategies as st
from observation_examples import PLAIN, T, at_cells, plain


def _increment(departure, forecast, error, bound):
    moderated = moderated_variance(departure, forecast, error, bound)
    return forecast / (forecast + moderated) * departure


@pytest.mark.parametrize(
    ("departure", "wanted"), [(0.1, 0.111), (1.0, 0.971), (10.0, 1.968), (1000.0, 2.000)]
)
def test_the_table_of_increments(departure, wanted):
    """Forecast sd 0.5, error variance 0.2, K = 2; increments in forecast sds."""
    found = _increment(np.array(departure), 0.25, 0.2, 2.0) / 0.5
    assert found == pytest.approx(wanted, abs=5e-4)


sizes = st.floats(1e-3, 1e3)


@given(st.floats(-1e6, 1e6), sizes, sizes, st.floats(0.1, 100))
def test_no_increment_exceeds_its_bound_and_no_error_shrinks(departure, sd, error_sd, bound):
    variance = moderated_variance(np.array(departure), sd**2, error_sd**2, bound)
    formula = np.sqrt((sd**2 + error_sd**2) ** 2 + (sd * departure / bound) ** 2) - sd**2
    assert variance == pytest.approx(formula, rel=1e-6, abs=1e-9 * sd**2)
    assert variance >= error_sd**2
    assert abs(_increment(departure, sd**2, error_sd**2, bound)) <= bound * sd * (1 + 1e-12)


@given(sizes, sizes, st.floats(0, 1e3))
def test_it_grows_steadily_with_the_departure(sd, error_sd, departure):
    near, far = _increment(np.array([departure, departure * 1.01]), sd**2, error_sd**2, 2.0)
    assert far >= near * (1 - 1e-12)


def test_without_a_bound_errors_stay():
    assert moderated_variance(np.array(3.0), 1.0, 0.2, 1e12) == pytest.approx(0.2, rel=1e-15)
    assert moderated_variance(np.array(0.0), 1.0, 0.2, 2.0) == 0.2
    table = at_cells(T, [1.0], 0.3, PLAIN)
    assert moderate(table, np.zeros((3, 1)), np.zeros(1), plain(moderation=None)) is table


def test_a_table_gets_the_errors_of_its_forecast():
    # mean 2, variance between members 0.16, of the noise 0.04: p = 0.2
    observed = np.array([[1.6, 1.6, 1.6], [2.4, 2.4, 2.4]])
    table = at_cells(T, [2.0, 2.1, 8.0], 0.3, PLAIN)
    found = moderate(table, observed, np.full(3, 0.2), plain(moderation=2.0))
    wanted = moderated_variance(table.value - 2.0, 0.2, 0.09, 2.0)
    np.testing.assert_allclose(found.error**2, wanted, rtol=1e-12)
    assert found.error[np.argmax(table.value)] > 1
    np.testing.assert_array_equal(table.error, 0.3)  # the table given stays as it was


def test_withheld_and_heavy_tailed_observations_stay():
    settings = plain(moderation=2.0)
    table = at_cells(T, [9.0], 0.3, PLAIN).with_fate(np.array([Fate.WITHHELD]))
    assert moderate(table, np.zeros((3, 1)), np.ones(1), settings).error == 0.3
    heavy = plain(moderation=2.0, t={"noise": "cauchy"})
    table = at_cells(T, [9.0], 0.3, heavy)
    assert moderate(table, np.zeros((3, 1)), np.ones(1), heavy).error == 0.3


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "much"])
def test_a_bound_that_is_none_is_refused(bad):
    tree = {"observations": {"moderation": bad}}
    with pytest.raises((HalocastError, ValueError), match="moderation"):
        validate_settings(tree)
