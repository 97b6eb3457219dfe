"""The gross-error check: the threshold it states, with the spread the forecast has."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.observations import (
    ObservationSettings,
    check_gross_errors,
    forecast_moments,
    observation_counts_by_fate,
    prepare_observations,
    settle_fates,
)
from halocast.sources.rows import Fate
from observation_examples import (
    LAYOUT,
    OTHER,
    PLAIN,
    WINDOW,
    T,
    at_cells,
    numbered,
    ocean,
    plain,
    raw,
)
from scipy import integrate, stats


def a_table(value, error=0.3, setting=PLAIN):
    return at_cells(T, value, error, setting)


def test_the_threshold_counts_spread_noise_and_error():
    # mean 2, between-member variance 0.16, q = 0.2², r = 0.3²: sd 0.29 ** 0.5
    observed = np.array([[1.6], [2.4]])
    sd = np.sqrt(0.16 + 0.04 + 0.09)
    for departure, fate in (
        (4.999, Fate.ASSIMILATED),
        (5.001, Fate.GROSS_ERROR),
        (-4.999, Fate.ASSIMILATED),
        (-5.001, Fate.GROSS_ERROR),
    ):
        table = a_table([2 + departure * sd])
        checked = check_gross_errors(table, observed, np.array([0.2]), plain(gross_error=5.0))
        assert checked.fate.tolist() == [fate]
        assert table.fate.tolist() == [Fate.ASSIMILATED]  # the table given stays as it was


def test_none_rejects_nothing():
    table = a_table([1e6])
    assert check_gross_errors(table, np.zeros((3, 1)), 0.0, plain(gross_error=None)) is table


def test_withheld_observations_are_not_rejected():
    table = a_table([1e6, 1e6])
    table = table.with_fate(np.array([Fate.WITHHELD, Fate.ASSIMILATED]))
    checked = check_gross_errors(table, np.zeros((3, 2)), 0.0, PLAIN)
    assert checked.fate.tolist() == [Fate.WITHHELD, Fate.GROSS_ERROR]


@pytest.mark.parametrize("noise", ["cauchy", "laplace", {"kind": "student-t", "df": 3.0}])
def test_heavy_tails_keep_their_outliers(noise):
    setting = plain(t={"noise": noise})
    checked = check_gross_errors(a_table([1e6], setting=setting), np.zeros((3, 1)), 0.0, setting)
    assert checked.fate.tolist() == [Fate.ASSIMILATED]


def test_a_correct_forecast_loses_as_many_as_theory_says():
    rng = np.random.default_rng(0)
    p = 30
    observed = rng.normal(size=(4000, p))
    lost = 0
    for _ in range(40):
        value = rng.normal(size=p) * np.sqrt(1 + 0.25 + 0.09)
        checked = check_gross_errors(
            a_table(value), observed, np.full(p, 0.5), plain(gross_error=2.0)
        )
        lost += (checked.fate == Fate.GROSS_ERROR).sum()
    expected = 40 * p * 2 * stats.norm.sf(2)
    assert abs(lost - expected) < 4 * np.sqrt(expected)


def test_moments_of_the_identity_are_exact():
    rng = np.random.default_rng(1)
    observed, q = rng.normal(300, 0.01, (25, 10)), rng.uniform(0, 0.02, 10)
    mean, sd = forecast_moments(a_table(np.zeros(10)), observed, q)
    np.testing.assert_allclose(mean, observed.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(sd, np.sqrt(observed.var(axis=0) + q**2), rtol=1e-10)


def test_moments_of_arctan_against_integration():
    setting = plain(t={"operator": {"kind": "arctan", "center": 0.5, "scale": 2.0}})
    observed, q = np.array([[0.3], [1.4], [2.0]]), 0.4
    mean, sd = forecast_moments(a_table([0.0], setting=setting), observed, np.array([q]))

    def moment(power):
        def integrand(s):
            density = np.mean([stats.norm.pdf(s, mu, q) for mu in observed[:, 0]])
            return np.arctan((s - 0.5) / 2) ** power * density

        return integrate.quad(integrand, -4, 7)[0]

    first, second = moment(1), moment(2)
    assert mean[0] == pytest.approx(first, abs=1e-4)
    assert sd[0] == pytest.approx(np.sqrt(second - first**2), rel=2e-3)


def test_one_observation_does_not_see_another():
    rng = np.random.default_rng(2)
    observed, q = rng.normal(size=(25, 30)), rng.uniform(0, 1, 30)
    table = a_table(rng.normal(size=30))
    together = forecast_moments(table, observed, q)
    for index in ([3], [29, 0, 7]):
        alone = forecast_moments(table.take(np.array(index)), observed[:, index], q[index])
        np.testing.assert_array_equal(alone[0], together[0][index])
        np.testing.assert_array_equal(alone[1], together[1][index])
    transposed = forecast_moments(table, np.asfortranarray(observed), q)
    np.testing.assert_array_equal(transposed, together)


def test_units_do_not_matter():
    rng = np.random.default_rng(3)
    observed, value = rng.normal(size=(25, 30)), 3 * rng.normal(size=30)
    one = check_gross_errors(a_table(value), observed, 0.1, plain(gross_error=2.0))
    other = check_gross_errors(
        a_table(100 * value, 30.0), 100 * observed, 10.0, plain(gross_error=2.0)
    )
    np.testing.assert_array_equal(one.fate, other.fate)
    assert 0 < (one.fate == Fate.GROSS_ERROR).sum() < 30


def test_forecasts_that_do_not_fit_are_an_error():
    with pytest.raises(InputError, match="forecasts of shape"):
        check_gross_errors(a_table([1.0, 2.0]), np.zeros((5, 3)), 0.0, PLAIN)


def test_raw_rows_learn_what_became_of_them():
    rows = numbered(
        raw(
            variable=[T, T, T, 0],
            lat=[22.3, 23.3, 99.0, 22.3],
            value=[1.0, 1e6, 1.0, 1e6],
            product=[OTHER, OTHER, OTHER, 1],
        ),
        50,
    )
    table, fate = prepare_observations(rows, ocean(), LAYOUT, PLAIN, 1, WINDOW)
    checked = check_gross_errors(table, np.zeros((3, table.size)), 1.0, PLAIN)
    order = np.array([2, 0, 3, 1])
    settled = settle_fates(fate[order], rows["row"].values[order], checked)
    expected = np.array([Fate.ASSIMILATED, Fate.GROSS_ERROR, Fate.OUTSIDE, Fate.MERGED])
    np.testing.assert_array_equal(settled, expected[order])
    counts = observation_counts_by_fate(checked, settled)
    assert counts == {
        Fate.ASSIMILATED: (1, 1),
        Fate.GROSS_ERROR: (1, 2),
        Fate.OUTSIDE: (1, 0),
        Fate.MERGED: (1, 0),
    }


def test_default_settings_check_at_five():
    assert ObservationSettings().gross_error == 5.0
