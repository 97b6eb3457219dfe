"""The CFL numbers of a run, checked before it starts.

Centred differences on a C grid turn a wave of speed c into frequencies up to
2 c sqrt(1 / dx^2 + 1 / dy^2). On the imaginary axis classical RK4 is stable to 2 sqrt(2), the three
stages of the split stepping to sqrt(3), forward-backward sub-steps to 2. On the negative real
axis they reach 2.78 and 2.51; diffusion decays at up to 4 nu (1 / dx^2 + 1 / dy^2) (squared for
the biharmonic).
"""

from __future__ import annotations

import numpy as np

from halocast.grid import Grid
from halocast.models.shallow_water.layers import gravities, vertical_modes
from halocast.models.shallow_water.settings import ShallowWaterSettings

_FASTEST_CURRENT = 3.0  # m s-1, added to the wave speed
_SAFETY = 0.9
_IMAGINARY = {"rk4": 2.0 * np.sqrt(2.0), "split-explicit": np.sqrt(3.0)}
_REAL = {"rk4": 2.78, "split-explicit": 2.51}
_SUB_STEP = 1.4  # dt · frequency of a sub-step: forward-backward allows 2, the damping takes some
_DAMPING = 0.1


def surface_frequency(settings: ShallowWaterSettings, grid: Grid) -> float:
    """Largest frequency of surface gravity waves on the grid, s⁻¹."""
    speed = np.sqrt(settings.gravity * grid.depth) + _FASTEST_CURRENT
    return float((speed * _waves_per_speed(grid))[grid.sea].max())


def internal_frequency(settings: ShallowWaterSettings, grid: Grid) -> float:
    """Largest frequency of internal waves, carried by currents, and of inertial motion, s⁻¹."""
    rest = np.array(settings.thicknesses)
    rest[-1] = max(grid.depth.max() - rest[:-1].sum(), rest[-1])
    speeds, _ = vertical_modes(rest, gravities(settings))
    speed = _FASTEST_CURRENT + (speeds[1] if len(speeds) > 1 else 0.0)
    inertial = np.abs(grid.coriolis_at(grid.y))[:, None]
    return float((speed * _waves_per_speed(grid) + inertial)[grid.sea].max())


def _waves_per_speed(grid: Grid) -> np.ndarray:
    one = 2 * np.sqrt(1 / grid.dx[:, None] ** 2 + 1 / grid.dy**2)
    return np.broadcast_to(one, grid.shape)


def sub_steps(settings: ShallowWaterSettings, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Barotropic sub-steps of each stage: numbers (3,) and the plan ``run_split`` reads (3, 5)."""
    dt = float(settings.time_step)
    longest = _SUB_STEP / surface_frequency(settings, grid)
    lengths = np.array([dt / 3, dt / 2, dt])
    counts = np.ceil(lengths / longest).astype(np.int64)
    thickness = np.array(settings.thicknesses)
    speeds, _ = vertical_modes(thickness, gravities(settings))
    same = np.ones(3)
    columns = [
        lengths, lengths / counts, 1.0 / counts,
        _DAMPING * same, speeds[0] ** 2 / thickness.sum() * same,
    ]  # fmt: skip
    return counts, np.stack(columns, axis=1)


def stability_problems(settings: ShallowWaterSettings, grid: Grid) -> list[str]:
    """One sentence for each time step limit that a run would break."""
    problems = []
    dt, stepping = settings.time_step, settings.time_stepping
    allowed = _SAFETY * _IMAGINARY[stepping]
    if stepping == "rk4":
        what = f"gravity waves over {grid.depth.max():.0f} m"
        wave = dt * surface_frequency(settings, grid)
    else:
        what = "internal waves and inertial motion"
        wave = dt * internal_frequency(settings, grid)
    if wave > allowed:
        problems.append(
            f"model.time_step {dt} s: {what} need dt · omega <= {allowed:.2f}, it is {wave:.2f}; "
            f"use at most {int(dt * allowed / wave)} s"
        )
    steepest = 4 * float((1 / grid.dx**2 + 1 / grid.dy**2).max())
    allowed = _SAFETY * _REAL[stepping]
    for name, rate in (
        ("viscosity", settings.viscosity * steepest),
        ("diffusivity", settings.diffusivity * steepest),
        ("biharmonic_viscosity", settings.biharmonic_viscosity * steepest**2),
    ):
        if dt * rate > allowed:
            problems.append(
                f"model.{name} {getattr(settings, name):g}: dt · rate must be at most "
                f"{allowed:.2f}, it is {dt * rate:.2f}; lower it or the time step"
            )
    return problems
