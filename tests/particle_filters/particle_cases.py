"""Windows for the particle and quantile filters, and the Kalman filter's answers to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from halocast.filters.window import Window
from halocast.localization.taper import gaspari_cohn
from halocast.samplers.densities import GAUSSIAN


def window(
    forecast: np.ndarray,
    scalar: list[int],
    value: list[float],
    variance: list[float],
    **others: Any,
) -> Window:
    """Make a window of members (m, n) with observations of scalars."""
    p = len(scalar)
    seen = np.array(scalar, dtype=int)
    made = Window(
        forecast=forecast,
        predicted=forecast[:, seen],
        number=np.arange(p),
        value=np.array(value, dtype=float),
        error=np.sqrt(np.array(variance, dtype=float)),
        weight=np.ones(p),
        noise_kind=np.full(p, GAUSSIAN),
        df=np.ones(p),
        scalar=seen,
        noise_free=forecast,
        predicted_noise_free=forecast[:, seen],
        noise_sd=np.zeros(forecast.shape[1]),
        taper=None,
        taper_between=None,
        seed=3,
        cycle=1,
        block=0,
    )
    return made._replace(**others)


def gaussian_members(
    mean: np.ndarray, covariance: np.ndarray, count: int, seed: int = 1
) -> np.ndarray:
    """Draw members whose sample mean and covariance (m - 1) are exactly the given ones."""
    drawn = np.random.default_rng(seed).normal(size=(count, mean.size))
    drawn -= drawn.mean(axis=0)
    own = np.linalg.cholesky(np.cov(drawn.T, ddof=1).reshape(mean.size, mean.size))
    return mean + np.linalg.solve(own, drawn.T).T @ np.linalg.cholesky(covariance).T


def kalman(
    mean: np.ndarray, covariance: np.ndarray, scalar: list[int], value: Any, variance: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior mean (n,) and covariance (n, n)."""
    across = covariance[:, scalar]
    gain = np.linalg.solve(across[scalar] + np.diag(variance), across.T).T
    return mean + gain @ (np.array(value) - mean[scalar]), covariance - gain @ across.T


def line_tapers(n: int, scalar: list[int], reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the tapers (n, p) and (p, p) of scalars on a line."""
    apart = np.abs(np.arange(n)[:, None] - np.array(scalar)[None, :])
    taper = gaspari_cohn(apart / reach)
    return taper, taper[scalar]
