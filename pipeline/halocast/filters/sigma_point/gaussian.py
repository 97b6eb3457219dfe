"""The analysis all sigma-point filters share: a sampled Gaussian, conditioned on observations.

With X and Y the columns of state and predictions (any number of points, weights folded in),

    P_yy = Y Y' + R,  P_xy = X Y',  K = P_xy P_yy^-1,  x_a = x_f + K (y - y_f)
    P_a = P_f - K P_yy K' = (X - K Y)(X - K Y)' + K R K'

(the general form of the gain, Tang et al. 2014). The last form is a triangle of columns: no
covariance is subtracted from another, where the usual square-root form takes K S_y away column by
column. A column that counts negatively stays one.

Cost: n p k + p^3 / 3 + n^2 (k + p) multiplications for k columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from halocast.errors import ConfigError
from halocast.filters.sigma_point.points import Columns
from halocast.filters.sigma_point.square_root import triangle


class Root(NamedTuple):
    """A Gaussian by its mean (n,) and a triangular root of its covariance, (n, n)."""

    mean: np.ndarray
    root: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """Standard deviations, (n,)."""
        return np.sqrt(np.square(self.root).sum(axis=1))


def root_of(sampled: Columns, noise: np.ndarray | None = None) -> np.ndarray:
    """Return the triangular root (n, n) of a sampled covariance plus G G' of noise G (n, r)."""
    parts = [sampled.columns] if noise is None else [sampled.columns, noise]
    if sampled.sign < 0:
        return triangle(np.concatenate(parts, axis=1), sampled.centre)
    return triangle(np.concatenate([*parts, sampled.centre[:, None]], axis=1))


def condition(
    state: Columns, predicted: Columns, value: np.ndarray, noise: np.ndarray | None
) -> Root:
    """Condition a sampled Gaussian on observations.

    Parameters
    ----------
    state, predicted
        The forecast and what it predicts, images of the same points.
    value
        y, (p,).
    noise
        Standard deviations of the observations' errors, (p,); None where ``predicted`` holds them.
    """
    errors = None if noise is None else np.diag(noise)
    s_y = root_of(predicted, errors)
    if not np.diag(s_y).min() > 0:
        raise ConfigError(
            "the covariance of the predicted observations is singular",
            where="sigma points",
            remedy="give every observation an error greater than 0",
        )
    half = solve_triangular(s_y, state.times(predicted).T, lower=True)
    k = solve_triangular(s_y, half, lower=True, trans="T").T
    left = Columns(
        state.mean + k @ (value - predicted.mean),
        state.columns - k @ predicted.columns,
        state.centre - k @ predicted.centre,
        state.sign,
    )
    return Root(left.mean, root_of(left, None if noise is None else k * noise))
