"""Every raw row gets a fate, and the right one: bad input is set aside, never lost."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.observations import (
    ObservationSettings,
    observation_counts_by_fate,
    prepare_observations,
)
from halocast.sources.rows import Fate
from hypothesis import given, settings
from hypothesis import strategies as st
from observation_examples import (
    GDP,
    LAYOUT,
    OTHER,
    PLAIN,
    SSH,
    START,
    STOP,
    SWOT,
    WINDOW,
    T,
    U,
    V,
    Z,
    make,
    mixture,
    numbered,
    ocean,
    plain,
    raw,
)

SECOND = np.timedelta64(1, "s")


def fates(rows, settings=PLAIN, grid=None, layout=LAYOUT, window=WINDOW):
    table, fate = prepare_observations(rows, grid or ocean(), layout, settings, 1, window)
    return table, [Fate(f) for f in fate]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_invalid(value):
    table, fate = fates(raw(value=[value, 0.5], product=OTHER, lat=[22.3, 23.3]))
    assert fate == [Fate.FLAGGED_INVALID, Fate.ASSIMILATED]
    assert table.size == 1


@pytest.mark.parametrize("error", [0.0, -0.1, np.nan, np.inf])
def test_an_error_that_is_not_positive_is_invalid(error):
    assert fates(raw(error=[error], product=OTHER))[1] == [Fate.FLAGGED_INVALID]


@pytest.mark.parametrize("name", ["lat", "lon"])
def test_no_place_is_invalid(name):
    assert fates(raw(**{name: [np.nan]}))[1] == [Fate.FLAGGED_INVALID]


def test_no_time_is_invalid():
    assert fates(raw(time=[np.datetime64("NaT", "ns")]))[1] == [Fate.FLAGGED_INVALID]


def test_the_window_excludes_its_start_and_includes_its_stop():
    times = [START - SECOND, START, START + SECOND, STOP, STOP + SECOND]
    rows = raw(time=np.array(times, "datetime64[ns]"), product=OTHER, lat=np.linspace(22, 25, 5))
    assert fates(rows)[1] == [
        Fate.WINDOW,
        Fate.WINDOW,
        Fate.ASSIMILATED,
        Fate.ASSIMILATED,
        Fate.WINDOW,
    ]


def test_a_shorter_window_ends_at_the_analysis():
    times = np.array([STOP - 601 * SECOND, STOP - 600 * SECOND, STOP - 599 * SECOND, STOP])
    rows = raw(time=times.astype("datetime64[ns]"), product=OTHER, lat=[22.0, 23.0, 24.0, 25.0])
    expected = [Fate.WINDOW, Fate.WINDOW, Fate.ASSIMILATED, Fate.ASSIMILATED]
    assert fates(rows, plain(window=600.0))[1] == expected
    assert set(fates(rows, plain(window=1e6))[1]) == {Fate.ASSIMILATED}


def test_an_empty_window_is_an_error():
    with pytest.raises(InputError, match="is empty"):
        fates(make(), window=(STOP, START))


def test_unsorted_and_duplicate_times_are_no_trouble():
    times = np.array([STOP, START + SECOND, STOP, START + SECOND], "datetime64[ns]")
    rows = raw(time=times, product=OTHER, lat=[22.0, 23.0, 24.0, 25.0])
    table, fate = fates(rows)
    assert set(fate) == {Fate.ASSIMILATED}
    assert table.size == 4


@pytest.mark.parametrize("product", [SWOT, GDP, OTHER])
def test_the_same_measurement_again_is_a_duplicate(product):
    variable = SSH if product == SWOT else U
    rows = raw(
        product=product, variable=variable, value=[0.5, 0.5, 0.7, 0.5], lat=[22.3, 22.3, 22.3, 22.4]
    )
    table, fate = fates(rows)
    assert fate[1:3] == [Fate.FLAGGED_DUPLICATE] * 2  # another value of one measurement as well
    assert Fate.FLAGGED_DUPLICATE not in (fate[0], fate[3])
    if product == SWOT:
        assert table.count.tolist() == [2]


def test_many_duplicates_among_many_rows():
    rng = np.random.default_rng(0)
    lat = rng.uniform(20, 28, 500)
    pick = rng.integers(0, 500, 2000)
    rows = raw(product=SWOT, lat=lat[pick], lon=-36.6, platform=pick % 3)
    _, fate = fates(rows)
    repeated = np.ones(2000, bool)
    repeated[np.unique(pick, return_index=True)[1]] = False
    np.testing.assert_array_equal(np.array(fate) == Fate.FLAGGED_DUPLICATE, repeated)


def test_what_was_set_aside_at_ingest_keeps_its_reason():
    rows = raw(fate=[Fate.FLAGGED_RAIN, Fate.FLAGGED_SPEED], value=np.nan, lat=99.0)
    assert fates(rows)[1] == [Fate.FLAGGED_RAIN, Fate.FLAGGED_SPEED]


def test_outside_the_region():
    rows = raw(
        lat=[19.99, 28.01, 22, 22, 22], lon=[-35, -35, -40.01, -29.99, -39.99], product=OTHER
    )
    assert fates(rows)[1] == [Fate.OUTSIDE] * 4 + [Fate.ASSIMILATED]


def test_land_is_judged_where_the_variable_lives():
    # the island is 24-25N, 35-34W; its faces are dry, the next ones wet
    lat, lon = 24.5, -34.5
    for variable, places in (
        (SSH, [(lat, lon)]),
        (T, [(lat, lon)]),
        (U, [(lat, lon - 0.4), (lat, lon + 0.4), (lat, lon - 0.9)]),
        (V, [(lat - 0.4, lon), (lat + 0.4, lon), (lat - 0.9, lon)]),
    ):
        for y, x in places:
            rows = raw(lat=[y], lon=[x], variable=variable, product=OTHER)
            assert fates(rows)[1] == [Fate.LAND], (variable, y, x)
    for variable, y, x in ((SSH, 24.5, -33.4), (U, 24.5, -33.4), (V, 25.6, -34.5)):
        rows = raw(lat=[y], lon=[x], variable=variable, product=OTHER)
        assert fates(rows)[1] == [Fate.ASSIMILATED]


def test_variables_that_the_run_does_not_use():
    rows = raw(variable=[SSH, T, Z], product=OTHER)
    assert fates(rows, plain(t={"assimilate": False}))[1] == [
        Fate.ASSIMILATED,
        Fate.UNUSED,
        Fate.UNUSED,  # the state has no such field
    ]


def test_too_few_pixels_are_unused():
    rows = raw(lat=[22.3, 22.4, 22.5, 23.5], platform=10_001)
    table, fate = fates(rows, plain(swot={"minimum_count": 3}))
    assert fate == [Fate.MERGED] * 3 + [Fate.UNUSED]
    assert table.count.tolist() == [3]


def test_no_rows_make_an_empty_table():
    table, fate = fates(mixture(0).isel(row=slice(0)))
    assert table.size == 0
    assert fate == []


def test_bad_tables_are_errors():
    with pytest.raises(InputError, match=r"lack the columns \['error'\]"):
        fates(make().drop_vars("error"))
    with pytest.raises(InputError, match=r"unknown variable codes \[9\]"):
        fates(raw(variable=[9]))
    with pytest.raises(InputError, match=r"unknown product codes \[-1\]"):
        fates(raw(product=[-1]))
    twice = numbered(raw(lat=[22.0, 23.0])).assign_coords(row=("row", [5, 5]))
    with pytest.raises(InputError, match="share a row number"):
        fates(twice)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_no_row_is_lost(seed, withhold):
    rows = mixture(seed)
    shares = {"drifters": 0.3, "swot": 0.3, "other": 0.3} if withhold else {}
    setting = ObservationSettings.model_validate({"withhold": shares})
    table, fate = prepare_observations(rows, ocean(), LAYOUT, setting, 7, WINDOW)
    assert fate.dtype == np.int16
    assert not (fate == Fate.CANDIDATE).any()
    number = rows["row"].values
    single = np.isin(fate, [Fate.ASSIMILATED, Fate.WITHHELD])
    # each observation names a raw row that became it or went into it, and counts them all
    named = fate[np.isin(number, table.id)]
    assert named.size == table.size
    assert np.isin(named, [Fate.ASSIMILATED, Fate.WITHHELD, Fate.MERGED]).all()
    averaged = rows["product"].values == SWOT
    assert table.count[table.product == SWOT].sum() == (fate[averaged] == Fate.MERGED).sum()
    assert (table.product != SWOT).sum() == single.sum()
    counts = observation_counts_by_fate(table, fate)
    assert sum(c.rows for c in counts.values()) == rows.sizes["row"]
    assert sum(c.observations for c in counts.values()) == table.size
