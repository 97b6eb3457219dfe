"""Cases for the ensemble filters: random windows, and the Kalman filter of their ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
from halocast.filters.ensemble import denkf, enkf, etkf, serial
from halocast.filters.window import Analysis, Window
from halocast.localization.taper import gaspari_cohn

DETERMINISTIC: dict[str, Any] = {
    "etkf": (etkf.analyse, etkf.EtkfSettings),
    "ensrf": (serial.analyse, serial.EnsrfSettings),
    "potter": (serial.analyse, serial.PotterSettings),
    "eakf": (serial.analyse, serial.EakfSettings),
}
UNTAPERED = {
    **DETERMINISTIC,
    "denkf": (denkf.analyse, denkf.DenkfSettings),
    "enkf": (enkf.analyse, enkf.EnkfSettings),
}


def window_of(
    m: int = 8, n: int = 12, p: int = 5, seed: int = 0, linear: bool = True, **changes: Any
) -> Window:
    """A window of random members whose p observations are of random scalars."""
    rng = np.random.default_rng(seed)
    scalar = rng.permutation(n)[:p] if p <= n else rng.integers(0, n, p)
    forecast = rng.normal(size=(m, n)) @ rng.normal(size=(n, n)) / np.sqrt(n) + rng.normal(size=n)
    predicted = forecast[:, scalar] if linear else np.arctan(forecast[:, scalar])
    made = Window(
        forecast=forecast, predicted=predicted, number=np.arange(p),
        value=rng.normal(size=p), error=rng.uniform(0.3, 1.0, p), weight=np.ones(p),
        noise_kind=np.zeros(p, np.int64), df=np.ones(p), scalar=scalar, noise_free=forecast,
        predicted_noise_free=predicted, noise_sd=np.zeros(n), taper=None, taper_between=None,
        seed=11, cycle=3, block=0,
    )  # fmt: skip
    return made._replace(**changes)


def with_tapers(window: Window, radius: float) -> Window:
    """The window with Schur tapers of scalars on a line."""
    place = np.arange(window.forecast.shape[1])
    seen = place[window.scalar]
    return window._replace(
        taper=gaspari_cohn(np.abs(place[:, None] - seen) / radius),
        taper_between=gaspari_cohn(np.abs(seen[:, None] - seen) / radius),
    )


def run(name: str, window: Window, **settings: Any) -> Analysis:
    """The analysis of a filter by its name."""
    analyse, kind = UNTAPERED[name]
    return analyse(window, kind(**settings))


def kalman(window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, covariance and gain of the Kalman filter with the ensemble's covariance."""
    n, p = window.forecast.shape[1], window.value.size
    x, prior = window.forecast.mean(axis=0), covariance(window.forecast)
    h = np.zeros((p, n))
    h[np.arange(p), window.scalar] = 1.0
    gain = prior @ h.T @ np.linalg.inv(h @ prior @ h.T + np.diag(window.variance))
    return x + gain @ (window.value - h @ x), (np.eye(n) - gain @ h) @ prior, gain


def covariance(members: np.ndarray) -> np.ndarray:
    """Sample covariance of members (m, n), with m - 1."""
    a = members - members.mean(axis=0)
    return a.T @ a / (members.shape[0] - 1)
