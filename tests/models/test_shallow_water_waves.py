"""Waves and balanced flows with known speeds."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.models.shallow_water.columns import displacements, thicknesses
from halocast.models.shallow_water.layers import gravities, vertical_modes
from shallow_water_cases import INVISCID, channel, hours, one_layer, run, torus


def state_of(model: ShallowWater, displacement: np.ndarray) -> np.ndarray:
    """A motionless state with given displacements (L, ny, nx)."""
    state = model.initial_state(None)
    state[0] = displacement[0]
    state[4::4] = thicknesses(displacement, model.rest)[1:]
    return state


def standing_wave_speed(model, mode, duration, amplitude, axis):
    """Phase speed of a standing wave of a vertical mode, from its height after a while."""
    n = model.grid.shape[axis]
    length = n * (model.grid.dy if axis == 0 else model.grid.dx[0])
    _, tops = vertical_modes(model.rest[:, 0, 0], gravities(model.settings))
    wave = np.cos(2 * np.pi * np.arange(n) / n)
    pattern = wave[:, None] if axis == 0 else wave[None, :]
    start = amplitude * tops[mode][:, None, None] * np.broadcast_to(pattern, model.grid.shape)
    interface = int(np.argmax(np.abs(tops[mode])))
    after = displacements(run(model, state_of(model, start), duration), model.rest)[interface]
    height = (after * pattern).sum() / (start[interface] * pattern).sum()
    return np.arccos(height) * length / (2 * np.pi * duration.astype(float))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_gravity_waves_travel_at_the_layer_matrix_speeds(mode, axis):
    settings = ShallowWaterSettings(**INVISCID, time_step=20 if mode == 0 else 50)
    shape = (48, 4) if axis == 0 else (4, 48)
    model = ShallowWater(settings, torus(*shape, 20e3, f=0.0))
    speeds, _ = vertical_modes(model.rest[:, 0, 0], gravities(settings))
    duration = np.timedelta64(round(48 * 20e3 / speeds[mode] / 5 / 100) * 100, "s")
    measured = standing_wave_speed(model, mode, duration, 1e-3, axis)
    print(f"mode {mode}: {measured:.4f} m/s, layer matrix {speeds[mode]:.4f}")
    assert measured == pytest.approx(speeds[mode], rel=0.01)


def test_the_barotropic_speed_is_near_root_g_h():
    settings = ShallowWaterSettings()
    speeds, tops = vertical_modes(np.array(settings.thicknesses), gravities(settings))
    assert speeds[0] == pytest.approx(np.sqrt(9.81 * 4000), rel=5e-3)
    assert tops[0, 1] == pytest.approx(3900 / 4000, rel=0.01)
    one = vertical_modes(np.array([4000.0]), np.array([9.81]))[0]
    assert one[0] == pytest.approx(np.sqrt(9.81 * 4000))


def test_a_geostrophic_jet_on_an_f_plane_keeps_for_ten_days():
    ny, spacing, f = 40, 40e3, 1e-4
    settings = ShallowWaterSettings(**INVISCID, time_step=100)
    model = ShallowWater(settings, channel(ny, 4, spacing, f=f))
    y = model.grid.y
    jet = np.array([0.25, 0.15, 0.05])[:, None] * np.exp(-((y / 250e3) ** 2))
    slope = -f * 0.5 * (jet[:, 1:] + jet[:, :-1]) * spacing
    potential = np.concatenate([np.zeros((3, 1)), np.cumsum(slope, axis=1)], axis=1)
    potential -= potential.mean(axis=1, keepdims=True)
    steps = np.diff(np.concatenate([np.zeros((1, ny)), potential]), axis=0)
    displacement = steps / gravities(settings)[:, None]
    state = state_of(model, np.repeat(displacement[:, :, None], 4, axis=2))
    state[1::4] = jet[:, :, None]
    after = run(model, state, hours(240))
    change = np.abs(after[1::4] - state[1::4]).max() / 0.25
    height = np.abs(after[0] - state[0]).max() / np.ptp(state[0])
    print(f"after 10 days: jet changed by {change:.2%}, height by {height:.2%}")
    assert max(change, height) <= 0.01


def test_a_barotropic_rossby_wave_travels_west_at_its_speed():
    nx, ny, spacing, f0, beta = 40, 20, 50e3, 1e-4, 2e-11
    model = ShallowWater(
        one_layer(**INVISCID, time_step=100), channel(ny, nx, spacing, f=f0, beta=beta)
    )
    k, width = 2 * np.pi / (nx * spacing), ny * spacing
    ell = np.pi / width
    expected = -beta / (k**2 + ell**2 + f0**2 / (9.81 * 4000))
    grid, amplitude = model.grid, 1e3  # stream function in m2/s: currents of mm/s

    def psi(y, x):
        return amplitude * np.sin(ell * (y[:, None] + width / 2)) * np.cos(k * x[None, :])

    # velocity from a stream function at corners has no divergence
    y_corner, x_corner = grid.y + spacing / 2, grid.x + spacing / 2
    corner = psi(y_corner, x_corner)
    state = model.initial_state(None)
    state[0] = f0 / 9.81 * psi(grid.y, grid.x)
    state[1] = -(corner - psi(y_corner - spacing, x_corner)) / spacing
    state[2] = (corner - psi(y_corner, x_corner - spacing)) / spacing
    days = 6

    def phase(state):
        return np.angle((state[2].sum(axis=0) * np.exp(-1j * k * grid.x)).sum())

    turned = phase(run(model, state, hours(24 * days))) - phase(state)
    turned = (turned + np.pi) % (2 * np.pi) - np.pi
    measured = -turned / (k * days * 86400)
    print(f"Rossby wave: {measured:.4f} m/s, theory {expected:.4f}")
    assert measured == pytest.approx(expected, rel=0.03)


def test_an_inertial_oscillation_turns_with_f():
    f = 1e-4
    model = ShallowWater(ShallowWaterSettings(**INVISCID), torus(4, 4, 50e3, f=f))
    state = model.initial_state(None)
    state[1] = 0.1
    hour = 10
    after = run(model, state, hours(hour))
    angle = f * hour * 3600
    assert after[1] == pytest.approx(0.1 * np.cos(angle), abs=1e-6)
    assert after[2] == pytest.approx(-0.1 * np.sin(angle), abs=1e-6)
    assert not after[5].any()


def test_a_top_layer_velocity_increment_is_not_projected_away():
    model = ShallowWater(ShallowWaterSettings(), torus(32, 32, 50e3, f=8e-5))
    j, i = np.mgrid[:32, :32]
    patch = np.exp(-((j - 15.5) ** 2 + (i - 15.5) ** 2) / 3.0**2)
    state = model.initial_state(None)
    state[1] += 0.1 * patch

    def speed(state, layer):
        return np.sqrt((state[1 + 4 * layer] ** 2 + state[2 + 4 * layer] ** 2).sum())

    kept = [speed(run(model, state, hours(h)), 0) / speed(state, 0) for h in (75 / 3600, 1, 24)]
    below = speed(run(model, state, hours(1)), 2) / speed(state, 0)
    print(f"kept after one step {kept[0]:.4f}, 1 h {kept[1]:.3f}, 1 day {kept[2]:.3f}")
    assert kept[0] > 0.999
    assert kept[1] > 0.95
    assert kept[2] > 0.7
    assert below < 0.05


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("biharmonic", [False, True])
def test_a_shear_flow_decays_at_the_viscous_rate(axis, biharmonic):
    n, spacing, nu = 24, 50e3, 2e4
    wavenumber = 2 * np.pi / (n * spacing)
    if biharmonic:
        friction = {"viscosity": 0.0, "biharmonic_viscosity": nu / wavenumber**2}
    else:
        friction = {"viscosity": nu}
    settings = one_layer(**{**INVISCID, **friction})
    shape = (n, 4) if axis == 0 else (4, n)
    model = ShallowWater(settings, torus(*shape, spacing, f=0.0))
    wave = np.cos(2 * np.pi * np.arange(n) / n)
    state = model.initial_state(None)
    state[1 if axis == 0 else 2] = 0.1 * (wave[:, None] if axis == 0 else wave[None, :])
    after = run(model, state, hours(72))
    rate = -np.log(np.abs(after[1:3]).max() / 0.1) / (72 * 3600)
    assert rate == pytest.approx(nu * wavenumber**2, rel=0.02)
