"""Rows of scores: how far something is from what it is held against, variable by variable.

A row says ``what`` (analysis, forecast, forecast-mean, free-run) was compared ``against`` what
(truth, kalman-filter, truth-at-withheld, withheld, assimilated) for one ``variable``, and with
which result. The variable has the same name whether it is compared as a field or with
observations: ``ssh``, and ``u``, ``v``, ``t`` for the top layer; deeper fields carry their layer
(``u1``, ``h2``).

A comparison with the observations just assimilated is a *fit*; with withheld ones or with the
truth it is an error. Differences from observations hold the observation's error as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from halocast.diagnostics.crps import ensemble_crps
from halocast.diagnostics.statistics import area_weights, bias, rmse, spread, weighted_mean
from halocast.grid import Grid
from halocast.state import Field, StateLayout


class Row(TypedDict):
    """One score. ``rmse``, ``bias``, ``spread`` and ``crps`` are in the variable's unit (NaN where
    unknown); ``n`` is the number of cells or observations."""

    what: str
    against: str
    variable: str
    rmse: float
    bias: float
    spread: float
    crps: float
    n: int


def score_name(field: Field) -> str:
    """Name a field as observations of it are named: the top layer goes without its number."""
    return field.variable if field.layer in (None, 0) else field.name


def field_rows(
    what: str,
    against: str,
    grid: Grid,
    layout: StateLayout,
    mean: np.ndarray,
    deviation: np.ndarray | None,
    truth: np.ndarray,
    crps: np.ndarray | None = None,
) -> list[Row]:
    """Score fields against fields, one row for each field of the layout.

    Parameters
    ----------
    mean, truth
        Shape (F, ny, nx).
    deviation
        The ensemble's standard deviation, shape (F, ny, nx); None where there is no ensemble.
    crps
        The score of each cell from ``ensemble_crps``, shape (F, ny, nx), or None.

    Notes
    -----
    Cells count by their area and only where the field lives (sea, or sea on both sides of a face).
    """
    rows: list[Row] = []
    wet = layout.wet(grid)
    for i, field in enumerate(layout.fields):
        weights = area_weights(grid, field.place, wet[i])
        rows.append(
            Row(
                what=what,
                against=against,
                variable=score_name(field),
                rmse=rmse(mean[i], truth[i], weights),
                bias=bias(mean[i], truth[i], weights),
                spread=np.nan if deviation is None else spread(deviation[i], weights),
                crps=np.nan if crps is None else weighted_mean(crps[i], weights),
                n=int(np.count_nonzero(weights)),
            )
        )
    return rows


def observation_rows(
    what: str,
    against: str,
    variables: Sequence[str],
    variable: np.ndarray,
    value: np.ndarray,
    predicted: np.ndarray,
    mean: np.ndarray | None = None,
    deviation: np.ndarray | None = None,
) -> list[Row]:
    """Score members against observations, one row for each variable that was observed.

    Parameters
    ----------
    variables
        Names of the variable codes, in order of the codes.
    variable, value
        Code and observed value, shape (p,).
    predicted
        What each member says of each observation, shape (m, p), in observation space: where the
        operator is not the identity it has been applied already.
    mean, deviation
        The estimate of each observation and its standard deviation, shape (p,), where they are
        better known than the members' sample mean and standard deviation (Rao–Blackwell).

    Notes
    -----
    The spread is the ensemble's alone, without the observation's error.
    """
    estimate = predicted.mean(axis=0) if mean is None else mean
    if deviation is None:
        one = predicted.shape[0] < 2
        deviation = np.full(value.shape, np.nan) if one else predicted.std(axis=0, ddof=1)
    score = ensemble_crps(predicted, value)
    rows: list[Row] = []
    for code, name in enumerate(variables):
        here = variable == code
        if not here.any():
            continue
        rows.append(
            Row(
                what=what,
                against=against,
                variable=name,
                rmse=rmse(estimate[here], value[here]),
                bias=bias(estimate[here], value[here]),
                spread=spread(deviation[here]),
                crps=weighted_mean(score[here]),
                n=int(np.count_nonzero(here)),
            )
        )
    return rows
