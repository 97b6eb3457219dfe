"""Weights of particles: from logarithms, with moments and effective number.

    w_i = exp(l_i - max l) / sum,   ESS = 1 / sum w_i^2,   x = sum w_i x_i,
    s^2 = sum w_i (x_i - x)^2 / (1 - sum w_i^2),

the last unbiased, and with m - 1 for equal weights. Cost O(m n).
"""

from __future__ import annotations

import numpy as np

from halocast.errors import ConfigError, RunError
from halocast.filters.window import Window


def require_usable(window: Window) -> None:
    """Refuse a window that no ensemble filter can use.

    Raises
    ------
    ConfigError
        There are fewer than two members.
    RunError
        A member, its prediction or an observation is not a finite number.
    """
    if window.members < 2:
        raise ConfigError(
            f"an ensemble of {window.members} has no spread",
            where="ensemble.members",
            remedy="use 2 members or more",
        )
    for name in ("forecast", "predicted", "value"):
        bad = ~np.isfinite(getattr(window, name))
        if bad.any():
            raise RunError(
                f"{int(bad.sum())} numbers of the {name} are not finite",
                where=f"cycle {window.cycle}, window {window.block}",
                remedy="look at the model's members and the observations of this cycle",
            )


def normalise(log_weight: np.ndarray, where: str = "") -> np.ndarray:
    """Return weights (m,) that sum to 1, of their logarithms (m,), known up to a constant.

    Raises
    ------
    RunError
        All weights are 0, or one is not a number.
    """
    top = log_weight.max()
    if np.isnan(top) or top == np.inf:
        raise RunError(
            "a particle's weight is not a number",
            where=where,
            remedy="look for members or observations that are not finite",
        )
    if top == -np.inf:
        raise RunError(
            "all particles have weight 0: no member can have made these observations",
            where=where,
            remedy="use more members, larger observation errors, or heavier tails (student-t)",
        )
    weight = np.exp(log_weight - top)
    return weight / weight.sum()


def effective_number(weight: np.ndarray) -> float:
    """Return how many equal weights are worth these, 1 / sum w^2 (Kong, Liu & Wong 1994)."""
    return float(1.0 / np.square(weight).sum())


def moments(members: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean and standard deviation (n,) of members (m, n).

    Where all the weight is one member's, the spread is 0.
    """
    mean = weight @ members
    left = 1.0 - np.square(weight).sum()
    if left < 1e-12:
        return mean, np.zeros_like(mean)
    return mean, np.sqrt(weight @ np.square(members - mean) / left)
