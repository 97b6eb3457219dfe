"""Moderation: observations far from the forecast get larger errors (Sakov & Sandery 2017).

An observation of error variance r, d away from a forecast of variance p, is taken as if its error
variance were

    r~ = sqrt((p + r)² + p d² / K²) - p

so that the increment it causes by itself, p d / (p + r~), never exceeds K sqrt(p): r~ is r for
small d, and grows as |d| does. Nothing is rejected, and nothing jumps. With K infinite r~ = r.
Student-t and Laplace errors are left alone: their densities do the same, Laplace's with increments
up to sqrt(2 / r) p.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from halocast.observations.operators import GAUSSIAN
from halocast.observations.quality import forecast_moments
from halocast.observations.settings import ObservationSettings
from halocast.observations.table import ObservationTable
from halocast.sources.rows import Fate


def moderated_variance(
    departure: np.ndarray, forecast: np.ndarray, error: np.ndarray, bound: float
) -> np.ndarray:
    """Return error variances r~ that bound increments.

    Parameters
    ----------
    departure
        Observation less forecast d, any shape.
    forecast, error
        Variances p and r.
    bound
        K.
    """
    total = forecast + error
    # r + (sqrt(total² + a) - total), without the difference of two large numbers
    extra = forecast * np.square(departure / bound)
    return error + extra / (np.sqrt(total**2 + extra) + total)


def moderate(
    table: ObservationTable,
    observed: np.ndarray,
    noise_sd: np.ndarray,
    settings: ObservationSettings,
) -> ObservationTable:
    """Give assimilated observations the errors that bound their increments.

    Parameters
    ----------
    table, observed, noise_sd
        As for `halocast.observations.quality.check_gross_errors`.
    settings
        ``moderation`` is K; None changes nothing.
    """
    if settings.moderation is None:
        return table
    mean, sd = forecast_moments(table, observed, noise_sd)
    variance = moderated_variance(
        table.value - mean, np.square(sd), np.square(table.error), settings.moderation
    )
    used = (table.noise == GAUSSIAN) & (table.fate == Fate.ASSIMILATED)
    return replace(table, error=np.where(used, np.sqrt(variance), table.error))
