"""What is done to analysed anomalies: relaxation, inflation, rotation, in this order.

    spread reduction   A_a <- A_f + kappa (A_a - A_f); kappa = 1 does nothing. It is RTPP with
                       alpha = 1 - kappa. (Our reading of MIKE's factor, of which no text says more
                       than its name.)
    RTPP, RTPS         `halocast.filters.relaxation`
    inflation          A_a <- lambda A_a: on anomalies, its square on covariance, everywhere,
                       observed or not (Anderson & Anderson 1999)
    rotation           `halocast.filters.ensemble.rotation`; the last, for the others need members
                       paired with those of the forecast

The mean stays what it is. Cost: a few m n; m^2 n with rotation.
"""

from __future__ import annotations

import numpy as np

from halocast.filters.ensemble.rotation import rotate
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.relaxation import relax_to_prior_perturbations, relax_to_prior_spread
from halocast.filters.window import Window


def after(
    window: Window, mean: np.ndarray, anomalies: np.ndarray, settings: SpreadSettings
) -> np.ndarray:
    """Return the members (m, n) of an analysis with this mean (n,) and anomalies (m, n)."""
    relaxed = relax(window.forecast, mean + anomalies, settings) - mean
    if settings.inflation != 1.0:
        relaxed *= settings.inflation
    if settings.rotation and window.cycle % settings.rotation == 0:
        relaxed = rotate(window, relaxed)
    return mean + relaxed


def relax(before: np.ndarray, members: np.ndarray, settings: SpreadSettings) -> np.ndarray:
    """Return analysed members (m, n), relaxed towards those of the forecast ``before`` (m, n)."""
    share = settings.rtpp if settings.rtpp > 0 else 1.0 - settings.spread_reduction
    if share == 0.0 and settings.rtps == 0.0:
        return members
    out = np.ascontiguousarray(members).copy()
    if settings.rtps > 0:
        relax_to_prior_spread(before[:, None, :], settings.rtps, out[:, None, :])
    if share > 0:
        relax_to_prior_perturbations(before[:, None, :], share, out[:, None, :])
    return out
