"""The bootstrap particle filter, sampling importance resampling (Gordon, Salmond & Smith 1993).

    w_i <- w_i p(y | x_i);   when 1 / sum w_i^2 falls under a share of m: copies as they weigh.

Right for any model, operator and error density as m grows; how large m must be grows
exponentially with the number of independent observations (Snyder et al. 2008). Local windows
lift that in part (weights are tapered there); each then keeps its own weights.
Cost O(m p), and O(m^2 n) where copies are jittered.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from halocast.filters.particle.outcome import ResamplingSettings, remembered, settle
from halocast.filters.particle.weights import require_usable
from halocast.filters.window import Analysis, Window


class SirSettings(ResamplingSettings):
    """The bootstrap particle filter."""

    method: Literal["sir"] = Field("sir", description="The filter.")


def analyse(window: Window, settings: SirSettings) -> Analysis:
    """Weight members by the observations, and resample them when few count.

    Raises
    ------
    ConfigError, RunError
        See `require_usable`; all weights 0.
    """
    require_usable(window)
    log_weight = remembered(window) + window.log_likelihood(window.predicted).sum(axis=1)
    return settle(window, window.forecast, log_weight, settings)
