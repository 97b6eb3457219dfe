"""Addressed random numbers: published vectors, no dependence on cuts, the right distribution."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from halocast import draws
from halocast.draws import Address, Purpose, normals, uniforms
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

# Random123 (Salmon et al. 2011), kat_vectors: counter, key and result of philox4x32, 10 rounds
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip

addresses = st.builds(
    Address,
    seed=st.integers(0, 2**64 - 1),
    cycle=st.integers(0, 2**32 - 1),
    purpose=st.sampled_from(list(Purpose)),
    index=st.integers(0, 2**32 - 1),
)


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_philox_gives_the_published_bits(counter, key, result):
    assert list(draws._philox(*words(counter), *words(key))) == words(result)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_an_address_is_counter_and_key_of_philox(counter, key, result):
    block, index, cycle, purpose = (int(word) for word in words(counter))
    low, high = (int(word) for word in words(key))
    a, b, c, d = (int(word) for word in words(result))
    address = Address(high << 32 | low, cycle, purpose, index)
    expected = [((p >> 5) << 26 | q >> 6) / 2**53 for p, q in ((a, b), (c, d))]
    np.testing.assert_allclose(uniforms(address, 2, 2 * block), expected, rtol=0, atol=2.0**-53)


@settings(max_examples=60, deadline=None)
@given(addresses, st.integers(0, 2000), st.lists(st.integers(0, 1500), max_size=4))
def test_any_cut_gives_the_same_bits(address, start, cuts):
    count = 1500
    edges = sorted({0, count, *cuts})
    for draw in (uniforms, normals):
        pieces = [draw(address, b - a, start + a) for a, b in pairwise(edges)]
        np.testing.assert_array_equal(np.concatenate(pieces), draw(address, count, start))


def test_single_draws_equal_the_sequence():
    address = Address(123456789012345678901 % 2**64, 7, Purpose.MODEL_NOISE, 3)
    one_by_one = [
        draws.uniform_at(np.uint64(address.seed), 7, int(Purpose.MODEL_NOISE), 3, e)
        for e in range(33)
    ]
    np.testing.assert_array_equal(uniforms(address, 33), one_by_one)
    quantiles = [draws.normal_quantile(u) for u in one_by_one]
    np.testing.assert_array_equal(normals(address, 33), quantiles)


def test_every_part_of_an_address_matters():
    base = Address(1, 2, 3, 4)
    sequences = [uniforms(base, 1000)]
    sequences += [uniforms(base._replace(**{name: 9}), 1000) for name in Address._fields]
    sequences.append(uniforms(base._replace(seed=1 + (1 << 32)), 1000))
    for i, one in enumerate(sequences):
        for other in sequences[:i]:
            assert not np.isin(one, other).any()
            assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / np.sqrt(1000)


def test_purposes_are_different_numbers():
    assert len({int(p) for p in Purpose}) == len(Purpose.__members__)


def test_quantile_is_that_of_scipy():
    u = np.concatenate(
        [
            np.linspace(1e-6, 1 - 1e-6, 4001),
            np.logspace(-300, -3, 1200),
            1 - np.logspace(-15, -3, 99),
        ]
    )
    mine = np.array([draws.normal_quantile(p) for p in u])
    np.testing.assert_allclose(mine, special.ndtri(u), rtol=5e-15, atol=1e-15)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**52))
def test_quantile_is_odd(bits):
    q = bits * 2.0**-53  # 0.5 - q and 0.5 + q are exact
    if q < 0.5:
        below, above = draws.normal_quantile(0.5 - q), draws.normal_quantile(0.5 + q)
        np.testing.assert_allclose(below, -above, rtol=1e-13)


def test_distribution_is_uniform_and_normal():
    n = 200_000
    address = Address(2024, 5, Purpose.MODEL_NOISE, 1)
    u, z = uniforms(address, n), normals(address, n)
    assert u.min() > 0
    assert u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert stats.kstest(z, "norm").pvalue > 1e-3
    for moment, expected, error in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**moment) - expected) < 4 * np.sqrt(error / n)
    # neighbours, and members of the same cycle, are independent
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 4 / np.sqrt(n)
    assert abs(np.corrcoef(z, normals(address._replace(index=2), n))[0, 1]) < 4 / np.sqrt(n)


def test_smallest_bits_are_above_zero():
    smallest = draws._to_uniform(np.uint64(0), np.uint64(0))
    assert 0 < smallest <= 2.0**-53
    assert np.isfinite(draws.normal_quantile(smallest))


def test_largest_bits_are_below_one():
    largest = draws._to_uniform(np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFF))
    assert largest < 1
    assert np.isfinite(draws.normal_quantile(largest))
