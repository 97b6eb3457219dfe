"""Inflation that follows the innovations: of each scalar (Anderson 2009), or one (Miyoshi 2011).

Both inflate the forecast's covariance by lambda before the analysis, its anomalies by the root,
and leave what they have learnt in the memory. Predictions are inflated by the scalars they are of;
predictions of none by the mean of all, weighted by squared correlation.

Anderson (2009): every scalar has a normal belief of its lambda, of mean l and standard deviation s.
Between cycles l goes back to 1 by ``damping``. An observation at a distance |d| from the mean of
predictions of variance D expects theta^2 = (1 + g (sqrt(l) - 1))^2 D + r, where g = taper times
|correlation|. Its likelihood L, linear round l, times the belief has its mode where

    x^2 + x / q - s^2 = 0,    x = lambda - l = 2 s^2 q / (1 + sqrt(1 + 4 s^2 q^2)),    q = L' / L,

the root nearer to l, and s follows from how the density falls from there to one s further; it
never grows. Because of the line, lambda comes out a little low (1.85 for a variance understated by
2).

Miyoshi (2011): one lambda a window, with the estimate of Wang & Bishop (2003),

    a_o = (d' R^-1 d - p) / trace(R^-1 H P H'),    v_o = 2 / p ((a_b t + 1) / t)^2, t = trace / p,

where R and p are those the tapers leave; belief and estimate are then averaged as variances v_b,
v_o say; lambda stays above 0.5. Where nothing is seen lambda stays with Miyoshi, and goes back to 1
with Anderson.

Cost: Anderson m n p; Miyoshi m p.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from halocast.filters.ensemble.departures import departures
from halocast.filters.window import Window
from halocast.settings import Settings

_LEAST = 0.5  # lambda of Miyoshi's: a few wild estimates shall not empty the ensemble


class AndersonInflation(Settings):
    """Inflation of each scalar by the innovations it correlates with."""

    by: Literal["anderson"] = Field("anderson", description="How it follows.")
    sd: float = Field(0.6, gt=0, le=1, description="Standard deviation of the first belief.")
    least_sd: float = Field(0.1, gt=0, le=1, description="Smallest standard deviation of a belief.")
    damping: float = Field(
        0.9, ge=0, le=1, description="Share of lambda - 1 that is left after a cycle."
    )
    least: float = Field(1.0, gt=0, description="Smallest lambda.")
    most: float = Field(5.0, allow_inf_nan=False, description="Largest lambda.")

    @model_validator(mode="after")
    def _bounds_agree(self) -> AndersonInflation:
        if self.least_sd > self.sd:
            raise ValueError(f"least_sd {self.least_sd:g} is above sd {self.sd:g}")
        if self.most < max(self.least, 1.0):
            raise ValueError(f"lambda cannot lie between {self.least:g} and {self.most:g}")
        return self


class MiyoshiInflation(Settings):
    """One inflation a window, by all its innovations."""

    by: Literal["miyoshi"] = Field("miyoshi", description="How it follows.")
    sd: float = Field(0.04, gt=0, le=1, description="Standard deviation of the belief.")


AdaptiveInflation = Annotated[AndersonInflation | MiyoshiInflation, Field(discriminator="by")]


def inflate(
    window: Window, settings: AndersonInflation | MiyoshiInflation | None
) -> tuple[Window, np.ndarray | None]:
    """Inflate a window's forecast as its innovations ask, and return what is to be remembered.

    Returns
    -------
    The window; and the scalars' lambdas and their standard deviations (2, n), or the window's one
    lambda (1,), or what was remembered where there are no settings.
    """
    if settings is None:
        return window, window.memory
    if isinstance(settings, MiyoshiInflation):
        before = np.ones(1) if window.memory is None else window.memory
        factor = miyoshi(window, float(before[0]), settings.sd)
        return inflated(window, np.full(window.forecast.shape[1], max(factor, 0.0))), np.array(
            [factor]
        )
    n = window.forecast.shape[1]
    known = np.array([np.ones(n), np.full(n, settings.sd)])
    if window.memory is not None:
        known = np.array([1.0 + settings.damping * (window.memory[0] - 1.0), window.memory[1]])
    anderson(window, known, settings)
    return inflated(window, known[0]), known


def inflated(window: Window, factors: np.ndarray) -> Window:
    """Return the window with covariances multiplied by factors (n,) of its scalars."""
    root = np.sqrt(factors)
    mean, ahead = window.forecast.mean(axis=0), window.predicted.mean(axis=0)
    return window._replace(
        forecast=mean + root * (window.forecast - mean),
        predicted=ahead + _observed(window, root) * (window.predicted - ahead),
    )


def _observed(window: Window, root: np.ndarray) -> np.ndarray:
    """Return the factors of the predictions' anomalies, (p,)."""
    out = np.where(window.scalar >= 0, root[np.maximum(window.scalar, 0)], 1.0)
    for o in np.flatnonzero(window.scalar < 0):
        share = np.square(correlations(window, int(o)))
        total = share.sum()
        if total > 0:
            out[o] = (share * root).sum() / total
    return out


