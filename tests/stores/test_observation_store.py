"""Observation rows in the store: every row once, in order, with its story."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from halocast.errors import InputError, StoreError
from halocast.sources.rows import COLUMNS, Fate, concat_rows, empty_rows, make_rows
from halocast.stores import observation_store
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import Observations, write_observations
from hypothesis import given, settings
from hypothesis import strategies as st
from store_examples import START, ocean_grid

SECOND = np.timedelta64(1, "s")


def rows(n: int, seed: int = 0, **columns):
    """Random rows; other seeds give other measurements."""
    rng = np.random.default_rng(seed)
    given = {
        "time": START + rng.integers(0, 86400, n) * SECOND,
        "lat": rng.uniform(20, 21, n),
        "lon": rng.uniform(-60, -59, n),
        "variable": rng.integers(0, 4, n),
        "value": rng.normal(size=n),
        "error": rng.uniform(0.01, 1, n),
        "product": rng.integers(1, 5, n),
        "platform": rng.integers(0, 2**62, n),
    }
    return make_rows({**given, **columns}, {"source": "test"})


def same(a, b) -> bool:
    return all(np.array_equal(a[c].values, b[c].values, equal_nan=c in ("value",)) for c in COLUMNS)


@pytest.fixture
def path(tmp_path):
    write_grid(tmp_path / "natl.zarr", ocean_grid())
    return tmp_path / "natl.zarr"


def test_rows_come_back(path):
    table = rows(500)
    assert write_observations(path, table) == {"added": 500, "known": 0, "duplicates": 0}
    stored = pickle.loads(pickle.dumps(Observations.open(path)))
    assert len(stored) == 500
    assert same(stored.rows(), table)
    assert stored.rows().attrs["source"] == "test"


POOL = concat_rows([rows(20, product=p) for p in (4, 5, 6)])  # each measured by three products


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sets(st.integers(0, 59)), min_size=1, max_size=3))
def test_order_of_ingest_does_not_matter(tmp_path_factory, parts):
    """Any tables, overlapping or the same, in any order: the store holds their union."""
    stored = []
    for order in (parts, parts[::-1]):
        path = tmp_path_factory.mktemp("s") / "s.zarr"
        write_grid(path, ocean_grid())
        for part in order:
            write_observations(path, POOL.isel(row=sorted(part)))
        stored.append(Observations.open(path).rows())
    assert same(*stored)
    union = POOL.isel(row=sorted(set().union(*parts)))
    assert np.array_equal(stored[0]["value"], union["value"])
    used = stored[0]["value"].values[stored[0]["fate"].values == Fate.CANDIDATE]
    assert np.array_equal(np.sort(used), np.unique(union["value"]))


@pytest.mark.parametrize("chunk", [7, 64, 65_536])
def test_a_window_is_open_at_its_start_and_closed_at_its_end(path, monkeypatch, chunk):
    monkeypatch.setattr(observation_store, "CHUNK", chunk)
    table = rows(300, time=START + np.repeat(np.arange(100), 3) * SECOND)
    write_observations(path, table)
    stored = Observations.open(path)
    for first, last in [(0, 10), (-5, 0), (-5, -1), (98, 99), (98, 200), (99, 200), (30, 30)]:
        window = stored.window(START + first * SECOND, START + last * SECOND)
        time = table["time"].values
        inside = (time > START + first * SECOND) & (time <= START + last * SECOND)
        assert np.array_equal(window["row"].values, np.flatnonzero(inside))
        assert same(window, table.isel(row=inside))


def test_windows_one_after_the_other_have_every_row_once(path):
    write_observations(path, rows(1000))
    stored = Observations.open(path)
    edges = START + np.arange(-1, 86400, 3599) * SECOND
    edges = np.append(edges, START + 86400 * SECOND)
    numbers = [stored.window(a, b)["row"].values for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(numbers), np.arange(1000))


def test_the_platforms_of_a_stretch_are_those_of_its_candidates(path):
    fate = np.where(np.arange(400) % 3 == 0, int(Fate.FLAGGED_QUALITY), int(Fate.CANDIDATE))
    table = rows(400, fate=fate)
    write_observations(path, table)
    start, stop = START + 20_000 * SECOND, START + 60_000 * SECOND
    product, platform = Observations.open(path).platforms(start, stop)
    time = table["time"].values
    here = (time > start) & (time <= stop) & (table["fate"].values == Fate.CANDIDATE)
    assert 0 < here.sum() < 300
    np.testing.assert_array_equal(platform, table["platform"].values[here])
    np.testing.assert_array_equal(product, table["product"].values[here])


def test_the_same_file_again_changes_nothing(path):
    write_observations(path, rows(100))
    before = (path / "observations/zarr.json").read_bytes()
    assert write_observations(path, rows(100)) == {"added": 0, "known": 100, "duplicates": 0}
    assert (path / "observations/zarr.json").read_bytes() == before


def test_one_measurement_in_two_products_is_used_once(path):
    hourly = rows(50, product=4)
    sixhourly = hourly.assign(product=hourly["product"] * 0 + 5)
    write_observations(path, sixhourly)
    counts = write_observations(path, hourly)
    assert counts == {"added": 50, "known": 0, "duplicates": 50}
    by_product = {k[0]: k[2] for k in Observations.open(path).counts()}
    assert by_product["gdp-6hourly"] == Fate.CANDIDATE
    assert by_product["gdp-hourly"] == Fate.FLAGGED_DUPLICATE


def test_a_flagged_row_does_not_shadow_a_good_one(path):
    good = rows(20, product=4)
    bad = good.assign(
        product=good["product"] * 0 + 1,
        fate=good["fate"].copy(data=np.full(20, Fate.FLAGGED_QUALITY, "i2")),
    )
    write_observations(path, bad)
    write_observations(path, good)
    fates = {k[0]: k[2] for k in Observations.open(path).counts()}
    assert fates == {"swot-basic": Fate.FLAGGED_QUALITY, "gdp-6hourly": Fate.CANDIDATE}


def test_invalid_values_stay_with_their_fate(path):
    value = np.array([np.nan, np.inf, 0.1, 0.2])
    write_observations(path, rows(4, value=value, error=np.array([1.0, 1.0, -1.0, 0.0])))
    assert write_observations(
        path, rows(4, value=value, error=np.array([1.0, 1.0, -1.0, 0.0]))
    ) == {"added": 0, "known": 4, "duplicates": 0}
    assert (Observations.open(path).rows()["fate"] == Fate.FLAGGED_INVALID).all()


def test_no_rows_at_all(path):
    assert write_observations(path, empty_rows())["added"] == 0
    stored = Observations.open(path)
    assert len(stored) == 0
    assert stored.window(START, START + SECOND).sizes["row"] == 0
    assert stored.counts() == {}
    write_observations(path, rows(3))
    assert len(Observations.open(path)) == 3


def test_unsorted_rows_are_refused(path):
    table = rows(10)
    with pytest.raises(InputError, match="not in order of time"):
        write_observations(path, table.isel(row=slice(None, None, -1)))
    with pytest.raises(StoreError, match="no observations"):
        Observations.open(path)


def test_inputs_are_not_mutated(path):
    table, again = rows(10), rows(10)
    write_observations(path, table)
    table.isel(row=[0])
    assert same(table, again)


def test_an_ingest_under_a_reader_is_noticed(path):
    write_observations(path, rows(10))
    stored = Observations.open(path)
    write_observations(path, rows(10, seed=1))
    with pytest.raises(StoreError, match="changed by another ingest"):
        stored.window(START, START + SECOND)
