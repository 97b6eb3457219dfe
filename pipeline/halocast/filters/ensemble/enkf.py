"""The stochastic ensemble Kalman filter (Evensen 1994; Burgers, van Leeuwen & Evensen 1998).

Every member sees observations of its own:

    x_i = x_i + K (y + e_i - h(x_i)),    e_i ~ N(0, R) with mean 0 over the members.

Without the e_i the analysis covariance would be (I - K H) P (I - K H)', short of the right one by
K R K' (Burgers et al., equation 11). Centred, they leave the mean that of the Kalman filter; their
sample variance, with m - 1, has expectation R. With ``r_factor`` f, anomalies take e_i ~ N(0, f R)
and the gain of f R. Student-t errors are taken for Gaussian ones of the same scale.

``gain: svd`` is that of Evensen (2003): see its pitfall in `halocast.filters.ensemble.gain`.

Cost: see `halocast.filters.ensemble.gain` with k = m + 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from halocast.errors import ConfigError
from halocast.filters.ensemble.adaptive import inflate
from halocast.filters.ensemble.after import after
from halocast.filters.ensemble.departures import Departures, departures
from halocast.filters.ensemble.gain import increments, svd_increments, tapered_increments
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.window import Analysis, Window, from_members


class EnkfSettings(SpreadSettings):
    """The stochastic ensemble Kalman filter."""

    method: Literal["enkf"] = Field("enkf", description="The filter.")
    gain: Literal["exact", "svd"] = Field(
        "exact",
        description="How R enters the gain: exact, or svd, by the sample of the perturbations "
        "(Evensen 2003; for many times more members than observations).",
    )
    svd_share: float = Field(
        0.999, gt=0, le=1, description="Share of the squared singular values that svd keeps."
    )


def analyse(window: Window, settings: EnkfSettings) -> Analysis:
    """Analyse a window.

    Raises
    ------
    ConfigError
        There is one member; or Schur localization of the svd gain.
    RunError
        An observation has no finite value, or no error.
    """
    ahead, memory = inflate(window, settings.adaptive)
    seen = departures(ahead, "EnKF")
    noise = perturbations(window, seen.variance)
    shifts = _shifts(window, seen, noise, settings)
    mean = seen.mean + shifts[0]
    return from_members(after(window, mean, seen.anomalies + shifts[1:], settings), memory)


def perturbations(window: Window, variance: np.ndarray) -> np.ndarray:
    """Draw the perturbations of the observations, (m, p), with mean 0 over the members."""
    drawn = window.observation_normals()
    return (drawn - drawn.mean(axis=0)) * np.sqrt(variance)


def _shifts(
    window: Window, seen: Departures, noise: np.ndarray, settings: EnkfSettings
) -> np.ndarray:
    """Return the increments of the mean, and of each member's anomaly, (1 + m, n)."""
    f = settings.r_factor
    rows = np.vstack([seen.innovation, np.sqrt(f) * noise - seen.predicted])
    if settings.gain == "svd":
        if window.taper is not None:
            raise ConfigError(
                "the gain by singular values has no covariance that could be tapered",
                where="filter.gain",
                remedy="use gain: exact with Schur localization",
            )
        if f == 1.0:
            return svd_increments(seen, noise, rows, settings.svd_share)
        wide = seen._replace(variance=f * seen.variance)
        mean = svd_increments(seen, noise, rows[:1], settings.svd_share)
        others = svd_increments(wide, np.sqrt(f) * noise, rows[1:], settings.svd_share)
        return np.vstack([mean, others])
    return mean_and_anomaly_increments(window, seen, rows, f)


def mean_and_anomaly_increments(
    window: Window, seen: Departures, rows: np.ndarray, r_factor: float
) -> np.ndarray:
    """Return increments (k, n): of the first row with R, of the others with R times a factor."""

    def increase(some: np.ndarray, variance: np.ndarray) -> np.ndarray:
        if window.taper is None:
            return increments(seen, some, variance)
        assert window.taper_between is not None
        return tapered_increments(seen, some, variance, window.taper, window.taper_between)

    if r_factor == 1.0:
        return increase(rows, seen.variance)
    others = increase(rows[1:], r_factor * seen.variance)
    return np.vstack([increase(rows[:1], seen.variance), others])
