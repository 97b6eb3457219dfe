"""Random anomaly tail smoothing for the ensemble transform filter: **our reading** of the name.

MIKE FM's text names it and says no more. Here it realises the recursion of temporal smoothing
(`halocast.filters.operation.covariances`) without any covariance matrix, so that observations may
move. A tail B of L more anomalies is carried from cycle to cycle; with A the forecast's anomalies
over sqrt(m - 1), one a row,

    X = [ sqrt(s) A ; sqrt(1 - s) B ],    B <- W' X,    W (m + L, L) of N(0, 1/L)

so that E[B' B] is the smoothed covariance: E[W W'] = 1. The mean is updated with X (its m + L rows
are as good as members), the members' anomalies by the symmetric transform of A alone:

    S = X_y R^-1/2,    x_a = x_f + X' (1 + S S')^-1 S R^-1/2 d,    A_a = (1 + S_A S_A')^-1/2 A

The tail stays where it is while the flow moves on: choose a half-life short against the flow's
time. Cost: (m + L)^2 (n + p).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.filters.operation.covariances import smoothing_factor
from halocast.filters.window import Analysis, Window, from_members
from halocast.settings import Settings


class TailEtkfSettings(Settings):
    """The ensemble transform filter with a smoothing tail (our reading of the name)."""

    method: Literal["tail-etkf"] = Field("tail-etkf", description="The filter.")
    interval: float = Field(
        gt=0, allow_inf_nan=False, description="Time between analyses, in any unit."
    )
    half_life: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Half-life of what the tail remembers, in the unit of interval.",
    )
    tail: int = Field(50, ge=1, description="Anomalies in the tail; twice the members serve well.")
    inflation: float = Field(
        1.0, gt=0, le=10, description="Factor on the anomalies after the analysis."
    )


def analyse(window: Window, settings: TailEtkfSettings) -> Analysis:
    """Update a window (see the module).

    Raises
    ------
    ConfigError
        Observations are not scalars of the window, or covariances are to be tapered.
    """
    _check(window)
    mean = window.forecast.mean(axis=0)
    anomalies = (window.forecast - mean) / np.sqrt(window.members - 1)
    longer = lengthened(window, anomalies, settings)
    root = np.sqrt(window.variance)
    departure = (window.value - window.predicted.mean(axis=0)) / root
    values, vectors, seen = _decompose(longer, window.scalar, root)
    weights = vectors @ ((vectors.T @ (seen @ departure)) / (1 + values))
    values, vectors, _ = _decompose(anomalies, window.scalar, root)
    transform = (vectors / np.sqrt(1 + values)) @ vectors.T
    after = np.sqrt(window.members - 1) * settings.inflation * (transform @ anomalies)
    return from_members(mean + weights @ longer + after, next_tail(window, longer, settings))


def lengthened(window: Window, anomalies: np.ndarray, settings: TailEtkfSettings) -> np.ndarray:
    """Return X: the anomalies (m, n) with the tail under them, (m + L, n); without one in the
    first cycle, when nothing is remembered."""
    if window.memory is None:
        return anomalies
    share = smoothing_factor(settings.interval, settings.half_life)
    return np.concatenate([np.sqrt(share) * anomalies, np.sqrt(1 - share) * window.memory])


def next_tail(window: Window, longer: np.ndarray, settings: TailEtkfSettings) -> np.ndarray:
    """Draw the next tail, (L, n): the same mixture of members in every window of a cycle."""
    drawn = window.common_normals(Purpose.TAIL, settings.tail * len(longer))
    return drawn.reshape(settings.tail, len(longer)) @ longer / np.sqrt(settings.tail)


def _decompose(
    anomalies: np.ndarray, scalar: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return eigenvalues and eigenvectors of S S', and S (rows, p)."""
    seen = anomalies[:, scalar] / root
    values, vectors = np.linalg.eigh(seen @ seen.T)
    return np.maximum(values, 0.0), vectors, seen


def _check(window: Window) -> None:
    """Refuse what a tail cannot see."""
    inside = window.scalar >= 0
    if not inside.all() or not np.array_equal(
        window.predicted, np.take(window.forecast, window.scalar, axis=1)
    ):
        raise ConfigError(
            "tail smoothing needs observations that are scalars of the state themselves",
            where=f"cycle {window.cycle}, block {window.block}",
            remedy="use smoothed-esrf, or an ensemble filter without smoothing",
        )
    if window.taper is not None:
        raise ConfigError(
            "tail smoothing knows no covariances that a taper could multiply",
            where=f"block {window.block}",
            remedy="localize by weights of the observations (R-localization)",
        )
