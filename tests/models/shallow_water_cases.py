"""Small oceans, and what is conserved in them, for the tests of the shallow-water model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.models.shallow_water.columns import displacements, thicknesses
from halocast.models.shallow_water.layers import gravities

START = np.datetime64("2024-08-01T00:00:00", "s")
INVISCID = {"viscosity": 0.0, "diffusivity": 0.0, "bottom_drag": 0.0}


class Window(NamedTuple):
    """A forcing window."""

    times: np.ndarray
    fields: dict[str, np.ndarray]


def hours(count: float) -> np.timedelta64:
    """Return a number of hours, to the second."""
    return np.timedelta64(round(3600 * count), "s")


def run(model: ShallowWater, state: np.ndarray, duration: np.timedelta64, forcing=None):
    """Advance a state from the common start."""
    return model.advance(state, START, START + duration, forcing)


def one_layer(**changes) -> ShallowWaterSettings:
    """Settings of a single layer of 4000 m."""
    values = {
        "densities": (1025.0,),
        "thicknesses": (4000.0,),
        "temperatures": (285.0,),
        "minimum_depth": 100.0,
        "slope_parameter": 1.0,
    }
    return ShallowWaterSettings(**{**values, **changes})


def rough_basin(ny: int = 24, nx: int = 28, seed: int = 3) -> Grid:
    """A basin on the sphere with islands and canyons."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(700.0, 5500.0, (ny, nx))
    depth[rng.random((ny, nx)) < 0.1] = 0.0
    return Grid.sphere(20.0, 20.0 + 0.5 * ny, ny, -60.0, -60.0 + 0.5 * nx, nx, depth=depth)


def smooth_basin(ny: int = 20, nx: int = 24) -> Grid:
    """A basin on the sphere with a ridge, an island and a shelf too shallow to be sea."""
    i = np.arange(nx) + np.zeros((ny, 1))
    depth = 4000.0 - 1500.0 * np.exp(-(((i - 0.6 * nx) / 3.0) ** 2))
    depth[ny // 3 : ny // 3 + 2, nx // 4 : nx // 4 + 2] = 0.0
    depth[-1] = 300.0
    return Grid.sphere(25.0, 25.0 + 0.5 * ny, ny, -60.0, -60.0 + 0.5 * nx, nx, depth=depth)


def eddies(model: ShallowWater, height: float = 0.3) -> np.ndarray:
    """A state of several balanced eddies of both signs, with a temperature front."""
    ny, nx = model.grid.shape
    j, i = np.mgrid[:ny, :nx] + 0.5
    wave = np.sin(2 * np.pi * i / nx + 0.3) * np.sin(2 * np.pi * j / ny)
    wave += 0.5 * np.sin(4 * np.pi * i / nx) * np.cos(2 * np.pi * j / ny + 0.8)
    temperature = 295.0 + 3.0 * np.tanh(np.sin(2 * np.pi * j / ny) * 2)
    window = Window(np.array([START]), {"ssh": (height * wave)[None], "t": temperature[None]})
    return model.initial_state(window)


def layer_thickness(model: ShallowWater, state: np.ndarray) -> np.ndarray:
    """Thickness of every layer, (L, ny, nx), 0 on land."""
    return thicknesses(displacements(state, model.rest), model.rest)


def contents(model: ShallowWater, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Volume and heat of every layer."""
    area = model.grid.area[:, None] * model.grid.sea
    volume = layer_thickness(model, state) * area
    return volume.sum((1, 2)), (volume * state[3::4]).sum((1, 2))


def energy(model: ShallowWater, state: np.ndarray) -> float:
    """Kinetic plus available potential energy over the reference density, m⁵ s⁻²."""
    grid = model.grid
    h, u, v = layer_thickness(model, state), state[1::4], state[2::4]
    area = grid.area[:, None] * grid.sea
    east = 0.5 * (h + np.roll(h, -1, 2)) * u**2 * grid.area[:, None]
    north = 0.5 * (h + np.roll(h, -1, 1)) * v**2 * (grid.dx_north * grid.dy)[:, None]
    e = displacements(state, model.rest)
    potential = (gravities(model.settings)[:, None, None] * e**2 * area).sum()
    return 0.5 * float(east.sum() + north.sum() + potential)


def channel(ny: int, nx: int, spacing: float, *, f: float = 1e-4, beta: float = 0.0) -> Grid:
    """A flat channel, periodic in x, walls south and north."""
    return Grid.plane(ny, nx, spacing, spacing, periodic=(False, True), coriolis=f, beta=beta)


def torus(ny: int, nx: int, spacing: float, *, f: float = 1e-4, depth=None) -> Grid:
    """A plane periodic both ways."""
    return Grid.plane(ny, nx, spacing, spacing, depth, periodic=(True, True), coriolis=f)
