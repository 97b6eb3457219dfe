"""The model of Lorenz (1963): convection in three numbers.

    dx/dt = s (y - x),   dy/dt = x (r - z) - y,   dz/dt = x y - b z;   s = 10, r = 28, b = 8/3

Runge-Kutta of fourth order. Cost: about 25 ns a member and step.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.models.small.runge_kutta import tangent_of

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0
START = (1.509, -1.531, 25.46)  # on the attractor


@njit(cache=True, nogil=True, inline="always")
def _tendency(x, y, z):  # pragma: no cover - compiled
    return SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z


@njit(cache=True, nogil=True)
def advance(members: np.ndarray, steps: int, dt: float) -> np.ndarray:
    """Advance members (m, 3) by some steps of ``dt``."""
    out = members.copy()
    for i in range(out.shape[0]):
        x, y, z = out[i]
        for _ in range(steps):
            ax, ay, az = _tendency(x, y, z)
            bx, by, bz = _tendency(x + dt / 2 * ax, y + dt / 2 * ay, z + dt / 2 * az)
            cx, cy, cz = _tendency(x + dt / 2 * bx, y + dt / 2 * by, z + dt / 2 * bz)
            dx, dy, dz = _tendency(x + dt * cx, y + dt * cy, z + dt * cz)
            x += dt / 6 * (ax + 2 * bx + 2 * cx + dx)
            y += dt / 6 * (ay + 2 * by + 2 * cy + dy)
            z += dt / 6 * (az + 2 * bz + 2 * cz + dz)
        out[i, 0], out[i, 1], out[i, 2] = x, y, z
    return out


def jacobian(state: np.ndarray) -> np.ndarray:
    """Derivative of the tendency at a state (3,), shape (3, 3)."""
    x, y, z = state
    return np.array([[-SIGMA, SIGMA, 0.0], [RHO - z, -1.0, -x], [y, x, -BETA]])


def tendency(state: np.ndarray) -> np.ndarray:
    """dx/dt at a state (3,), real or complex."""
    return np.array(_tendency.py_func(*state))


def tangent(state: np.ndarray, steps: int, dt: float) -> np.ndarray:
    """Derivative of `advance` at a state (3,), shape (3, 3): of the steps as they are taken."""
    return tangent_of(tendency, jacobian, state, steps, dt)
