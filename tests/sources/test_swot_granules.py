"""Granule names, and which of several versions of a pass is read."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.sources.swot_granules import Granule, drop_duplicate_granules, parse_granule
from hypothesis import given
from hypothesis import strategies as st

REAL = "SWOT_L2_LR_SSH_Basic_019_044_20240801T075726_20240801T084854_PIC0_01.nc"


def test_a_name_tells_product_pass_times_and_version():
    granule = parse_granule(f"/archive/{REAL}")
    assert granule == Granule("Basic", 19, 44, np.datetime64("2024-08-01T07:57:26"),
                              np.datetime64("2024-08-01T08:48:54"), "PIC0", 1)  # fmt: skip
    assert granule.version == "C"
    assert parse_granule("SWOT_L3_LR_SSH_Basic_019_044_x.nc") is None


@given(
    st.sampled_from(["Basic", "Expert", "WindWave", "Unsmoothed"]),
    st.integers(1, 999),
    st.integers(1, 584),
    st.integers(0, 2**31 - 1),
    st.sampled_from(["PIC0", "PGC0", "PGD0", "PID0", "DG10"]),
    st.integers(1, 99),
)
def test_names_survive_writing_and_reading(product, cycle, number, second, crid, counter):
    start = np.datetime64(second, "s")
    granule = Granule(product, cycle, number, start, start + 3088, crid, counter)
    assert parse_granule(granule.name) == granule


def named(crid: str, counter: int = 1, product: str = "Basic", number: int = 44) -> str:
    start = np.datetime64("2024-08-01T07:57:26") + number
    return Granule(product, 19, number, start, start + 3088, crid, counter).name


def test_the_latest_version_wins_whatever_the_order():
    ranking = [named("DG10", 9), named("PIC0", 1), named("PIC0", 2), named("PGC0"),
               named("PID0"), named("PGD0")]  # fmt: skip
    for worse, better in pairwise(ranking):
        for order in permutations([worse, better]):
            kept, superseded = drop_duplicate_granules(order)
            assert [p.name for p in kept] == [better]
            assert {a.name: b.name for a, b in superseded.items()} == {worse: better}


def test_other_passes_and_products_are_no_duplicates():
    names = [named("PIC0"), named("PIC0", number=46), named("PGC0", product="Expert")]
    kept, superseded = drop_duplicate_granules(names)
    assert len(kept) == 3
    assert not superseded
    assert drop_duplicate_granules([]) == ([], {})


def test_an_unknown_name_is_an_error():
    with pytest.raises(InputError, match=r"pass44\.nc"):
        drop_duplicate_granules([REAL, "pass44.nc"])
