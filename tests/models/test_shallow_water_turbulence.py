"""Long and violent runs: unstable jets, wind gyres, layers that run out."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from shallow_water_cases import (
    START,
    Window,
    channel,
    contents,
    energy,
    hours,
    layer_thickness,
    one_layer,
    run,
)


def galewsky(days: int) -> tuple[float, float, np.ndarray]:
    """A barotropically unstable jet round the northern hemisphere (Galewsky et al. 2004).

    Returns energy before and after, and the vorticity's zonal variance through time.
    """
    ny, nx = 40, 90
    y = 10.0 + 1.75 * (np.arange(ny) + 0.5)
    x = -180.0 + 4.0 * (np.arange(nx) + 0.5)
    full = np.full((ny, nx), 10_000.0)
    grid = Grid(y, x, full, full > 0, periodic=(False, True))
    settings = one_layer(thicknesses=(10_000.0,), viscosity=1e5, bottom_drag=0.0, time_step=200)
    model = ShallowWater(settings, grid)
    assert model.check() == []
    low, high = np.deg2rad(25.7), np.deg2rad(64.3)
    phi = np.deg2rad(y)
    inside = (phi > low) & (phi < high)
    gap = np.where(inside, (phi - low) * (phi - high), -1.0)
    jet = np.where(inside, 80 * np.exp(1 / gap + 4 / (high - low) ** 2), 0.0)
    force = grid.coriolis_at(y) * jet + np.tan(phi) / 6.371e6 * jet**2
    height = -np.concatenate([[0], np.cumsum(0.5 * (force[1:] + force[:-1]))]) * grid.dy / 9.81
    bump = (
        120
        * np.cos(phi)[:, None]
        * np.exp(-((np.deg2rad(x) * 3) ** 2)[None, :] - (((phi - np.pi / 4) * 15) ** 2)[:, None])
    )
    state = model.initial_state(None)
    state[0] = (height - height.mean())[:, None] + bump
    state[1] = jet[:, None]
    before, variance = energy(model, state), []
    for day in range(days):
        state = model.advance(state, START + hours(24 * day), START + hours(24 * day + 24), None)
        variance.append((state[2] ** 2).mean())
    return before, energy(model, state), np.array(variance)


def test_an_unstable_jet_breaks_into_eddies():
    before, after, meanders = galewsky(8)
    print(
        f"energy after / before {after / before:.4f}, eddy growth {meanders[-1] / meanders[0]:.0f}"
    )
    assert after <= before * (1 + 1e-6)
    assert meanders[-1] > 20 * meanders[0]


def double_gyre(days: int, shape: tuple[int, int]) -> np.ndarray:
    """Energies of a wind-driven double gyre in a closed basin, daily."""
    ny, nx = shape
    depth = np.full(shape, 4000.0)
    depth[[0, -1], :] = depth[:, [0, -1]] = 0.0
    spacing = 1.6e6 / nx
    grid = Grid.plane(ny, nx, spacing, spacing, depth, coriolis=8e-5, beta=2e-11)
    step = 60
    settings = ShallowWaterSettings(time_step=step, sst_relaxation_rate=0.0)
    model = ShallowWater(settings, grid)
    assert model.check() == []
    tau = 0.15 * np.cos(2 * np.pi * grid.y / (ny * spacing))[:, None] + np.zeros(shape)
    zero = np.zeros((2, *shape))
    times = np.array([START, START + hours(24 * days)])
    window = Window(times, {"ssh": zero, "tau_x": zero + tau, "tau_y": zero})
    forcing = model.prepare_forcing(window)
    state = model.initial_state(None)
    state[1:3] += 1e-3 * np.random.default_rng(0).normal(size=(2, *shape))
    volume, _ = contents(model, state)
    energies = []
    for day in range(days):
        start = START + hours(24 * day)
        state = model.advance(state, start, start + hours(24), forcing)
        energies.append(energy(model, state))
    assert np.abs(contents(model, state)[0] / volume - 1).max() < 1e-12
    assert np.abs(state[1::4]).max() < 3.0
    return np.array(energies)


@pytest.mark.parametrize(
    ("days", "shape"), [(10, (28, 24)), pytest.param(60, (64, 64), marks=pytest.mark.full)]
)
def test_a_wind_driven_double_gyre_stays_finite_and_bounded(days, shape):
    energies = double_gyre(days, shape)
    print(f"energy of the gyres, first to last day: {energies[0]:.2e} to {energies[-1]:.2e}")
    assert np.isfinite(energies).all()
    assert (np.diff(energies)[days // 2 :] < energies[-1] / 4).all()


@pytest.mark.parametrize("viscosity", [0.0, 500.0])
def test_a_layer_that_runs_out_keeps_its_minimum_and_its_volume(viscosity):
    settings = ShallowWaterSettings(viscosity=viscosity, time_step=100)
    model = ShallowWater(settings, channel(30, 16, 40e3))
    rng = np.random.default_rng(4)
    state = model.initial_state(None)
    # a front so steep that the top layer is 12 m thick on one side
    slope = np.tanh(model.grid.y / 100e3)[:, None]
    state[4] += 88 * slope
    state[8] -= 0.0 * slope
    state[1] += 0.5 / np.cosh(model.grid.y / 100e3)[:, None] ** 2
    state[1:3] += 0.02 * rng.normal(size=(2, 30, 16))
    volume, heat = contents(model, state)
    after = run(model, state, hours(120))
    assert layer_thickness(model, after).min() >= 10 - 1e-6
    assert np.abs(contents(model, after)[0] / volume - 1).max() < 1e-12
    assert np.abs(contents(model, after)[1] / heat - 1).max() < 1e-12
    assert np.abs(after[1::4]).max() < 3.0
