"""The promises of a model: pure, restartable to the bit, the same in every precision it has."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from halocast.models.base import Model, build_model
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.testing import ModelTests
from hypothesis import given, settings, strategies
from shallow_water_cases import START, Window, eddies, hours, run, smooth_basin


@pytest.fixture(scope="module")
def forced():
    """A model, its state and prepared forcing of six hours in three steps."""
    model = ShallowWater(ShallowWaterSettings(), smooth_basin())
    state = eddies(model)
    ny, nx = model.grid.shape
    j, i = np.mgrid[:ny, :nx]
    steps = np.arange(3)[:, None, None]
    window = Window(
        START + np.arange(3) * hours(3),
        {
            "ssh": 0.3 * np.sin(i / 5 + 0.3 * steps) * np.cos(j / 4),
            "u": 0.1 * np.cos(i / 5 + steps),
            "v": 0.1 * np.sin(j / 5 + steps),
            "t": 295 + 0.1 * (j + steps),
            "tau_x": 0.1 * np.cos(j / 6) + 0 * steps + 0 * i,
            "tau_y": 0.0 * i + 0 * steps,
        },
    )
    return model, state, window, model.prepare_forcing(window)


def test_the_model_keeps_the_contract():
    model = build_model(ShallowWaterSettings(), smooth_basin())
    assert isinstance(model, Model)
    names = ["ssh", "u0", "v0", "t0", "h1", "u1", "v1", "t1", "h2", "u2", "v2", "t2"]
    assert list(model.layout.names) == names
    assert model.initial_state(None).shape == (12, *model.grid.shape)


class TestShallowWaterConforms(ModelTests):
    """The kit's promises, forced and with land."""

    @pytest.fixture
    def model(self, forced):
        return forced[0]

    @pytest.fixture(autouse=True)
    def _window(self, forced):
        self.window = forced[2]

    def forcing(self, model):
        return self.window


@pytest.mark.parametrize("minutes", [5, 60, 65, 180, 240])
def test_a_restart_is_bitwise_the_uninterrupted_run(forced, minutes):
    model, state, _, forcing = forced
    middle, end = START + np.timedelta64(minutes, "m"), START + hours(5)
    whole = model.advance(state, START, end, forcing)
    half = model.advance(state, START, middle, forcing)
    assert np.array_equal(model.advance(half, middle, end, forcing), whole)


def test_the_window_the_forcing_comes_in_does_not_matter(forced):
    model, state, window, forcing = forced
    middle, end = START + hours(3), START + hours(5)
    whole = model.advance(state, START, end, forcing)
    first = model.prepare_forcing(
        Window(window.times[:2], {k: v[:2] for k, v in window.fields.items()})
    )
    second = model.prepare_forcing(
        Window(window.times[1:], {k: v[1:] for k, v in window.fields.items()})
    )
    half = model.advance(state, START, middle, first)
    assert np.array_equal(model.advance(half, middle, end, second), whole)


def test_advancing_is_deterministic_and_changes_nothing_it_is_given(forced):
    model, state, _, forcing = forced
    kept, targets = state.copy(), forcing.boundary.target.copy()
    a = model.advance(state, START, START + hours(1), forcing)
    b = model.advance(state, START, START + hours(1), forcing)
    assert np.array_equal(a, b)
    assert np.array_equal(state, kept)
    assert np.array_equal(forcing.boundary.target, targets)
    assert a is not state
    assert np.array_equal(model.advance(state, START, START, forcing), state)


def test_a_model_that_travelled_gives_the_same_bits(forced):
    model, state, window, forcing = forced
    other = pickle.loads(pickle.dumps(model))
    end = START + hours(1)
    again = other.advance(state, START, end, other.prepare_forcing(window))
    assert np.array_equal(again, model.advance(state, START, end, forcing))


def test_land_holds_nothing(forced):
    model, state, _, forcing = forced
    after = model.advance(state, START, START + hours(2), forcing)
    wet = model.layout.wet(model.grid)
    still = ~wet
    still[3::4] = False  # land keeps a temperature, for the sake of interpolation
    assert not after[still].any()
    assert np.isfinite(after).all()


def test_single_precision_agrees_within_a_millimetre_after_a_day():
    grid = smooth_basin()
    double = ShallowWater(ShallowWaterSettings(), grid)
    single = ShallowWater(ShallowWaterSettings(precision="float32"), grid)
    state = eddies(double)
    a, b = run(double, state, hours(24)), run(single, state, hours(24))
    difference = np.abs(a[0] - b[0]).max()
    print(f"ssh in single precision differs by {1000 * difference:.4f} mm after a day")
    assert difference < 1e-3
    middle = single.advance(state, START, START + hours(1), None)
    assert np.array_equal(
        single.advance(middle, START + hours(1), START + hours(2), None),
        run(single, state, hours(2)),
    )


@given(shift=strategies.integers(0, 3000), seed=strategies.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_any_state_restarts_bitwise(shift, seed):
    model = ShallowWater(ShallowWaterSettings(), smooth_basin(8, 9))
    start = START + np.timedelta64(shift, "s")
    increment = model.initial_perturbation(seed, 0) * 4
    state = model.apply_perturbation(model.initial_state(None), increment)
    stops = [start + np.timedelta64(75 * k, "s") for k in (3, 7)]
    half = model.advance(state, start, stops[0], None)
    assert np.array_equal(
        model.advance(half, stops[0], stops[1], None), model.advance(state, start, stops[1], None)
    )
