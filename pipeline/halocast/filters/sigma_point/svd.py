"""Sigma points of the leading modes, for states too large for the others (Tang et al. 2014).

Anomalies A, columns (n, k) with A A' the covariance, have singular vectors e_i and values s_i. The
q largest, q <= k, are kept; points lie at x +- c s_i e_i, c = sqrt(q + lambda): the dimension in
the weights is q, not n. After 2 q + 1 runs the images' columns X (weights folded in, see
`halocast.filters.sigma_point.points`) and Y are a sampled Gaussian that is transformed as in the
ensemble transform Kalman filter,

    G = Y'R^-1 Y = V L V',   w = V (1 + L)^-1 V' Y'R^-1 (y - y_f),   x_a = x_f + X w
    X_a = X V (1 + L)^-1/2 V'

and taken apart anew. The best approximation of rank q loses what Eckart and Young say: s_{q+1}^2 in
norm. The variance lost is given back by stretching the kept modes, by 1 / (part of trace kept).

The modes are those of the whole state: signs and order of those of one block are not those of its
neighbour's, so this is a filter of whole states, not of blocks.

Cost: 2 q + 1 runs; n k^2 multiplications for k = 2 q + 1 (+ the columns of model noise).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.filters.kalman.checks import require_errors
from halocast.filters.sigma_point.points import Columns, Scaling, moments, points, reach
from halocast.filters.sigma_point.ukf import noise_root
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem


class SvdUkfSettings(Scaling):
    """The unscented Kalman filter of the leading modes."""

    method: Literal["svd-ukf"] = Field("svd-ukf", description="The filter.")
    modes: int = Field(20, ge=1, le=5000, description="Modes q kept: 2 q + 1 model runs a cycle.")
    inflation: float = Field(
        1.0, ge=1, le=2, description="Factor on the analysis's standard deviations."
    )


class Modes(NamedTuple):
    """A mean (n,), a root (n, q) of what is kept of the covariance, and the part of it kept."""

    mean: np.ndarray
    root: np.ndarray
    kept: float


def truncate(columns: np.ndarray, modes: int) -> tuple[np.ndarray, float]:
    """Return the root (n, q) of the nearest covariance of rank q, and the part of trace it keeps.

    Parameters
    ----------
    columns
        A, (n, k); A A' is the covariance.
    modes
        q; where there are fewer singular values than q, all are kept.
    """
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    power = np.square(values)
    kept = float(power[:modes].sum() / power.sum()) if power[0] > 0 else 1.0
    return vectors[:, :modes] * values[:modes], kept


def transform(
    state: Columns, predicted: Columns, value: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (n,) and columns (n, k) of the analysis.

    Parameters
    ----------
    state, predicted
        The forecast and what it predicts, images of the same points; signs positive.
    value, error
        y and the standard deviations of its errors, (p,).
    """
    x = np.concatenate([state.columns, state.centre[:, None]], axis=1)
    y = np.concatenate([predicted.columns, predicted.centre[:, None]], axis=1) / error[:, None]
    values, vectors = np.linalg.eigh(y.T @ y)
    curvature = 1.0 + np.maximum(values, 0.0)
    seen = vectors.T @ (y.T @ ((value - predicted.mean) / error))
    mean = state.mean + x @ (vectors @ (seen / curvature))
    return mean, x @ ((vectors / np.sqrt(curvature)) @ vectors.T)


class SvdUkf:
    """The truncated unscented Kalman filter as a method of the laboratory."""

    def __init__(self, settings: SvdUkfSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> Modes:
        """Take the leading modes of what is known, from a sample as large as the points.

        Raises
        ------
        ConfigError
            An observation has no error, beta < alpha^2, or kappa does not fit.
        """
        s = self._settings
        if s.beta < s.alpha**2:
            raise ConfigError(
                f"beta {s.beta:g} is less than alpha^2, {s.alpha**2:g}: the centre's weight is "
                "negative and a transform has no place for it",
                where="filter.beta",
                remedy="use beta >= alpha^2",
            )
        require_errors(problem.error, "svd-ukf")
        count = 2 * s.modes + 1
        states = problem.first_states(Purpose.INITIAL_STATE, count, seed)
        columns = (states - states.mean(axis=0)).T / np.sqrt(count - 1.0)
        root, kept = truncate(columns, s.modes)
        reach(root.shape[1], s)
        return Modes(problem.start, root, kept)

    def cycle(
        self, problem: Problem, state: Modes, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Modes, Outcome]:
        """Run the points of the modes, and condition what they say on ``value`` (p,)."""
        s = self._settings
        forecast, fresh = self._forecast(problem, state, cycle)
        distance = reach(fresh.root.shape[1], s)
        cloud = points(fresh.mean, fresh.root, distance)
        seen = moments(problem.predict(cloud), distance, s)
        mean, columns = transform(moments(cloud, distance, s), seen, value, problem.error)
        root, kept = truncate(s.inflation * columns, s.modes)
        outcome = Outcome(forecast.mean, _spread(forecast.root), mean, _spread(columns))
        return Modes(mean, root, kept), outcome

    def _forecast(self, problem: Problem, state: Modes, cycle: int) -> tuple[Modes, Modes]:
        """Return the forecast with all its columns, and that of its leading modes, stretched."""
        s = self._settings
        distance = reach(state.root.shape[1], s)
        run = problem.advance(points(state.mean, state.root, distance), cycle)
        ahead = moments(run, distance, s)
        columns = np.concatenate(
            [ahead.columns, ahead.centre[:, None], noise_root(problem)], axis=1
        )
        root, kept = truncate(columns, s.modes)
        stretched = root / np.sqrt(kept)
        return Modes(ahead.mean, columns, 1.0), Modes(ahead.mean, stretched, kept)


def _spread(columns: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(columns).sum(axis=1))
