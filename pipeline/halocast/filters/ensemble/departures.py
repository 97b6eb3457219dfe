"""What every ensemble Kalman filter takes from its window, and the windows it refuses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.errors import ConfigError, RunError
from halocast.filters.window import Window


class Departures(NamedTuple):
    """Mean and anomalies of forecast and predictions, and the innovation.

    ``mean`` x (n,), ``anomalies`` A (m, n), ``predicted`` Y (m, p), ``innovation`` d (p,),
    ``variance`` R as tapered (p,).
    """

    mean: np.ndarray
    anomalies: np.ndarray
    predicted: np.ndarray
    innovation: np.ndarray
    variance: np.ndarray


def departures(window: Window, name: str) -> Departures:
    """Take a window apart.

    Forecasts that are not finite are let through: what comes of them is not finite either.

    Parameters
    ----------
    window
        With two members or more.
    name
        The filter's, for its refusals.

    Raises
    ------
    ConfigError
        There is one member.
    RunError
        An observation has no finite value, or no finite error and weight above 0: its error
        covariance is singular.
    """
    if window.members < 2:
        raise ConfigError(
            f"the {name} takes its covariance from the ensemble, and there is one member",
            where="ensemble.members",
            remedy="use 2 or more",
        )
    variance = window.variance
    good = np.isfinite(window.value) & np.isfinite(variance) & (variance > 0)
    if not good.all():
        o = int(np.argmin(good))
        raise RunError(
            f"an observation has value {window.value[o]:g}, error {window.error[o]:g} and weight "
            f"{window.weight[o]:g}: the {name} needs a finite value, and an error and a weight "
            "above 0",
            where=f"cycle {window.cycle}, observation {window.number[o]}",
            remedy="drop it, or give it its error; for nearly perfect ones a small error",
        )
    mean, ahead = window.forecast.mean(axis=0), window.predicted.mean(axis=0)
    return Departures(
        mean, window.forecast - mean, window.predicted - ahead, window.value - ahead, variance
    )


def refuse_taper(window: Window, name: str) -> None:
    """Refuse Schur localization.

    Raises
    ------
    ConfigError
        The window has a taper.
    """
    if window.taper is not None:
        raise ConfigError(
            f"the {name} has no covariance that could be tapered: Schur localization is for the "
            "EnKF, DEnKF, EnSRF, Potter's filter and the EAKF",
            where="filter",
            remedy="use one of those, or local windows",
        )
