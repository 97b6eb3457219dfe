"""Observation rows: canonical order, nothing lost, nothing invalid among the usable."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.sources import rows as R
from halocast.sources.sphere import wrap_longitude
from hypothesis import given
from hypothesis import strategies as st


def columns(n: int = 12, seed: int = 1) -> dict:
    rng = np.random.default_rng(seed)
    start = np.datetime64("2024-08-01T00:00:00", "ns")
    return {
        "time": start + rng.integers(0, 5, n) * np.timedelta64(3600, "s"),
        "lat": rng.uniform(10, 45, n),
        "lon": rng.uniform(300, 340, n),
        "variable": rng.integers(0, 4, n),
        "value": rng.normal(size=n),
        "error": np.full(n, 0.1),
        "product": R.product_code("gdp-hourly"),
        "platform": rng.choice([71187, 300234060202320], n),
    }


def test_order_does_not_depend_on_how_rows_came():
    given_columns = columns(50)
    shuffle = np.random.default_rng(2).permutation(50)
    shuffled = {k: v[shuffle] if np.ndim(v) else v for k, v in given_columns.items()}
    assert R.make_rows(given_columns).identical(R.make_rows(shuffled))


@given(st.permutations(range(9)), st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_ties_in_time_and_place_are_ordered_too(order, ties):
    tied = columns(9) | {"lat": np.array(ties) + 20.0, "lon": -30.0, "variable": 1}
    tied["time"] = np.repeat(tied["time"][:3], 3)
    turned = {k: v[list(order)] if np.ndim(v) else v for k, v in tied.items()}
    assert R.make_rows(tied).identical(R.make_rows(turned))


def test_concatenation_is_the_table_of_all_rows_in_any_order():
    parts = [R.make_rows(columns(7, seed), {"dropped_fill": seed}) for seed in (1, 2, 3)]
    one = R.concat_rows(parts)
    assert one.identical(R.concat_rows(parts[::-1]))
    assert one.sizes["row"] == 21
    assert one.attrs["dropped_fill"] == 6
    R.validate_rows(one)
    assert R.concat_rows([one, R.empty_rows()]).sizes["row"] == 21
    assert R.concat_rows([]).identical(R.empty_rows())


def test_dtypes_and_fifteen_digit_identifiers_survive():
    table = R.make_rows(columns())
    assert {name: table[name].dtype for name in R.COLUMNS} == R.COLUMNS
    assert 300234060202320 in table["platform"].values


@pytest.mark.parametrize(
    ("column", "value"),
    [("value", np.nan), ("value", np.inf), ("error", 0.0), ("error", -1.0), ("error", np.nan),
     ("lat", 91.0), ("lat", np.nan), ("lon", np.nan), ("lon", np.inf)],
)  # fmt: skip
def test_what_cannot_be_used_is_flagged_not_dropped(column, value):
    given_columns = columns()
    given_columns[column] = np.array(given_columns[column])
    given_columns[column][3] = value
    table = R.make_rows(given_columns)
    assert R.count_fates(table) == {R.Fate.CANDIDATE: 11, R.Fate.FLAGGED_INVALID: 1}
    R.validate_rows(table)


def test_the_first_reason_stays():
    given_columns = columns() | {"error": -1.0, "fate": int(R.Fate.FLAGGED_RAIN)}
    assert R.count_fates(R.make_rows(given_columns)) == {R.Fate.FLAGGED_RAIN: 12}


def test_inputs_are_not_changed():
    given_columns = columns()
    copies = {k: np.array(v) for k, v in given_columns.items()}
    table = R.make_rows(given_columns)
    before = table.copy(deep=True)
    R.sort_rows(table)
    R.concat_rows([table, table])
    R.select_rows(table, table["fate"].values == 0)
    assert table.identical(before)
    for name, copy in copies.items():
        np.testing.assert_array_equal(given_columns[name], copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"speed": 1.0}, "unknown"), ({"lat": np.zeros(3)}, "length"),
     ({"platform": "buoy"}, "platform"), ({"time": np.datetime64("NaT")}, "time")],
)  # fmt: skip
def test_bad_columns_are_errors(change, message):
    with pytest.raises(InputError, match=message):
        R.make_rows(columns() | change)


def test_validation_finds_broken_promises():
    table = R.make_rows(columns())
    with pytest.raises(InputError, match="order"):
        R.validate_rows(table.isel(row=slice(None, None, -1)))
    for name, value in [("variable", 9), ("fate", 99), ("product", -1)]:
        broken = table.copy(deep=True)
        broken[name].values[0] = value
        with pytest.raises(InputError, match=name):
            R.validate_rows(broken)
    broken = table.copy(deep=True)
    broken["value"].values[2] = np.nan
    with pytest.raises(InputError, match="not valid"):
        R.validate_rows(broken)
    with pytest.raises(InputError, match="lack"):
        R.validate_rows(table.drop_vars("error"))


def test_every_fate_and_variable_has_its_meaning():
    assert set(R.FATE_MEANING) == set(R.Fate)
    assert set(R.VARIABLE_UNITS) == set(R.VARIABLES)
    with pytest.raises(InputError, match="ssh, u, v, t"):
        R.variable_code("salinity")


@given(st.floats(-1e4, 1e4), st.integers(-3, 3))
def test_longitude_wraps_into_half_open_interval(lon, turns):
    wrapped = wrap_longitude(np.array([lon + 360.0 * turns]))[0]
    assert -180.0 <= wrapped < 180.0
    assert np.cos(np.radians(wrapped - lon)) == pytest.approx(1.0, abs=1e-9)
    assert wrap_longitude(np.array([wrapped]))[0] == wrapped
