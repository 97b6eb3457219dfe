"""The linear-Gaussian model."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError, ModelError
from halocast.grid import Grid
from halocast.models.linear_gaussian import LinearGaussian, LinearGaussianSettings
from pydantic import ValidationError

START = np.datetime64("2024-08-01T00", "s")
HOUR = np.timedelta64(3600, "s")


def a_model(ny=12, nx=10, sea=None, **settings) -> LinearGaussian:
    return LinearGaussian(LinearGaussianSettings(**settings), Grid.plane(ny, nx, 1, 1, sea=sea))


def test_it_decays_by_a_a_step():
    model = a_model(decay=0.25)
    state = np.arange(120.0).reshape(1, 12, 10)
    np.testing.assert_array_equal(model.advance(state, START, START + HOUR), 0.25 * state)
    np.testing.assert_array_equal(model.advance(state, START, START + 3 * HOUR), 0.25**3 * state)
    np.testing.assert_array_equal(model.advance(state, START, START), state)


def test_initial_state_is_a_trough_in_the_first_third():
    state = a_model(120, 120).initial_state().reshape(-1)
    third = 120 * 120 // 3
    assert (state[third:] == 0).all()
    assert (state[:third] < 0).all()
    assert (state[:third] > -0.15).all()
    # uniform: mean -0.075 and sd 0.15 / sqrt(12), within 4 standard errors
    assert abs(state[:third].mean() + 0.075) < 4 * 0.15 / np.sqrt(12 * third)
    assert abs(state[:third].std() / (0.15 / np.sqrt(12)) - 1) < 0.04


def test_initial_state_depends_on_its_own_seed_only():
    one, other = a_model(initial_seed=1), a_model(initial_seed=2)
    assert not np.array_equal(one.initial_state(), other.initial_state())
    np.testing.assert_array_equal(one.initial_state(), a_model(initial_seed=1).initial_state())
    assert (one.initial_perturbation(3, 5) == 0).all()


def test_initial_state_scales_with_its_amplitude():
    np.testing.assert_allclose(
        a_model(initial_amplitude=3.0).initial_state(),
        20 * a_model(initial_amplitude=0.15).initial_state(),
        rtol=1e-15,
    )


def test_land_stays_zero():
    sea = np.ones((12, 10), bool)
    sea[0, :5] = False
    model = a_model(sea=sea)
    state = model.apply_perturbation(model.initial_state(), np.ones((1, 12, 10)))
    after = model.advance(state, START, START + HOUR)
    assert (after[0, ~sea] == 0).all()
    assert (after[0, sea] != 0).all()


def test_a_fraction_of_a_step_is_refused():
    with pytest.raises(ConfigError, match="5400 s are not a whole number of steps of 3600"):
        a_model().advance(np.zeros((1, 12, 10)), START, START + HOUR * 3 // 2)
    with pytest.raises(ConfigError):
        a_model().advance(np.zeros((1, 12, 10)), START + HOUR, START)


def test_a_state_that_is_not_finite_is_named():
    state = np.zeros((1, 12, 10))
    state[0, 4, 7] = np.nan
    with pytest.raises(ModelError, match="not finite") as caught:
        a_model().advance(state, START, START + HOUR)
    assert "cell (4, 7)" in str(caught.value)
    assert "2024-08-01T01" in str(caught.value)


def test_growth_without_bound_is_found_before_the_run():
    assert a_model(decay=-1.0).check() == []
    assert "1.5" in a_model(decay=1.5).check()[0]


def test_unknown_and_impossible_settings_are_errors():
    with pytest.raises(ValidationError, match="decai"):
        LinearGaussianSettings(decai=0.2)
    with pytest.raises(ValidationError):
        LinearGaussianSettings(time_step=0)
