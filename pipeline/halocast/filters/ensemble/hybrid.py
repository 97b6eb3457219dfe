"""Filters that see a static covariance beside that of their members.

``hybrid-covariance`` (Hamill & Snyder 2000): the gain is that of

    P = b A'A / (m - 1) + (1 - b) A_s'A_s / (m_s - 1),

A_s static anomalies, as of a long free run. The mean takes the Kalman gain K of P; the members'
anomalies the reduced one of the square root filter (Whitaker & Hamill 2002, equation 10),

    A_a = A - K~ Y,    K~ = P H' R^(-1/2) U [1 / (r (1 + r))] U' R^(-1/2),   r = sqrt(1 + L),
    R^(-1/2) H P H' R^(-1/2) = U L U',

which leaves the m members m. b = 1 is the ETKF; with b = 0 the mean is that of EnOI.

``hybrid-gain`` (Penny 2014, equation 13): the ETKF, and then its mean takes a share a of what the
static covariance makes of what is left of the innovation,

    K = K_d + a K_s (I - H K_d),

anomalies as the ETKF left them. a = 0 is the ETKF.

Static anomalies come from ``static``, an npy file of states (m_s, n), or from the window's memory,
an array of them or a `Store`, which knows what they predict. Else that is H A_s, with H the
members' own regression of each prediction on the scalar it is of: exact where an observation is of
a scalar, linear where it is a function of one. Student-t errors are taken for Gaussian ones of the
same scale.

Cost with M = m + m_s and q = min(p, M): M p q + 9 q^3 + m q (p + n).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from halocast.errors import ConfigError
from halocast.filters.ensemble import etkf
from halocast.filters.ensemble.adaptive import inflate
from halocast.filters.ensemble.after import after
from halocast.filters.ensemble.dense import gram, product, spectrum
from halocast.filters.ensemble.departures import Departures, departures, refuse_taper
from halocast.filters.ensemble.gain import increments
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.window import Analysis, Store, Window, from_members


class HybridSettings(SpreadSettings):
    """What both hybrids can be told."""

    static: Path | None = Field(
        None, description="npy file of states (m_s, n); null: the memory holds them."
    )

    @model_validator(mode="after")
    def _memory_has_room(self) -> HybridSettings:
        if self.static is None and self.adaptive is not None:
            raise ValueError(
                "the memory cannot hold static states and adaptive inflation: give a file"
            )
        return self


class HybridCovarianceSettings(HybridSettings):
    """A filter with a mixed covariance."""

    method: Literal["hybrid-covariance"] = Field("hybrid-covariance", description="The filter.")
    dynamic_share: float = Field(
        0.7, ge=0, le=1, description="Share b of the members' covariance; the rest is static."
    )


class HybridGainSettings(HybridSettings):
    """A filter with a mixed gain."""

    method: Literal["hybrid-gain"] = Field("hybrid-gain", description="The filter.")
    static_share: float = Field(
        0.3, ge=0, le=1, description="Share a of the static correction of the mean."
    )


def analyse_covariance(window: Window, settings: HybridCovarianceSettings) -> Analysis:
    """Analyse a window with a mixed covariance.

    Raises
    ------
    ConfigError
        There is one member, Schur localization, or no static anomalies that fit.
    RunError
        An observation has no finite value, or no error.
    """
    seen, static, memory = _seen(window, settings)
    both = mixed(seen, static.states, static.predicted, settings.dynamic_share)
    mean = seen.mean + increments(both, seen.innovation[None], seen.variance)[0]
    wide = settings.r_factor * seen.variance
    anomalies = seen.anomalies - reduced_increments(both, seen.predicted, wide)
    return from_members(after(window, mean, anomalies, settings), memory)


def analyse_gain(window: Window, settings: HybridGainSettings) -> Analysis:
    """Analyse a window with a mixed gain.

    Raises
    ------
    ConfigError
        There is one member, Schur localization, or no static anomalies that fit.
    RunError
        An observation has no finite value, or no error.
    """
    seen, static, memory = _seen(window, settings)
    weight, transform = etkf.weights(
        seen.predicted, seen.innovation, seen.variance, settings.r_factor
    )
    mean = seen.mean + product(weight[None], seen.anomalies)[0]
    left = seen.innovation - product(weight[None], seen.predicted)[0]
    alone = mixed(seen, static.states, static.predicted, 0.0)
    mean = mean + settings.static_share * increments(alone, left[None], seen.variance)[0]
    anomalies = product(transform, seen.anomalies)
    return from_members(after(window, mean, anomalies, settings), memory)


def _seen(window: Window, settings: HybridSettings) -> tuple[Departures, Store, Any]:
    """Return the members' departures, the static ones, and what to remember."""
    refuse_taper(window, "hybrid filter")
    ahead, memory = inflate(window, settings.adaptive)
    seen = departures(ahead, "hybrid filter")
    if isinstance(window.memory, Store):
        return seen, Store(*(part - part.mean(axis=0) for part in window.memory)), memory
    static = static_of(window, settings)
    return seen, Store(static, predicted_by(window, seen, static)), memory


