"""Refinement: second order in space, fourth in time."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from shallow_water_cases import hours, one_layer, run, torus

SIDE = 3.2e6


def smooth_flow(n: int, settings: ShallowWaterSettings) -> tuple[ShallowWater, np.ndarray]:
    """Eddies over a gentle bottom on a torus, the same whatever the resolution."""
    spacing = SIDE / n
    centre = 2 * np.pi * (np.arange(n) + 0.5) / n
    depth = 4000 + 600 * np.cos(centre)[None, :] * np.sin(centre)[:, None]
    model = ShallowWater(settings, torus(n, n, spacing, f=1e-4, depth=depth))
    state = model.initial_state(None)
    height = 0.5 * np.sin(centre)[:, None] * np.cos(centre)[None, :]
    state[0] = height
    face = centre + np.pi / n
    speed = 9.81 * 0.5 / 1e-4 * 2 * np.pi / SIDE
    state[1] = -speed * np.cos(centre)[:, None] * np.cos(face)[None, :]
    state[2] = -speed * np.sin(face)[:, None] * np.sin(centre)[None, :]
    state[3] += 2 * np.cos(centre)[:, None]
    return model, state


def spectrum(state: np.ndarray) -> np.ndarray:
    """Largest-scale Fourier coefficients of ssh, u, v, t, their staggering undone."""
    n = state.shape[-1]
    k = np.fft.fftfreq(n, 1 / n)
    coefficients = []
    for field, (at_y, at_x) in zip(state, ((0.5, 0.5), (0.5, 1.0), (1.0, 0.5), (0.5, 0.5))):
        turn = np.exp(-2j * np.pi * (k[:, None] * at_y + k[None, :] * at_x) / n)
        coefficients.append((np.fft.fft2(field) / n**2 * turn)[:4, :4])
    return np.stack(coefficients)


def test_second_order_in_space():
    spectra = []
    for n in (32, 64, 128):
        settings = one_layer(time_step=50, viscosity=3e3, diffusivity=3e3)
        model, state = smooth_flow(n, settings)
        spectra.append(spectrum(run(model, state, hours(12))))
    coarse, fine = (np.abs(spectra[i + 1] - spectra[i]).max((1, 2)) for i in (0, 1))
    order = np.log2(coarse / fine)
    print("order in space of ssh, u, v, t:", np.round(order, 2))
    assert (order > 1.9).all()


@pytest.mark.parametrize("kind", ["inviscid", "viscous"])
def test_fourth_order_in_time(kind):
    friction = 0.0 if kind == "inviscid" else 2e5
    results = []
    for step in (600, 300, 150):
        settings = one_layer(time_step=step, viscosity=friction, diffusivity=friction)
        model, state = smooth_flow(16, settings)
        results.append(run(model, state, hours(24)))
    coarse, fine = (np.abs(results[i + 1] - results[i]).max((1, 2)) for i in (0, 1))
    order = np.log2(coarse / fine)
    print(f"order in time of ssh, u, v, t ({kind}):", np.round(order, 2))
    assert (order > 3.7).all()
