"""Ensemble optimal interpolation: one forecast, covariances of a store of anomalies.

    P = alpha A_s' A_s / (m_s - 1),    x_a = x_f + P H' (H P H' + R)^-1 (y - h(x_f))

(Evensen 2003, section 4.4; Oke et al. 2008. The paper's notation, members in rows as everywhere.)
A_s are m_s states of a long free run less their mean: constant, multivariate, balanced. alpha in
(0, 1] says which part of the climate's variance is the forecast's error. Only a mean is updated.
A season in A_s dominates it: take anomalies of windows of 60 days or so.

What the anomalies predict is h(x_f + A_s) less its mean, so h need not be linear. Student-t errors
are taken for Gaussian ones of the same scale.

`analyse` is the update of a window, the store in its memory: the mean of the members takes the
increment, their anomalies stay, bit by bit but for the sum. There may be one member, which then is
x_f, or several, for a spread that the model makes and EnOI does not touch.

Cost: one forecast a member; m_s n p multiplications, (p^3)/3 for p observations; no (n, n) array.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.draws import Address, Purpose, uniforms
from halocast.filters.kalman.checks import require_errors
from halocast.filters.kalman.climate import climate_of
from halocast.filters.kalman.update import gain
from halocast.filters.window import Analysis, Store, Window, from_members
from halocast.laboratory.methods import Outcome, Tapers
from halocast.laboratory.problem import Problem
from halocast.settings import Settings


class EnOiWindowSettings(Settings):
    """Ensemble optimal interpolation."""

    method: Literal["enoi"] = Field("enoi", description="The filter.")
    alpha: float = Field(
        0.5, gt=0, le=1, description="Part of the store's variance that is the forecast's error."
    )


class EnOiSettings(EnOiWindowSettings):
    """Ensemble optimal interpolation in the laboratory."""

    store: int = Field(
        120, ge=2, le=2000, description="Members of the store that the laboratory draws from a run."
    )


class EnOiState(NamedTuple):
    """The analysis (n,) and the store's anomalies (m_s, n)."""

    analysis: np.ndarray
    anomalies: np.ndarray


class EnOi:
    """EnOI as a method of the laboratory: its store is drawn from a free run."""

    def __init__(self, settings: EnOiSettings) -> None:
        self._settings = settings

    def start(self, problem: Problem, seed: int) -> EnOiState:
        """Draw the store: states of the free run, spread evenly over it.

        Raises
        ------
        ConfigError
            An observation has no error.
        """
        require_errors(problem.error, "enoi")
        states = climate_of(problem, seed).states
        every = states.shape[0] / self._settings.store
        first = uniforms(Address(seed, 0, Purpose.CLIMATE, 2**31), 1)[0]
        chosen = states[(every * (np.arange(self._settings.store) + first)).astype(int)]
        return EnOiState(problem.start, chosen - chosen.mean(axis=0))

    def cycle(
        self, problem: Problem, state: EnOiState, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[EnOiState, Outcome]:
        """Run the one forecast, and update it with ``value`` (p,)."""
        ahead = problem.advance(state.analysis[None], cycle)[0]
        predicted = problem.predict(ahead + state.anomalies)
        innovation = value - problem.predict(ahead[None])[0]
        variance, alpha = np.square(problem.error), self._settings.alpha
        step, left = increment(
            state.anomalies, predicted, innovation, variance, alpha, (None, None)
        )
        spread = np.sqrt(alpha) * state.anomalies.std(axis=0, ddof=1)
        return (
            EnOiState(ahead + step, state.anomalies),
            Outcome(ahead, spread, ahead + step, left),
        )


def analyse(window: Window, settings: EnOiWindowSettings) -> Analysis:
    """Update the mean of a window by the covariance of the `Store` in its memory, times alpha.

    Raises
    ------
    ConfigError
        An error is not positive.
    """
    require_errors(window.error, "enoi")
    store: Store = window.memory
    step, _ = increment(
        store.states - store.states.mean(axis=0),
        store.predicted,
        window.value - window.predicted.mean(axis=0),
        window.variance,
        settings.alpha,
        (window.taper, window.taper_between),
    )
    return from_members(window.forecast + step)


def increment(
    anomalies: np.ndarray,
    predicted: np.ndarray,
    innovation: np.ndarray,
    variance: np.ndarray,
    alpha: float,
    tapers: Tapers,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is added to the forecast, and the standard deviation left, both (n,).

    Parameters
    ----------
    anomalies
        A_s, (m_s, n).
    predicted
        What the store predicts for the observations, (m_s, p); its mean does not matter.
    innovation, variance
        y - h(x_f), and the diagonal of R, (p,).
    alpha
        Factor on the covariance.
    tapers
        Factors of the covariances (n, p) and (p, p), or None.
    """
    y = predicted - predicted.mean(axis=0)
    factor = alpha / (anomalies.shape[0] - 1)
    cross, between = factor * (anomalies.T @ y), factor * (y.T @ y)
    if tapers[0] is not None and tapers[1] is not None:
        cross, between = cross * tapers[0], between * tapers[1]
    k = gain(cross, between + np.diag(variance), "enoi")
    before = factor * np.square(anomalies).sum(axis=0)
    left = np.maximum(before - (k * cross).sum(axis=1), 0.0)
    return k @ innovation, np.sqrt(left)
