"""A ring that turns, and fades: every field is carried along unchanged but for a factor.

    x_i(t + 1) = damping x_{i-1}(t)

which solves du/dt + u/dx = -k u exactly where the flow crosses one cell a step. Fields of which
only the longest waves are known, r of them, have covariances of rank 2 r, `wave_root`.
Cost: a copy of the members.
"""

from __future__ import annotations

import numpy as np


def advance(members: np.ndarray, steps: int, damping: float = 1.0) -> np.ndarray:
    """Advance members (m, n) by some steps of a cell each."""
    return damping**steps * np.roll(members, steps, axis=1)


def tangent(n: int, steps: int, damping: float = 1.0) -> np.ndarray:
    """Matrix of `advance`, (n, n)."""
    return damping**steps * np.roll(np.eye(n), steps, axis=0)


def wave_root(n: int, waves: int, sd: float) -> np.ndarray:
    """Root (n, 2 waves) of the covariance of fields that are sums of the waves 1, ..., ``waves``.

    Each wave has the same variance and a random phase; the fields have standard deviation ``sd``
    everywhere, and the covariance is the same after any shift round the ring.
    """
    phase = 2 * np.pi * np.arange(n)[:, None] * np.arange(1, waves + 1) / n
    return sd / np.sqrt(waves) * np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
