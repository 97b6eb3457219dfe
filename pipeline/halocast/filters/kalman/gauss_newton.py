"""Gauss's and Newton's minimum of a window's cost, in the space of a few modes.

    x0 = x_b + U w,    J(w) = w'w / 2 + sum_k |R_k^-1/2 (y_k - h_k(M_k(x0)))|^2 / 2

With S the derivative of all predictions with respect to w, over the errors, and d the misfit, over
the errors too, a step is

    w <- w - (I + S'S)^-1 (w - S'd)

and (I + S'S)^-1 is the covariance of w at the minimum. Exact in one step where models and operators
are linear; elsewhere a few.

Cost of a step: a linearisation, P k^2 for P observations and k modes, 9 k^3 for the eigenvalues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Minimum(NamedTuple):
    """Where it ended.

    Attributes
    ----------
    control
        w, (k,).
    root, inverse_root
        (I + S'S) to the powers -1/2 and 1/2, symmetric, (k, k), of the last linearisation.
    iterations
        Steps taken.
    """

    control: np.ndarray
    root: np.ndarray
    inverse_root: np.ndarray
    iterations: int


Linearise = Callable[[Minimum], tuple[np.ndarray, np.ndarray]]


def minimise(
    linearise: Linearise,
    value: np.ndarray,
    error: np.ndarray,
    modes: int,
    iterations: int,
    tolerance: float,
) -> Minimum:
    """Take steps until one is shorter than ``tolerance`` sqrt(k), or there were enough.

    Parameters
    ----------
    linearise
        Where the search is -> all predictions (P,) and their derivative (P, k) by w.
    value, error
        All observations of the window and their standard deviations, (P,).
    modes
        Their number k.
    iterations, tolerance
        When to stop.

    Returns
    -------
    The minimum; its control is NaN where predictions were not finite.
    """
    here = Minimum(np.zeros(modes), np.eye(modes), np.eye(modes), 0)
    for count in range(1, iterations + 1):
        predicted, derivative = linearise(here)
        misfit, seen = (value - predicted) / error, derivative / error[:, None]
        if not (np.isfinite(misfit).all() and np.isfinite(seen).all()):
            return here._replace(control=np.full(modes, np.nan), iterations=count)
        values, vectors = np.linalg.eigh(seen.T @ seen)
        curvature = 1.0 + np.maximum(values, 0.0)
        gradient = here.control - seen.T @ misfit
        step = -(vectors / curvature) @ (vectors.T @ gradient)
        here = Minimum(
            here.control + step,
            (vectors / np.sqrt(curvature)) @ vectors.T,
            (vectors * np.sqrt(curvature)) @ vectors.T,
            count,
        )
        if step @ step <= tolerance**2 * modes:
            break
    return here
