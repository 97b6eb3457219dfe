"""The derivative of Runge-Kutta steps of fourth order.

Of the steps themselves, not of the flow they approximate: with f the tendency, J its derivative,
and M the derivative so far,

    k1 = f(x),              K1 = J(x) M
    k2 = f(x + dt/2 k1),    K2 = J(x + dt/2 k1) (M + dt/2 K1),    ...
    M + dt/6 (K1 + 2 K2 + 2 K3 + K4)

Cost: four products of n x n matrices a step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def tangent_of(
    tendency: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[[np.ndarray], np.ndarray],
    state: np.ndarray,
    steps: int,
    dt: float,
) -> np.ndarray:
    """Differentiate some steps from a state (n,), shape (n, n).

    Parameters
    ----------
    tendency, jacobian
        f and J at a state, (n,) and (n, n).
    state
        Where the steps begin.
    steps, dt
        How many, and how long each is.
    """
    x, m = state.copy(), np.eye(state.size)
    for _ in range(steps):
        k, slope = tendency(x), jacobian(x) @ m
        total, slopes = k, slope
        for share, count in ((dt / 2, 2), (dt / 2, 2), (dt, 1)):
            between, moved = x + share * k, m + share * slope
            k, slope = tendency(between), jacobian(between) @ moved
            total, slopes = total + count * k, slopes + count * slope
        x, m = x + dt / 6 * total, m + dt / 6 * slopes
    return m
