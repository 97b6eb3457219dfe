"""Scores, spread, ranks and innovations: how good an analysis is, in numbers."""

from halocast.diagnostics.crps import ensemble_crps
from halocast.diagnostics.ranks import probability_transform, rank_counts
from halocast.diagnostics.scores import Row, field_rows, observation_rows, score_name
from halocast.diagnostics.statistics import (
    area_weights,
    bias,
    centred_innovation,
    rmse,
    spread,
    spread_skill,
    weighted_mean,
)
from halocast.diagnostics.stored import rows_by_cycle
from halocast.diagnostics.summary import summarise, table, to_json

__all__ = [
    "Row",
    "area_weights",
    "bias",
    "centred_innovation",
    "ensemble_crps",
    "field_rows",
    "observation_rows",
    "probability_transform",
    "rank_counts",
    "rmse",
    "rows_by_cycle",
    "score_name",
    "spread",
    "spread_skill",
    "summarise",
    "table",
    "to_json",
    "weighted_mean",
]