def correlations(window: Window, o: int) -> np.ndarray:
    """Return the scalars' correlations with prediction ``o``, (n,); 0 where one is constant."""
    own = window.forecast - window.forecast.mean(axis=0)
    z = window.predicted[:, o] - window.predicted[:, o].mean()
    size = np.sqrt(np.square(own).sum(axis=0) * np.square(z).sum())
    return np.where(size > 0, (z[:, None] * own).sum(axis=0) / np.where(size > 0, size, 1.0), 0.0)


def miyoshi(window: Window, before: float, sd: float) -> float:
    """Return the window's lambda after its observations, from that before."""
    if window.value.size == 0:
        return before
    seen = departures(window, "adaptive inflation")
    m, p = window.members, float(window.weight.sum())
    trace = float((np.square(seen.predicted).sum(axis=0) / (m - 1.0) / seen.variance).sum())
    if trace <= 0.0:
        return before
    estimate = (float((np.square(seen.innovation) / seen.variance).sum()) - p) / trace
    share = trace / p
    of_estimate = 2.0 / p * ((before * share + 1.0) / share) ** 2
    after = (of_estimate * before + sd**2 * estimate) / (of_estimate + sd**2)
    return max(after, _LEAST)


def anderson(window: Window, known: np.ndarray, settings: AndersonInflation) -> None:
    """Let the observations act, one after the other, on lambdas and deviations (2, n), in place."""
    seen = departures(window, "adaptive inflation")
    taper = window.taper
    if taper is None:
        taper = np.broadcast_to(window.weight, (known.shape[1], window.weight.size))
    _learn(
        np.ascontiguousarray(seen.anomalies.T), np.ascontiguousarray(seen.predicted.T),
        np.abs(seen.innovation), np.square(window.error), taper, known,
        settings.least_sd, settings.least, settings.most,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _learn(own, predicted, distance, variance, taper, known, least_sd, least, most):
    n, m = own.shape
    size = np.zeros(n)
    for s in range(n):
        for i in range(m):
            size[s] += own[s, i] * own[s, i]
    for o in range(distance.size):
        z, total = predicted[o], 0.0
        for i in range(m):
            total += z[i] * z[i]
        if total <= 0.0:
            continue
        for s in range(n):
            if taper[s, o] <= 0.0 or size[s] <= 0.0:
                continue
            along = 0.0
            for i in range(m):
                along += own[s, i] * z[i]
            near = taper[s, o] * abs(along) / np.sqrt(size[s] * total)
            factor, sd = believe(
                known[0, s], known[1, s], near, distance[o], total / (m - 1.0), variance[o]
            )
            known[0, s] = min(max(factor, least), most)
            known[1, s] = max(sd, least_sd)


@njit(cache=True, nogil=True)
def believe(before, sd, near, distance, spread, r):
    """Return mean and standard deviation of a belief after an innovation (Anderson 2009, app. A).

    Parameters
    ----------
    before, sd
        Mean and standard deviation of the belief.
    near
        g, taper times |correlation|, in [0, 1].
    distance
        |d|.
    spread, r
        Variances of the prediction, not inflated, and of the observation's error.
    """
    root = np.sqrt(before)
    widen = 1.0 + near * (root - 1.0)
    theta2 = widen * widen * spread + r
    slope = (distance * distance / theta2 - 1.0) / theta2
    slope *= 0.5 * spread * near * widen / root
    after = before + 2.0 * sd * sd * slope / (1.0 + np.sqrt(1.0 + 4.0 * (sd * slope) ** 2))
    if after <= 0.0:
        return after, sd
    fall = _log_belief(after, before, sd, near, distance, spread, r)
    fall -= _log_belief(after + sd, before, sd, near, distance, spread, r)
    return after, min(sd, sd / np.sqrt(2.0 * fall)) if fall > 0.0 else sd


@njit(cache=True, nogil=True)
def _log_belief(factor, before, sd, near, distance, spread, r):
    widen = 1.0 + near * (np.sqrt(factor) - 1.0)
    theta2 = widen * widen * spread + r
    off = (factor - before) / sd
    return -0.5 * (off * off + np.log(theta2) + distance * distance / theta2)
