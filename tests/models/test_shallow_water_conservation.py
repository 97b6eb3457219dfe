"""What must not change: rest, volume, heat, energy."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from shallow_water_cases import (
    INVISCID,
    contents,
    eddies,
    energy,
    hours,
    rough_basin,
    run,
    smooth_basin,
    torus,
)


def test_rest_over_rough_topography_stays_rest_for_ten_days():
    model = ShallowWater(ShallowWaterSettings(slope_parameter=1.0), rough_basin())
    state = model.initial_state(None)
    state[0, model.grid.sea] = 0.37  # a level sea, wherever it is level
    state[3] += 5 * np.sin(np.arange(state[3].size).reshape(state[3].shape)) * model.grid.sea
    after = run(model, state, hours(240))
    speed = max(np.abs(after[1::4]).max(), np.abs(after[2::4]).max())
    print(f"largest velocity after 10 days: {speed:.1e} m/s")
    assert speed <= 1e-10


@pytest.mark.parametrize("days", [5, pytest.param(30, marks=pytest.mark.full)])
def test_volume_and_heat_of_a_closed_basin_do_not_drift(days):
    model = ShallowWater(ShallowWaterSettings(), smooth_basin())
    state = eddies(model)
    volume, heat = contents(model, state)
    volume_after, heat_after = contents(model, run(model, state, hours(24 * days)))
    drifts = [np.abs(volume_after / volume - 1).max(), np.abs(heat_after / heat - 1).max()]
    print(f"relative drift in {days} days: volume {drifts[0]:.1e}, heat {drifts[1]:.1e}")
    assert max(drifts) <= 1e-12


def test_a_uniform_temperature_stays_uniform():
    model = ShallowWater(ShallowWaterSettings(), smooth_basin())
    state = eddies(model)
    state[3::4] = 290.0
    after = run(model, state, hours(48))
    assert np.abs(after[3::4][:, model.grid.sea] - 290.0).max() < 1e-9


def test_inviscid_energy_drifts_by_less_than_1e_5_in_ten_days():
    ny, nx = 24, 32
    j, i = np.mgrid[:ny, :nx]
    depth = 4000 + 800 * np.sin(2 * np.pi * i / nx) * np.cos(2 * np.pi * j / ny)
    model = ShallowWater(ShallowWaterSettings(**INVISCID), torus(ny, nx, 50e3, depth=depth))
    state = eddies(model, 0.1)
    before = energy(model, state)
    after = energy(model, run(model, state, hours(240)))
    print(f"relative drift of energy in 10 days: {after / before - 1:.1e}")
    assert abs(after / before - 1) <= 1e-5


def test_friction_and_drag_only_take_energy():
    model = ShallowWater(ShallowWaterSettings(viscosity=2000.0), smooth_basin())
    state = eddies(model)
    energies = [energy(model, state)]
    for _ in range(4):
        state = run(model, state, hours(12))
        energies.append(energy(model, state))
    assert (np.diff(energies) < 0).all()
