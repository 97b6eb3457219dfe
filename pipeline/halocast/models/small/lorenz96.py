"""The model of Lorenz (1996): waves on a circle of latitude, n of them in a ring.

    dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F

F = 8 is chaotic. Runge-Kutta of fourth order. Cost: about 10 ns a scalar and step.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.models.small.runge_kutta import tangent_of

FORCING = 8.0


@njit(cache=True, nogil=True)
def _fill_tendency(x, forcing, out):  # pragma: no cover - compiled
    n = x.size
    out[0] = (x[1] - x[n - 2]) * x[n - 1] - x[0] + forcing
    out[1] = (x[2] - x[n - 1]) * x[0] - x[1] + forcing
    for i in range(2, n - 1):
        out[i] = (x[i + 1] - x[i - 2]) * x[i - 1] - x[i] + forcing
    out[n - 1] = (x[0] - x[n - 3]) * x[n - 2] - x[n - 1] + forcing


@njit(cache=True, nogil=True)
def advance(members: np.ndarray, steps: int, dt: float, forcing: float = FORCING) -> np.ndarray:
    """Advance members (m, n) by some steps of ``dt``."""
    out = members.copy()
    n = out.shape[1]
    k1, k2, k3, k4, between = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for member in range(out.shape[0]):
        x = out[member]
        for _ in range(steps):
            _fill_tendency(x, forcing, k1)
            for i in range(n):
                between[i] = x[i] + dt / 2 * k1[i]
            _fill_tendency(between, forcing, k2)
            for i in range(n):
                between[i] = x[i] + dt / 2 * k2[i]
            _fill_tendency(between, forcing, k3)
            for i in range(n):
                between[i] = x[i] + dt * k3[i]
            _fill_tendency(between, forcing, k4)
            for i in range(n):
                x[i] += dt / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i])
    return out


def jacobian(state: np.ndarray) -> np.ndarray:
    """Derivative of the tendency at a state (n,), shape (n, n)."""
    n = state.size
    i = np.arange(n)
    out = -np.eye(n)
    out[i, (i + 1) % n] += state[i - 1]
    out[i, i - 2] -= state[i - 1]
    out[i, i - 1] += state[(i + 1) % n] - state[i - 2]
    return out


def tendency(state: np.ndarray, forcing: float = FORCING) -> np.ndarray:
    """dx/dt at a state (n,), real or complex."""
    before = np.roll(state, 1)
    return (np.roll(state, -1) - np.roll(state, 2)) * before - state + forcing


def tangent(state: np.ndarray, steps: int, dt: float, forcing: float = FORCING) -> np.ndarray:
    """Derivative of `advance` at a state (n,), shape (n, n): of the steps as they are taken."""
    return tangent_of(lambda x: tendency(x, forcing), jacobian, state, steps, dt)
