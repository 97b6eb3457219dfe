"""Withholding: by platform or pass, the share asked for, and nothing but the seed matters."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.observations import ObservationSettings, prepare_observations
from halocast.observations.settings import WithholdSettings
from halocast.observations.withholding import (
    DRIFTERS,
    choose_withheld,
    platforms_of,
    product_kind,
)
from halocast.sources.rows import PRODUCTS, Fate
from hypothesis import given, settings
from hypothesis import strategies as st
from observation_examples import GDP, LAYOUT, OTHER, SWOT, WINDOW, mixture, ocean
from pydantic import ValidationError

DRIFTER_IDS = np.concatenate([np.arange(60_000, 65_000), 300234060200000 + np.arange(5_000)])

NAMES = ("product", "platform")


def choose(product, platform, share, seed=1, among=None):
    """Mask of what is kept back, all platforms having the same share."""
    shares = WithholdSettings(drifters=share, swot=share, other=share)
    products = np.full(len(platform), product)
    among = platforms_of(products, platform) if among is None else among
    return choose_withheld(products, platform, np.arange(len(platform)), shares, seed, among)


@pytest.mark.parametrize("product", [GDP, SWOT])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_the_share_is_the_one_asked_for(product, share):
    for platform in (DRIFTER_IDS, 20_000 + np.arange(40)):
        assert choose(product, platform, share).sum() == round(share * platform.size)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 12), st.floats(0.01, 0.99), st.integers(0, 2**64 - 1))
def test_of_a_handful_never_all_and_never_none(n, share, seed):
    chosen = choose(SWOT, 10_001 + np.arange(n), share, seed)
    assert 1 <= chosen.sum() <= n - 1
    assert abs(chosen.sum() - share * n) <= 1


def test_a_single_platform_is_not_kept_back():
    assert not choose(GDP, np.full(5, 7), 0.9).any()


def test_a_larger_share_keeps_back_more_of_the_same():
    small, large = choose(GDP, DRIFTER_IDS, 0.2), choose(GDP, DRIFTER_IDS, 0.4)
    assert (large | ~small).all()
    assert large.sum() > small.sum()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=30, unique=True),
    st.integers(0, 2**64 - 1),
)
def test_order_does_not_matter_and_company_only_as_a_number(platforms, seed):
    platforms = np.array(platforms)
    among = platforms_of(np.full(platforms.size, GDP), platforms)
    together = choose(GDP, platforms, 0.5, seed, among)
    alone = [choose(GDP, platforms[i : i + 1], 0.5, seed, among)[0] for i in range(platforms.size)]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, choose(GDP, platforms[::-1], 0.5, seed)[::-1])
    np.testing.assert_array_equal(together, choose(GDP, platforms.repeat(3), 0.5, seed)[::3])


def test_seeds_products_and_identities_choose_independently():
    base = choose(GDP, DRIFTER_IDS, 0.5)
    others = [
        choose(GDP, DRIFTER_IDS, 0.5, seed=2),
        choose(SWOT, DRIFTER_IDS, 0.5),
        choose(GDP, DRIFTER_IDS + 1_000_000, 0.5),
        choose(GDP, DRIFTER_IDS + (1 << 40), 0.5),
    ]
    for other in others:
        assert abs((base == other).mean() - 0.5) < 4 * 0.5 / np.sqrt(DRIFTER_IDS.size)


def test_a_drifter_is_withheld_with_all_its_variables_in_every_cycle():
    setting = ObservationSettings.model_validate({"withhold": {"drifters": 0.4}})
    by_platform: dict[int, set] = {}
    cycles = [mixture(cycle) for cycle in range(3)]
    among = platforms_of(*(np.concatenate([c[n].values for c in cycles]) for n in NAMES))
    for rows in cycles:
        table, _ = prepare_observations(rows, ocean(), LAYOUT, setting, 9, WINDOW, among)
        mine = product_kind(table.product) == DRIFTERS
        for platform, fate in zip(table.platform[mine], table.fate[mine]):
            by_platform.setdefault(int(platform), set()).add(int(fate))
        assert (table.fate[~mine] == Fate.ASSIMILATED).all()
    assert all(len(fates) == 1 for fates in by_platform.values())
    assert {next(iter(f)) for f in by_platform.values()} == {Fate.ASSIMILATED, Fate.WITHHELD}


def test_a_pass_is_withheld_as_a_whole():
    setting = ObservationSettings.model_validate({"withhold": {"swot": 0.5}})
    rows = mixture(0)
    choices = set()
    for seed in range(8):
        table, fate = prepare_observations(rows, ocean(), LAYOUT, setting, seed, WINDOW)
        swot = table.take(table.product == SWOT)
        by_pass = [np.unique(swot.fate[swot.platform == n]) for n in (10_001, 10_002, 10_003)]
        assert all(fates.size == 1 for fates in by_pass)
        choices.add(tuple(int(fates[0]) for fates in by_pass))
        # the pixels are merged whatever becomes of their super-observation
        assert (fate[rows["product"].values == SWOT] == Fate.MERGED).sum() == swot.count.sum()
    assert len(choices) > 1


def test_other_rows_are_withheld_one_by_one():
    platform = np.zeros(10_000, np.int64)
    chosen = choose(OTHER, platform, 0.3)
    assert abs(chosen.mean() - 0.3) < 0.02


def test_every_product_has_a_kind():
    kinds = product_kind(np.arange(len(PRODUCTS)))
    assert dict(zip(PRODUCTS, kinds.tolist())) == {
        "other": 2,
        "swot-basic": 1,
        "swot-expert": 1,
        "swot-unsmoothed": 1,
        "gdp-6hourly": 0,
        "gdp-hourly": 0,
        "drifter-realtime": 0,
        "twin": 2,
        "twin-swath": 1,
        "twin-drifter": 0,
    }


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_impossible_shares_are_refused(share):
    with pytest.raises(ValidationError):
        WithholdSettings(drifters=share)
