"""Particles steered towards the observations before they are weighted.

Both filters move the forecast x_i = f_i + q_i (f_i without model noise, q_i ~ N(0, Q) drawn) by

    x_i <- x_i + K (y + e_i - H x_i),   e_i ~ N(0, R),

which draws from N(mu_i, S), mu_i = f_i + K (y - H f_i), S = (I - KH) Q (I - KH)' + K R K'.

``wenkf``    the weighted ensemble Kalman filter (Papadakis, Memin, Cuzol & Gengembre 2010): K is
             the gain of the forecast ensemble, and w_i <- w_i p(y|x_i) N(x_i; f_i, Q) /
             N(x_i; mu_i, S). Any error density. Cost O(n^3 + m n^2).
``optimal``  the optimal proposal (Doucet, Godsill & Andrieu 2000): K = Q H' (H Q H' + R)^-1, and
             the weights are N(y; H f_i, H Q H' + R), whatever was drawn. Cost O(m n + p^3).

Both need model noise in every scalar, uncorrelated as a window knows it, and observations of
scalars of the window; an observation's R counts as its tapered variance. In high dimension the
weights of either degenerate as those of any global particle filter do (Snyder et al. 2015).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from halocast.errors import ConfigError
from halocast.filters.particle.outcome import ResamplingSettings, place, remembered, settle
from halocast.filters.particle.weights import require_usable
from halocast.filters.window import Analysis, Window
from halocast.samplers.densities import GAUSSIAN

LARGEST = 2000
"""Scalars of a window whose (n, n) proposal covariance is still formed."""


class WenkfSettings(ResamplingSettings):
    """The weighted ensemble Kalman filter."""

    method: Literal["wenkf"] = Field("wenkf", description="The filter.")


class OptimalSettings(ResamplingSettings):
    """The particle filter with the optimal proposal."""

    method: Literal["optimal-proposal"] = Field("optimal-proposal", description="The filter.")


def analyse_wenkf(window: Window, settings: WenkfSettings) -> Analysis:
    """Move members by the ensemble's own gain, and weight them by what that was not.

    Raises
    ------
    ConfigError
        No model noise, an observation of no scalar, or too large a window.
    RunError
        See `require_usable`; all weights 0.
    """
    require_noisy(window, "wenkf")
    n = window.forecast.shape[1]
    if n > LARGEST:
        raise ConfigError(
            f"the weighted EnKF factors a covariance of {n} x {n} scalars",
            where="filter.block",
            remedy=f"use windows of {LARGEST} scalars or fewer, or optimal-proposal",
        )
    m, seen = window.members, window.scalar
    anomalies = window.forecast - window.forecast.mean(axis=0)
    across = anomalies.T @ anomalies[:, seen] / (m - 1)
    inner = across[seen] + np.diag(window.variance)
    gain = cho_solve(cho_factor(inner), across.T).T
    members = _moved(window, gain)
    mean = window.noise_free + (window.value - window.noise_free[:, seen]) @ gain.T
    log_weight = (
        remembered(window)
        + window.log_likelihood(members[:, seen]).sum(axis=1)
        - 0.5 * np.square((members - window.noise_free) / window.noise_sd).sum(axis=1)
        + 0.5 * _squares(_proposal_covariance(window, gain), members - mean)
    )
    return settle(window, members, log_weight, settings)


def analyse_optimal(window: Window, settings: OptimalSettings) -> Analysis:
    """Move members by the gain of the model noise, and weight them by where they came from.

    Raises
    ------
    ConfigError
        No model noise, an observation of no scalar, or with errors that are not Gaussian.
    RunError
        See `require_usable`; all weights 0.
    """
    require_noisy(window, "optimal-proposal")
    require_gaussian(window, "optimal-proposal")
    gain, total = noise_gain(window)
    misfit = window.value - window.noise_free[:, window.scalar]
    log_weight = remembered(window) - 0.5 * _squares(total, misfit)
    return settle(window, _moved(window, gain), log_weight, settings)


def noise_gain(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return K = Q H' (H Q H' + R)^-1 (n, p), and the matrix that is inverted (p, p)."""
    n, seen = window.forecast.shape[1], window.scalar
    across = np.zeros((n, seen.size))
    across[seen, np.arange(seen.size)] = np.square(window.noise_sd[seen])
    total = across[seen] + np.diag(window.variance)
    return cho_solve(cho_factor(total), across.T).T, total


def require_noisy(window: Window, name: str) -> None:
    """Refuse windows that a filter with a proposal cannot use.

    Raises
    ------
    ConfigError
        A scalar has no model noise, or an observation is not one of a scalar of the window.
    RunError
        See `require_usable`.
    """
    require_usable(window)
    if not (window.noise_sd > 0).all():
        raise ConfigError(
            f"no model noise in {int((window.noise_sd <= 0).sum())} of {window.noise_sd.size} "
            f"scalars: {name} weighs what a member is moved against it",
            where="ensemble.model_noise",
            remedy="give every field model noise, or use enkpf, lpf or sir",
        )
    if (window.scalar < 0).any():
        raise ConfigError(
            f"no single scalar of the window in {int((window.scalar < 0).sum())} of "
            f"{window.scalar.size} observations: {name} is for linear operators",
            where=place(window),
            remedy="use a halo of 0 with observations of scalars, or enkpf, lpf or sir",
        )


def require_gaussian(window: Window, name: str) -> None:
    """Refuse errors that are not Gaussian.

    Raises
    ------
    ConfigError
        An observation's error is not Gaussian.
    """
    if (window.noise_kind != GAUSSIAN).any():
        raise ConfigError(
            f"{name} has weights for Gaussian observation errors only",
            where="observations.noise",
            remedy="use wenkf or sir, whose weights take any density",
        )


def _moved(window: Window, gain: np.ndarray) -> np.ndarray:
    noise = window.observation_normals() * np.sqrt(window.variance)
    return window.forecast + (window.value + noise - window.forecast[:, window.scalar]) @ gain.T


def _proposal_covariance(window: Window, gain: np.ndarray) -> np.ndarray:
    kept = np.eye(window.forecast.shape[1])
    np.subtract.at(kept.T, window.scalar, gain.T)  # I - K H: column by column of H's scalars
    return kept * np.square(window.noise_sd) @ kept.T + gain * window.variance @ gain.T


def _squares(covariance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rows' (m, k) squared lengths in the inverse of a covariance (k, k), (m,)."""
    factor = np.linalg.cholesky(covariance)
    return np.square(solve_triangular(factor, rows.T, lower=True)).sum(axis=0)
