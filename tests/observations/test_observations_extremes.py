"""Absurd but finite numbers: no table holds an error that is zero, infinite or NaN."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.observations import ObservationSettings, check_gross_errors, prepare_observations
from halocast.sources.rows import Fate
from hypothesis import given, settings
from hypothesis import strategies as st
from observation_examples import (
    GDP,
    LAYOUT,
    OTHER,
    PLAIN,
    SSH,
    SWOT,
    WINDOW,
    U,
    numbered,
    ocean,
    raw,
)

NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)


def prepare(rows, setting):
    return prepare_observations(rows, ocean(), LAYOUT, setting, 1, WINDOW)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6),
    st.sampled_from([SWOT, GDP, OTHER]),
    st.sampled_from([PLAIN, ObservationSettings()]),
)
def test_whatever_numbers_come_the_table_can_be_assimilated(numbers, product, setting):
    value, error = np.array(numbers).T
    lat = 22.1 + 0.1 * np.arange(value.size)  # pixels of one pass in one cell
    variable = SSH if product == SWOT else U
    platform = 7 if product == SWOT else np.arange(value.size)
    rows = raw(
        value=value, error=error, lat=lat, product=product, variable=variable, platform=platform
    )
    table, fate = prepare(numbered(rows), setting)
    assert np.isfinite(table.value).all()
    assert (np.isfinite(table.error) & (table.error > 0)).all()
    assert not (fate == Fate.CANDIDATE).any()
    bad = ~(np.isfinite(value) & np.isfinite(error) & (error > 0))
    assert (fate[bad] == Fate.FLAGGED_INVALID).all()


@pytest.mark.parametrize(
    ("value", "error"), [(1e200, 0.1), (-1e308, 0.1), (0.5, 1e-200), (0.5, 5e-324), (0.5, 1e200)]
)
def test_one_absurd_pixel_does_not_spoil_its_cell(value, error):
    rows = numbered(raw(value=[0.4, value], error=[0.1, error], lat=[22.3, 22.4]))
    table, fate = prepare(rows, PLAIN)
    alone, _ = prepare(rows.isel(row=[0]), PLAIN)
    assert fate.tolist() == [Fate.MERGED, Fate.FLAGGED_INVALID]
    for name, column in alone.to_dict().items():
        np.testing.assert_array_equal(column, table.to_dict()[name], err_msg=name)


def test_large_numbers_within_range_are_left_to_the_forecast():
    rows = raw(value=[1e140, 1e140], lat=[22.3, 22.4])
    table, _ = prepare(rows, ObservationSettings())
    assert table.error[0] < 1
    checked = check_gross_errors(table, np.zeros((3, 1)), 0.1, ObservationSettings())
    assert checked.fate.tolist() == [Fate.GROSS_ERROR]
