"""Split-explicit time stepping against RK4, and what it must conserve."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from shallow_water_cases import (
    START,
    Window,
    channel,
    contents,
    eddies,
    hours,
    layer_thickness,
    rough_basin,
    run,
    smooth_basin,
    torus,
)

SPLIT = {"time_stepping": "split-explicit", "time_step": 600}


def test_ten_days_of_eddies_agree_with_rk4_far_below_the_ensemble_spread():
    grid = torus(24, 24, 50e3)
    settings = ShallowWaterSettings()
    reference = ShallowWater(settings, grid)
    split = ShallowWater(ShallowWaterSettings(**SPLIT), grid)
    assert split.check() == []
    state = eddies(reference)
    a, b = run(reference, state, hours(240)), run(split, state, hours(240))
    height = np.abs(a[0] - b[0]).max()
    speed = max(np.abs(a[1::4] - b[1::4]).max(), np.abs(a[2::4] - b[2::4]).max())
    print(f"after 10 days: ssh differs by {1000 * height:.2f} mm, velocity by {speed:.1e} m/s")
    assert height < settings.perturbation.ssh_sd / 20
    assert speed < 1e-3


def test_rest_over_rough_topography_stays_rest():
    model = ShallowWater(ShallowWaterSettings(slope_parameter=1.0, **SPLIT), rough_basin())
    state = model.initial_state(None)
    state[0, model.grid.sea] = 0.37
    after = run(model, state, hours(240))
    assert np.abs(after[1::4]).max() <= 1e-10
    assert np.abs(after[2::4]).max() <= 1e-10


def test_volume_heat_and_a_uniform_temperature_are_conserved():
    model = ShallowWater(ShallowWaterSettings(**SPLIT), smooth_basin())
    state = eddies(model)
    state[7] = 283.0
    volume, heat = contents(model, state)
    after = run(model, state, hours(120))
    volume_after, heat_after = contents(model, after)
    assert np.abs(volume_after / volume - 1).max() < 1e-12
    assert np.abs(heat_after / heat - 1).max() < 1e-12
    assert np.abs(after[7][model.grid.sea] - 283.0).max() < 1e-9


def test_a_basin_with_coasts_and_a_ridge_agrees_with_rk4():
    grid = smooth_basin()
    grid.depth[[0, -1], :] = grid.depth[:, [0, -1]] = 0.0
    reference = ShallowWater(ShallowWaterSettings(), grid)
    split = ShallowWater(ShallowWaterSettings(**SPLIT), grid)
    state = eddies(reference)
    # waves that the start still holds are damped by one scheme and not by the other
    a, b = run(reference, state, hours(72)), run(split, state, hours(72))
    difference = np.sqrt(((a[0] - b[0]) ** 2).mean() / (a[0] ** 2).mean())
    print(f"relative difference of ssh after 3 days: {difference:.3f}")
    assert difference < 0.05
    assert np.abs(a[5:7] - b[5:7]).max() < 0.03


def test_open_edges_agree_with_rk4_and_a_restart_changes_no_bit():
    grid = smooth_basin()
    ny, nx = grid.shape
    j, i = np.mgrid[:ny, :nx]
    steps = np.arange(3)[:, None, None]
    fields = {
        "ssh": 0.2 * np.sin(i / 5 + 0.1 * steps) * np.cos(j / 4),
        "t": 295 + 0.1 * (j + steps),
        "tau_x": 0.05 + 0.0 * (i + steps),
        "tau_y": 0.0 * (i + steps),
    }
    window = Window(START + np.arange(3) * hours(24), fields)
    outcomes = []
    for settings in (ShallowWaterSettings(), ShallowWaterSettings(**SPLIT)):
        model = ShallowWater(settings, grid)
        forcing = model.prepare_forcing(window)
        outcomes.append(run(model, model.initial_state(window), hours(48), forcing))
    difference = np.abs(outcomes[0][0] - outcomes[1][0])[model.grid.sea]
    print(f"ssh differs by {np.sqrt((difference**2).mean()):.4f} m rms after 2 days")
    assert np.sqrt((difference**2).mean()) < 0.01
    start = model.initial_state(window)
    half = run(model, start, hours(1), forcing)
    again = model.advance(half, START + hours(1), START + hours(2), forcing)
    assert np.array_equal(again, run(model, start, hours(2), forcing))


@pytest.mark.parametrize("viscosity", [0.0, 500.0])
def test_a_layer_that_runs_out_keeps_its_minimum_and_its_volume(viscosity):
    model = ShallowWater(ShallowWaterSettings(viscosity=viscosity, **SPLIT), channel(30, 16, 40e3))
    state = model.initial_state(None)
    state[4] += 88 * np.tanh(model.grid.y / 100e3)[:, None]
    state[1] += 0.5 / np.cosh(model.grid.y / 100e3)[:, None] ** 2
    state[1:3] += 0.02 * np.random.default_rng(4).normal(size=(2, 30, 16))
    volume, heat = contents(model, state)
    after = run(model, state, hours(120))
    assert layer_thickness(model, after).min() >= 10 - 1e-6
    assert np.abs(contents(model, after)[0] / volume - 1).max() < 1e-12
    assert np.abs(contents(model, after)[1] / heat - 1).max() < 1e-12
    assert np.abs(after[1::4]).max() < 3.0


def test_a_step_too_long_for_internal_waves_is_reported():
    settings = ShallowWaterSettings(time_stepping="split-explicit", time_step=7200)
    (problem,) = ShallowWater(settings, torus(8, 8, 20e3)).check()
    assert "internal waves" in problem