def mixed(
    seen: Departures, static: np.ndarray, static_predicted: np.ndarray, share: float
) -> Departures:
    """Return anomalies whose covariance, with their own number less 1, is the mixed one."""
    m, others = seen.anomalies.shape[0], static.shape[0]
    count = m + others - 1.0
    own = np.sqrt(share * count / (m - 1.0))
    beside = np.sqrt((1.0 - share) * count / (others - 1.0))
    return seen._replace(
        anomalies=np.vstack([own * seen.anomalies, beside * static]),
        predicted=np.vstack([own * seen.predicted, beside * static_predicted]),
    )


def reduced_increments(seen: Departures, rows: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return u K~' (k, n) for rows of predicted anomalies u (k, p): the square root's gain."""
    m = seen.predicted.shape[0]
    root = np.sqrt(variance)
    s = seen.predicted / (root * np.sqrt(m - 1.0))
    turned = np.ascontiguousarray(s.T)
    if s.shape[1] <= m:
        share = product(product(rows / root, _reduced(gram(turned))), turned)
    else:
        share = product(product(rows / root, turned), _reduced(gram(s)))
    return product(share / np.sqrt(m - 1.0), seen.anomalies)


def _reduced(square: np.ndarray) -> np.ndarray:
    """Return f(G) = U [1 / (r (1 + r))] U' for G = U L U' (q, q), r = sqrt(1 + L).

    S' f(S S') = f(S'S) S', so it may stand on either side.
    """
    values, vectors = spectrum(square)
    root = np.sqrt(1.0 + np.maximum(values, 0.0))
    turned = np.ascontiguousarray(vectors.T)
    return product(turned / (root * (1.0 + root)), vectors)


def static_of(window: Window, settings: HybridSettings) -> np.ndarray:
    """Return the static anomalies (m_s, n) of a window.

    Raises
    ------
    ConfigError
        There are none, or they are of another state.
    """
    given = window.memory if settings.static is None else _read(settings.static)
    if given is None:
        raise ConfigError(
            "a hybrid filter needs static anomalies, and there are none",
            where="filter.static",
            remedy="give an npy file of states (m_s, n) of a free run, or put them in the memory",
        )
    n = window.forecast.shape[1]
    if given.ndim != 2 or given.shape[1] != n or given.shape[0] < 2:
        raise ConfigError(
            f"static states of shape {given.shape} do not fit a window of {n} scalars",
            where="filter.static",
            remedy=f"give two or more states, one a row: (m_s, {n})",
        )
    return given - given.mean(axis=0)


@lru_cache(maxsize=2)
def _read(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is no npy file of states: {error}",
            where="filter.static",
            remedy="write one with numpy.save, shape (m_s, n)",
        ) from error


def predicted_by(window: Window, seen: Departures, static: np.ndarray) -> np.ndarray:
    """Return what static anomalies (m_s, n) predict, (m_s, p), by the members' regression.

    Raises
    ------
    ConfigError
        An observation is of no single scalar.
    """
    if (window.scalar < 0).any():
        raise ConfigError(
            "what static anomalies predict is known only for observations of one scalar each",
            where=f"filter.static, observation {window.number[window.scalar < 0][0]}",
            remedy="use a filter without static anomalies",
        )
    own = seen.anomalies[:, window.scalar]
    variance = np.square(own).sum(axis=0)
    slope = (own * seen.predicted).sum(axis=0) / np.where(variance > 0, variance, 1.0)
    return slope * static[:, window.scalar]
