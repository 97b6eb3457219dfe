"""Observations: from raw rows to the table of a cycle, with every row's fate."""

from halocast.observations.moderation import moderate, moderated_variance
from halocast.observations.prepare import prepare_observations
from halocast.observations.quality import (
    check_gross_errors,
    forecast_moments,
    observation_counts_by_fate,
    settle_fates,
)
from halocast.observations.settings import ObservationSettings
from halocast.observations.swaths import swath_cells
from halocast.observations.table import VARIABLES, ObservationTable

__all__ = [
    "VARIABLES",
    "ObservationSettings",
    "ObservationTable",
    "check_gross_errors",
    "forecast_moments",
    "moderate",
    "moderated_variance",
    "observation_counts_by_fate",
    "prepare_observations",
    "settle_fates",
    "swath_cells",
]
