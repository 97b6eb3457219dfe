"""How an analysis enters the model: at once, or bit by bit over the next interval.

Directly, a member goes on from its analysis x_a. Incrementally (forward IAU; Bloom et al. 1996) it
goes on from where it was, its noise-free forecast x_f at the same time, its *origin*, and after
each of the J time steps of the next interval gets a share of what the update has added:

    x <- M(x) + w_j (x_a - x_f),    sum w_j = 1

so that fast waves, which an unbalanced increment sets off, have no jump to start from. All that an
update adds is spread, the model noise too, and in the free run likewise, which then differs from
the analysed ensemble by the observations only. Fields, scores and checkpoints at the analysis time
are those of the analysis, as ever; a checkpoint holds the origins beside.

What was assimilated is all in only after the interval. How much less fast waves there are then
depends on its length T: of a bump of height in the shallow-water model (300 km, North Atlantic)
2 to 3.5 times less for T = 1 h, 9 times for 6 h, 60 to 80 for a day.

Members whose analysis is made of another member's forecast have no such increment; filters that do
that are refused, and a member that took a donor's forecast (its origin is NaN) goes on from its
analysis.

Cost: a call of the model for each of its time steps, where direct insertion makes one an interval
(of the shallow-water model on 35 x 40 cells, forecasts take 4 to 5 times as long); the members once
more in memory and in checkpoints. Nothing more is moved between workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from halocast.errors import RunError
from halocast.filters.operation.incremental import Shape, shares
from halocast.models.base import Model
from halocast.settings import Settings

TRACKS = ("analysis", "free")
ORIGINS = ("forecast", "free_forecast")
"""Tracks of a checkpoint: members of the analysis and the free run, and their origins."""


class DirectUpdate(Settings):
    """The model goes on from the analysis."""

    kind: Literal["direct"] = "direct"


class IncrementalUpdate(Settings):
    """The model goes on from its forecast; what the update added enters step by step."""

    kind: Literal["incremental"] = "incremental"
    shape: Shape = Field(
        "constant",
        description="Shares of the time steps: constant, or triangular (most in the middle)",
    )


Update = DirectUpdate | IncrementalUpdate


def steps_of(cycle_seconds: int, time_step: int | None, shape: Shape) -> np.ndarray:
    """Return the share of each time step of an interval, (J,).

    Raises
    ------
    ValueError
        The model does not say its time step, or the interval is less than two of them.
    """
    if time_step is None:
        raise ValueError(
            "update.kind = 'incremental': the increment enters at the model's time steps, and "
            "model.time_step is not given; give it, or use kind: direct"
        )
    steps, rest = divmod(cycle_seconds, time_step)
    if rest or steps < 2:
        raise ValueError(
            f"update.kind = 'incremental': time.cycle_seconds = {cycle_seconds} holds "
            f"{cycle_seconds / time_step:g} time steps of {time_step} s; it needs a whole number, "
            "2 or more; use a shorter model.time_step, or kind: direct"
        )
    return shares(steps, shape)


def checkpoint_tracks(update: Update, *, free_run: bool) -> tuple[str, ...]:
    """Return the tracks of a run's checkpoints."""
    kinds = 2 if free_run else 1
    return (*TRACKS[:kinds], *(ORIGINS[:kinds] if update.kind == "incremental" else ()))


def require_origins(update: Update, tracks: Sequence[str]) -> None:
    """Raise RunError unless a run's checkpoints, with these tracks, hold what the update needs."""
    if (update.kind == "incremental") != (ORIGINS[0] in tracks):
        raise RunError(
            f"the run was not made with update.kind = {update.kind!r}: its checkpoints hold "
            "other things",
            where="update",
            remedy="leave it as it was, or start a new run",
        )


def advance_from_origin(
    model: Model,
    origin: np.ndarray,
    analysis: np.ndarray,
    start: np.datetime64,
    stop: np.datetime64,
    weights: np.ndarray,
    forcing: Any,
) -> np.ndarray:
    """Return the state (F, ny, nx) at ``stop``, the increment having entered.

    Parameters
    ----------
    origin, analysis
        x_f and x_a at ``start``, (F, ny, nx); from a NaN origin the model goes on from x_a.
    weights
        Share of the increment after each of the time steps in between, (J,).
    """
    if np.isnan(origin).any():
        return model.advance(analysis, start, stop, forcing)
    increment, state = analysis - origin, origin
    step = (stop - start) // weights.size
    for j, weight in enumerate(weights.tolist()):
        state = model.advance(state, start + j * step, start + (j + 1) * step, forcing)
        state = model.apply_perturbation(state, weight * increment)
    return state
