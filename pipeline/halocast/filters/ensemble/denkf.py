"""The deterministic ensemble Kalman filter (Sakov & Oke 2008a).

    mean_a = mean + K d,    A_a = A - K Y / 2:

half the gain for the anomalies, for (I - K H / 2) P (I - K H / 2)' = (I - K H) P + K H P H'K' / 4
is to first order in K H the Kalman filter's covariance (their equations 14-18); the last term is
the inflation it brings. With ``r_factor`` f, the anomalies' K is that of f R. Student-t errors are
taken for Gaussian ones of the same scale.

Pitfall: where observations are much better than the forecast the quarter term is large (spread
squared is 3.0 times the Kalman filter's where H P H' = 9 R): made for weak updates.

Cost: see `halocast.filters.ensemble.gain` with k = m + 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from halocast.filters.ensemble.adaptive import inflate
from halocast.filters.ensemble.after import after
from halocast.filters.ensemble.departures import departures
from halocast.filters.ensemble.enkf import mean_and_anomaly_increments
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.window import Analysis, Window, from_members


class DenkfSettings(SpreadSettings):
    """The deterministic ensemble Kalman filter."""

    method: Literal["denkf"] = Field("denkf", description="The filter.")


def analyse(window: Window, settings: DenkfSettings) -> Analysis:
    """Analyse a window, with Schur localization where the window has tapers.

    Raises
    ------
    ConfigError
        There is one member.
    RunError
        An observation has no finite value, or no error.
    """
    ahead, memory = inflate(window, settings.adaptive)
    seen = departures(ahead, "DEnKF")
    rows = np.vstack([seen.innovation, -0.5 * seen.predicted])
    shifts = mean_and_anomaly_increments(window, seen, rows, settings.r_factor)
    return from_members(
        after(window, seen.mean + shifts[0], seen.anomalies + shifts[1:], settings), memory
    )
