"""The CFL numbers of a run, checked before it starts.

On the imaginary axis classical RK4 is stable to 2 sqrt(2), and centred differences on a C grid
turn a wave of speed c into frequencies up to 2 c sqrt(1 / dx^2 + 1 / dy^2); on the negative real
axis RK4 reaches 2.78, and diffusion decays at up to 4 nu (1 / dx^2 + 1 / dy^2) (squared for the
biharmonic).
"""

from __future__ import annotations

import numpy as np

from halocast.grid import Grid
from halocast.models.shallow_water.settings import ShallowWaterSettings

_FASTEST_CURRENT = 3.0  # m s-1, added to the wave speed
_IMAGINARY, _REAL = 2.0 * np.sqrt(2.0), 2.78
_SAFETY = 0.9


def gravity_wave_number(settings: ShallowWaterSettings, grid: Grid) -> float:
    """Largest dt · frequency of surface gravity waves; RK4 allows 2.83."""
    speed = np.sqrt(settings.gravity * grid.depth) + _FASTEST_CURRENT
    frequency = 2 * speed * np.sqrt(1 / grid.dx[:, None] ** 2 + 1 / grid.dy**2)
    return float(settings.time_step * frequency[grid.sea].max())


def stability_problems(settings: ShallowWaterSettings, grid: Grid) -> list[str]:
    """One sentence for each time step limit that a run would break."""
    problems = []
    dt = settings.time_step
    wave = gravity_wave_number(settings, grid)
    if wave > _SAFETY * _IMAGINARY:
        allowed = int(dt * _SAFETY * _IMAGINARY / wave)
        problems.append(
            f"model.time_step {dt} s: gravity waves over {grid.depth.max():.0f} m need dt · omega "
            f"<= {_SAFETY * _IMAGINARY:.2f}, it is {wave:.2f}; use at most {allowed} s"
        )
    steepest = 4 * float((1 / grid.dx**2 + 1 / grid.dy**2).max())
    for name, rate in (
        ("viscosity", settings.viscosity * steepest),
        ("diffusivity", settings.diffusivity * steepest),
        ("biharmonic_viscosity", settings.biharmonic_viscosity * steepest**2),
    ):
        if dt * rate > _SAFETY * _REAL:
            problems.append(
                f"model.{name} {getattr(settings, name):g}: dt · rate must be at most "
                f"{_SAFETY * _REAL:.2f}, it is {dt * rate:.2f}; lower it or the time step"
            )
    return problems
