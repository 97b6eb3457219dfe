"""The serial square-root filter with covariances smoothed in time (MIKE FM's algorithm 1).

The forecast's covariances C = Cov(x, y) and D = Cov(y, y) are smoothed with a half-life
(`halocast.filters.operation.covariances`); the update is that of Whitaker & Hamill (2002), one
observation i after another, with the smoothed ones:

    k = C_i / (D_ii + r_i),    x <- x + k d_i,    A <- A - alpha z_i k',
    alpha = 1 / (1 + sqrt(r_i / (D_ii + r_i))),
    C <- C - k D_i,            D <- D - D_i' D_i / (D_ii + r_i)

with z_i the members' anomalies at the station. The mean is that of the Kalman filter with the
smoothed covariances, in any order; without smoothing (s = 1) all is the plain serial filter. The
anomalies' own variance may exceed the smoothed D_ii by much in single cycles, which would make
alpha too large: D_ii counts as at least a quarter of it.

An observation whose value is NaN is missing: its covariances are smoothed, and it is not used.
Cost: p n (m + p).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.filters.operation.covariances import (
    Covariances,
    ensemble_covariances,
    smoothed,
    smoothing_factor,
)
from halocast.filters.window import Analysis, Window, from_members
from halocast.settings import Settings

_LEAST_SHARE = 0.25


class SmoothedEsrfSettings(Settings):
    """The serial square-root filter with temporal smoothing of its covariances."""

    method: Literal["smoothed-esrf"] = Field("smoothed-esrf", description="The filter.")
    interval: float = Field(
        gt=0, allow_inf_nan=False, description="Time between analyses, in any unit."
    )
    half_life: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Half-life of what covariances remember, in the unit of interval.",
    )
    inflation: float = Field(
        1.0, gt=0, le=10, description="Factor on the anomalies after the analysis."
    )
    average_from: int = Field(
        1, ge=1, description="First cycle of the time average that a steady run may use."
    )


class SmoothingMemory(NamedTuple):
    """What is carried on: the smoothed covariances, and their time average over ``counted``."""

    station: np.ndarray
    state: np.ndarray
    between: np.ndarray
    average_station: np.ndarray
    average_state: np.ndarray
    average_between: np.ndarray
    counted: np.ndarray

    @property
    def smoothed(self) -> Covariances:
        """The smoothed covariances of the last forecast."""
        return Covariances(self.station, self.state, self.between)

    @property
    def average(self) -> Covariances:
        """The mean of the forecasts' covariances, unsmoothed: what a steady gain is made of."""
        return Covariances(self.average_station, self.average_state, self.average_between)


def analyse(window: Window, settings: SmoothedEsrfSettings) -> Analysis:
    """Update a window (see the module)."""
    now = ensemble_covariances(window)
    memory: SmoothingMemory | None = window.memory
    share = smoothing_factor(settings.interval, settings.half_life)
    smooth = smoothed(None if memory is None else memory.smoothed, now, share)
    used = smooth.at(now.station)
    taper = 1.0 if window.taper is None else window.taper
    between = 1.0 if window.taper_between is None else window.taper_between
    mean, anomalies = _update(window, used.state * taper, used.between * between)
    members = mean + settings.inflation * anomalies
    counted = window.cycle >= settings.average_from
    return from_members(members, _remember(memory, smooth, now, counted))


def _update(
    window: Window, state: np.ndarray, between: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Assimilate one observation after another; return mean (n,) and anomalies (m, n)."""
    mean, heard = window.forecast.mean(axis=0), window.predicted.mean(axis=0)
    anomalies, at_stations = window.forecast - mean, window.predicted - heard
    departure, variances = window.value - heard, window.variance
    least = _LEAST_SHARE / (window.members - 1)
    for i in np.flatnonzero(np.isfinite(window.value)):
        z, r, row = at_stations[:, i].copy(), variances[i], between[i].copy()
        total = max(row[i], least * (z @ z)) + r
        gain, gain_there = state[:, i] / total, row / total
        innovation = departure[i]
        mean = mean + gain * innovation
        departure = departure - gain_there * innovation
        alpha = 1 / (1 + np.sqrt(r / total))
        anomalies -= np.outer(alpha * z, gain)
        at_stations -= np.outer(alpha * z, gain_there)
        state = state - np.outer(gain, row)
        between = between - np.outer(gain_there, row)
    return mean, anomalies


def _remember(
    memory: SmoothingMemory | None, smooth: Covariances, now: Covariances, counted: bool
) -> SmoothingMemory:
    count = 0.0 if memory is None else float(memory.counted)
    average = Covariances(np.empty(0), np.empty((len(now.state), 0)), np.empty((0, 0)))
    if memory is not None:
        average = memory.average
    if counted:
        count += 1.0
        average = smoothed(average, now, 1 / count)
    return SmoothingMemory(*smooth, *average, np.array(count))
