"""The incremental update: its shares, what comes of an increment, what fast waves get of it."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.operation import (
    IncrementalUpdate,
    SmoothedEsrfSettings,
    run_with_increment,
    shares,
    smoothed_esrf,
)
from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.trial import run_trial
from halocast.models.small import lorenz63
from hypothesis import given
from hypothesis import strategies as st

SHAPES = ("constant", "triangular")


@pytest.mark.parametrize("shape", SHAPES)
@given(steps=st.integers(1, 300))
def test_shares_are_positive_symmetric_and_sum_to_one(shape, steps):
    found = shares(steps, shape)
    assert found.shape == (steps,)
    assert (found > 0).all()
    assert found.sum() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(found, found[::-1], rtol=1e-14)


def test_constant_is_constant_and_triangular_rises_evenly_to_the_middle():
    np.testing.assert_array_equal(shares(4, "constant"), [0.25] * 4)
    np.testing.assert_allclose(shares(5, "triangular"), np.array([1, 2, 3, 2, 1]) / 9)
    np.testing.assert_allclose(shares(4, "triangular"), np.array([1, 2, 2, 1]) / 6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [1, 7, 24, 288])
def test_where_nothing_moves_the_increment_enters_whole(shape, steps):
    rng = np.random.default_rng(0)
    state, increment = rng.normal(size=(2, 5, 3))
    found = run_with_increment(lambda x: x, state, increment, shares(steps, shape))
    np.testing.assert_allclose(found - state, increment, atol=1e-14)


@pytest.mark.parametrize(("shape", "power"), [("constant", 1), ("triangular", 2)])
@pytest.mark.parametrize("turns", [0.5, 1.3, 3.7])
def test_a_wave_gets_the_share_of_the_increment_that_theory_says(shape, power, turns):
    """dx/dt = i w x: at the window's middle the increment counts sinc(w T / 2), or its square."""
    steps, interval = 4000, 1.0
    angular = 2 * np.pi * turns / interval
    turn = np.exp(1j * angular * interval / steps)
    found = run_with_increment(lambda x: turn * x, 0j, 1.0, shares(steps, shape))
    half = angular * interval / 2 / power
    at_middle = found * np.exp(-1j * angular * interval / 2)
    assert abs(at_middle - (np.sin(half) / half) ** power) < 2 * angular * interval / steps


class ShallowWater:
    """A line of rotating shallow water, linear, on a staggered ring; what moves are waves."""

    cells, length, depth, gravity, rotation, dt = 100, 4e6, 100.0, 9.81, 1e-4, 600.0

    def __init__(self) -> None:
        n, dx = self.cells, self.length / self.cells
        ahead = (np.roll(np.eye(n), 1, axis=1) - np.eye(n)) / dx
        zero, one = np.zeros((n, n)), np.eye(n)
        tendency = np.block(
            [
                [zero, self.depth * ahead.T, zero],
                [-self.gravity * ahead, zero, self.rotation * one],
                [zero, -self.rotation * one, zero],
            ]
        )
        values, vectors = np.linalg.eig(tendency)
        self.step_matrix = ((vectors * np.exp(values * self.dt)) @ np.linalg.inv(vectors)).real

    def step(self, x: np.ndarray) -> np.ndarray:
        return self.step_matrix @ x


@pytest.mark.parametrize("shape", SHAPES)
def test_gravity_waves_of_an_increment_are_five_times_less(shape):
    """An unbalanced height increment; rms of d(height)/dt in the three hours after it is in."""
    model = ShallowWater()
    n, hours = model.cells, 6  # one step is ten minutes
    x = np.arange(n)
    increment = np.zeros(3 * n)
    increment[:n] = 0.1 * np.exp(-(((x - n / 2) / 3.0) ** 2))
    at_once = _noise(model, increment)
    window = 24 * hours
    spread = run_with_increment(model.step, np.zeros(3 * n), increment, shares(window, shape))
    print(f"{shape}: {at_once:.3e} m/s at once, {_noise(model, spread):.3e} bit by bit, "
          f"{at_once / _noise(model, spread):.1f} times less")  # fmt: skip
    assert _noise(model, spread) < at_once / 5


def _noise(model: ShallowWater, state: np.ndarray) -> float:
    rates = []
    for _ in range(18):
        later = model.step(state)
        rates.append((later - state)[: model.cells] / model.dt)
        state = later
    return float(np.sqrt(np.mean(np.square(rates))))


def _lorenz_step(members: np.ndarray) -> np.ndarray:
    return lorenz63.advance(members, 1, 0.01)


def test_a_filter_with_increments_bit_by_bit_follows_lorenz():
    """Short intervals, 0.08, where the flow is smooth over the window."""
    problem = sakov2012(0.08)
    setting = SmoothedEsrfSettings(interval=1, half_life=1e-9, inflation=1.02)
    method = IncrementalUpdate(smoothed_esrf.analyse, setting, 10, _lorenz_step, 8, "constant")
    found = run_trial(problem, method, 1, 400)
    assert found.diverged == 0
    assert found.analysis < 0.6


def test_what_has_no_middle_or_has_noise_is_refused():
    setting = SmoothedEsrfSettings(interval=1, half_life=1)
    with pytest.raises(ConfigError, match="no middle"):
        IncrementalUpdate(smoothed_esrf.analyse, setting, 10, _lorenz_step, 25, "constant")
