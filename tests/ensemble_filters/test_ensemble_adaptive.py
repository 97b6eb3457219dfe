"""Inflation that follows the innovations."""

from __future__ import annotations

import numpy as np
import pytest
from ensemble_cases import UNTAPERED, run, window_of
from halocast.filters.ensemble.adaptive import (
    AndersonInflation,
    MiyoshiInflation,
    believe,
    inflate,
    miyoshi,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st


def test_a_spread_understated_by_two_is_found() -> None:
    """The sheet's scalar test: lambda near 1.85 for 2, for the line is not the likelihood."""
    rng = np.random.default_rng(1)
    factor, sum_ = 1.0, 0.0
    for k in range(20_000):
        d = abs(rng.normal() * np.sqrt(2.0 + 1.0))
        factor, _ = believe(factor, 0.1, 1.0, d, 1.0, 1.0)
        sum_ += factor if k >= 2000 else 0.0
    assert 1.7 < sum_ / 18_000 < 2.2


@given(
    before=st.floats(1.0, 4.0), sd=st.floats(0.1, 0.6), near=st.floats(0.05, 1.0),
    d=st.floats(0.0, 6.0), r=st.floats(0.2, 3.0),
)  # fmt: skip
@hypothesis_settings(max_examples=60, deadline=None)
def test_the_belief_solves_the_paper_s_quadratic(
    before: float, sd: float, near: float, d: float, r: float
) -> None:
    """With the likelihood and its slope in the sheet's form, not in ours."""
    theta = np.sqrt((1 + near * (np.sqrt(before) - 1)) ** 2 + r)
    height = np.exp(-(d**2) / 2 / theta**2) / np.sqrt(2 * np.pi) / theta
    slope = height * (d**2 / theta**2 - 1) / theta
    slope *= 0.5 * near * (1 - near + near * np.sqrt(before)) / (theta * np.sqrt(before))
    found, left = believe(before, sd, near, d, 1.0, r)
    if abs(slope) > 1e-4 * height:
        b = height / slope - 2 * before
        c = before**2 - sd**2 - height / slope * before
        roots = np.roots([1.0, b, c])
        nearest = roots[np.argmin(np.abs(roots - before))]
        assert found == pytest.approx(float(nearest.real), abs=1e-6)
    assert 0 < left <= sd


def test_miyoshi_finds_a_spread_understated_by_two() -> None:
    rng = np.random.default_rng(2)
    factor, m, p = 1.0, 40, 30
    for _ in range(3000):
        forecast = rng.normal(size=(m, p))
        error = np.ones(p)
        value = rng.normal(size=p) * np.sqrt(2.0 + 1.0)
        window = window_of(m, p, p)._replace(
            forecast=forecast, predicted=forecast, scalar=np.arange(p), value=value, error=error
        )
        factor = miyoshi(window, factor, 0.04)
    # the mean of m members is uncertain itself, by 1/m
    assert factor == pytest.approx(2.0 + 1 / m, abs=0.25)


def test_what_is_not_observed_goes_back_to_one() -> None:
    memory: np.ndarray | None = np.array([np.full(12, 3.0), np.full(12, 0.2)])
    for _ in range(60):
        _, memory = inflate(window_of(p=0)._replace(memory=memory), AndersonInflation())
    assert memory is not None
    np.testing.assert_allclose(memory[0], 1.0, atol=0.01)
    stays, memory = inflate(window_of(p=0)._replace(memory=np.array([1.5])), MiyoshiInflation())
    assert memory == 1.5
    np.testing.assert_allclose(
        stays.forecast.var(axis=0), 1.5 * window_of(p=0).forecast.var(axis=0), rtol=1e-13
    )


@pytest.mark.parametrize("name", UNTAPERED)
@pytest.mark.parametrize("by", ["anderson", "miyoshi"])
def test_every_filter_inflates_before_its_analysis_and_remembers(name: str, by: str) -> None:
    window = window_of()
    settings = {"anderson": AndersonInflation, "miyoshi": MiyoshiInflation}[by]()
    ahead, memory = inflate(window, settings)
    found = run(name, window, adaptive=settings)
    np.testing.assert_allclose(found.members, run(name, ahead).members, rtol=0, atol=1e-14)
    assert memory is not None
    assert np.array_equal(found.memory, memory)
    assert memory.shape == ((2, 12) if by == "anderson" else (1,))


def test_predictions_are_inflated_with_what_they_are_of() -> None:
    window = window_of(n=4, p=4)
    memory = np.array([[1.0, 2.0, 3.0, 4.0], np.full(4, 0.1)])
    settings = AndersonInflation(damping=1.0, least_sd=0.1)
    ahead, after = inflate(window._replace(memory=memory, error=np.full(4, 1e6)), settings)
    assert after is not None
    np.testing.assert_allclose(ahead.predicted, ahead.forecast[:, window.scalar], atol=1e-14)
    np.testing.assert_allclose(
        ahead.forecast.var(axis=0), after[0] * window.forecast.var(axis=0), rtol=1e-13
    )
    of_none = window._replace(memory=memory, scalar=np.full(4, -1), error=np.full(4, 1e6))
    ratio = inflate(of_none, settings)[0].predicted.var(axis=0) / window.predicted.var(axis=0)
    assert (ratio > 1.0).all()
    assert (ratio < 4.0).all()
