"""Systematic ancestors: counts, expectation, and survivors that keep their slot."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import RunError
from halocast.samplers.resampling import systematic_ancestors
from hypothesis import given
from hypothesis import strategies as st

weights = st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda w: sum(w) > 1e-3)
uniforms = st.floats(1e-9, 1 - 1e-9)


@given(weights, uniforms)
def test_counts_are_within_one_of_their_expectation(w: list[float], u: float) -> None:
    p = np.array(w) / sum(w)
    count = np.bincount(systematic_ancestors(np.array(w), u), minlength=p.size)
    assert np.all(np.abs(count - p.size * p) < 1 + 1e-9)
    assert np.all(count[p == 0] == 0)


@given(weights, uniforms)
def test_survivors_keep_their_slot(w: list[float], u: float) -> None:
    ancestor = systematic_ancestors(np.array(w), u)
    chosen = np.unique(ancestor)
    assert np.array_equal(ancestor[chosen], chosen)


@given(st.integers(1, 60), uniforms, st.floats(1e-300, 1e300))
def test_equal_weights_change_nothing(m: int, u: float, size: float) -> None:
    assert np.array_equal(systematic_ancestors(np.full(m, size), u), np.arange(m))


def test_counts_are_unbiased() -> None:
    w = np.array([0.05, 0.4, 0.15, 0.27, 0.13])
    u = (np.arange(2000) + 0.5) / 2000
    counts = sum(np.bincount(systematic_ancestors(w, x), minlength=5) for x in u) / u.size
    assert np.allclose(counts, 5 * w, atol=5 / 2000)


@pytest.mark.parametrize("bad", [[0.0, 0.0], [0.5, -0.1], [np.nan, 1.0], [np.inf, 1.0]])
def test_bad_weights_are_refused(bad: list[float]) -> None:
    with pytest.raises(RunError, match="weights"):
        systematic_ancestors(np.array(bad), 0.5)
