"""The record of a cycle: whole fields, the observation table with what was predicted, the scores.

Every run scores the forecast (before the update), the analysis and the free run, against the truth
where there is one, against withheld observations, and against those just assimilated (a fit, not an
error). Everything is put in the order of cells and table rows first, so that sums do not depend on
how the work was shared out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.cycle.joining import with_fates
from halocast.cycle.parts import Prepared, Statistics
from halocast.diagnostics import Row, field_rows, observation_rows
from halocast.observations import VARIABLES, ObservationTable, settle_fates
from halocast.observations.operators import observe
from halocast.sources.rows import Fate
from halocast.stores.run_store import CycleRecord

if TYPE_CHECKING:
    from halocast.samplers.chains import ChainTrace

# how a track is called in the scores; `free` has its own store group too
_WHAT = {"analysis": "analysis", "forecast": "forecast", "free": "free-run"}
_GROUP = {"analysis": "analysis", "forecast": "forecast", "free": "free_run"}


def record(
    directory: str,
    cycle: int,
    prepared: Prepared,
    estimates: tuple[np.ndarray, np.ndarray] | None,
    *kept: Statistics,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write everything a cycle leaves behind; return its summary and the arrays' digests."""
    context = load_context(directory)
    fields = _fields(context, kept)
    table = with_fates(prepared.table, kept)
    states = _scalars(table, kept)
    scalars = {
        track: observe(values, table.operator, table.operator_center, table.operator_scale)
        for track, values in states.items()
    }
    scores = [
        *_truth_scores(context, cycle, fields),
        *_reference_scores(context, fields, estimates),
        *_truth_at_withheld(context, cycle, table, states),
        *_observation_scores(table, scalars),
    ]
    groups = {
        f"{_GROUP[track]}/{statistic}": fields[f"{track}/{statistic}"]
        for track in _GROUP
        for statistic in ("mean", "spread")
        if f"{track}/mean" in fields
    }
    if estimates is not None:
        groups["kalman_filter/mean"] = estimates[1][:1]
        groups["kalman_filter/spread"] = np.sqrt(estimates[1][1:])
    fates = _fates(prepared, table)
    written = CycleRecord(
        groups,
        _columns(table, scalars),
        (prepared.first_row, fates),
        _health(context, kept),
        scores,
        _busiest_trace(kept),
    )
    digests = context.store.write_cycle(cycle, written)
    summary = {
        "time": str(context.settings.time.at(cycle)),
        "observations": table.size,
        "assimilated": int(table.assimilated.size),
        "withheld": int(table.withheld.size),
        "analysis_seconds": sum(k.seconds for k in kept),
        **_members(context, states, kept[0]),
    }
    return summary, digests


def _members(context: Context, states: dict[str, np.ndarray], kept: Statistics) -> dict[str, Any]:
    """Say what happened to members that failed, and how many take part where some do not."""
    found: dict[str, Any] = {"failures": list(kept.account)} if kept.account else {}
    counts = {_WHAT[track]: len(states[track]) for track in ("analysis", "free") if track in states}
    if min(counts.values()) < context.settings.ensemble.members:
        found["members"] = counts
    return found


def _fields(context: Context, kept: tuple[Statistics, ...]) -> dict[str, np.ndarray]:
    """Assemble the groups' tiles into whole fields (F, ny, nx)."""
    shape = (len(context.model.layout), context.grid.n_cells)
    out = {name: np.empty(shape) for name in kept[0].fields}
    for statistics in kept:
        for name, values in statistics.fields.items():
            out[name][:, statistics.cells] = values
    return {name: values.reshape(-1, *context.grid.shape) for name, values in out.items()}


def _scalars(table: ObservationTable, kept: tuple[Statistics, ...]) -> dict[str, np.ndarray]:
    """Assemble the observed scalars (k, p) of the members that took part."""
    out = {}
    for track, first in kept[0].scalars.items():
        values = np.empty((len(first), table.size))
        for statistics in kept:
            values[:, statistics.seen] = statistics.scalars[track]
        out[track] = values
    return out


def _health(context: Context, kept: tuple[Statistics, ...]) -> dict[str, np.ndarray]:
    out = {name: np.full(context.most_blocks, np.nan) for name in kept[0].health}
    for statistics in kept:
        for name, values in statistics.health.items():
            out[name][statistics.blocks] = values
    return out


def _busiest_trace(kept: tuple[Statistics, ...]) -> ChainTrace | None:
    """Return the chains of the block with most observations, the first of equals.

    A group keeps those of its own busiest block.
    """
    found: list[tuple[float, int, ChainTrace]] = []
    for statistics in kept:
        if statistics.trace is not None:
            seen = statistics.health["observations"]
            busiest = int(np.lexsort((statistics.blocks, -seen))[0])
            block = int(statistics.blocks[busiest])
            found.append((-float(seen[busiest]), block, statistics.trace))
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def _fates(prepared: Prepared, table: ObservationTable) -> np.ndarray:
    """Return the fates of the raw rows, those of the gross-error check included."""
    rows = prepared.first_row + np.arange(prepared.raw_fates.size)
    return settle_fates(prepared.raw_fates, rows, table)


def _columns(table: ObservationTable, scalars: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    columns = dict(table.to_dict())
    for track in _WHAT.keys() & scalars.keys():
        values = scalars[track]
        columns[f"{track}_mean"] = values.mean(axis=0)
        columns[f"{track}_spread"] = values.std(axis=0)
    return columns


def _truth_scores(context: Context, cycle: int, fields: dict[str, np.ndarray]) -> list[Row]:
    truth = context.truth_at(cycle)
    if truth is None:
        return []
    grid, layout = context.grid, context.model.layout
    rows: list[Row] = []
    for track, what in _WHAT.items():
        if f"{track}/mean" in fields:
            rows += field_rows(
                what, "truth", grid, layout, fields[f"{track}/mean"], fields[f"{track}/spread"],
                truth, fields[f"{track}/crps"],
            )  # fmt: skip
    rows += field_rows(
        "forecast-mean", "truth", grid, layout, fields["forecast/mean"],
        fields["forecast-mean/spread"], truth, fields["forecast-mean/crps"],
    )  # fmt: skip
    return rows


def _reference_scores(
    context: Context,
    fields: dict[str, np.ndarray],
    estimates: tuple[np.ndarray, np.ndarray] | None,
) -> list[Row]:
    if estimates is None:
        return []
    forecast, analysis = estimates[0][:1], estimates[1][:1]
    compared = {"analysis": analysis, "forecast": forecast, "free": analysis}
    rows: list[Row] = []
    for track, exact in compared.items():
        if f"{track}/mean" in fields:
            rows += field_rows(
                _WHAT[track], "kalman-filter", context.grid, context.model.layout,
                fields[f"{track}/mean"], fields[f"{track}/spread"], exact,
            )  # fmt: skip
    # what not assimilating this cycle would have given
    rows += field_rows(
        "forecast-mean", "kalman-filter", context.grid, context.model.layout,
        fields["forecast/mean"], fields["forecast-mean/spread"], analysis,
    )  # fmt: skip
    return rows


def _truth_at_withheld(
    context: Context, cycle: int, table: ObservationTable, states: dict[str, np.ndarray]
) -> list[Row]:
    """Score the states where observations were withheld, against the truth there.

    Heavy-tailed errors have no variance, so a root mean square of differences from such
    observations says nothing of the estimate; where there is a truth this does.
    """
    truth, here = context.truth_at(cycle), table.withheld
    if truth is None or not here.size:
        return []
    true = truth.reshape(len(truth), -1)[table.field[here], table.cell[here]]
    rows: list[Row] = []
    for track, values in states.items():
        rows += observation_rows(
            _WHAT.get(track, track), "truth-at-withheld", VARIABLES, table.variable[here], true,
            values[:, here],
        )  # fmt: skip
    return rows


def _observation_scores(table: ObservationTable, scalars: dict[str, np.ndarray]) -> list[Row]:
    predicted = {_WHAT.get(track, track): values for track, values in scalars.items()}
    rows: list[Row] = []
    for against, fate in (("withheld", Fate.WITHHELD), ("assimilated", Fate.ASSIMILATED)):
        here = np.flatnonzero(table.fate == fate)
        if here.size:
            for what, values in predicted.items():
                rows += observation_rows(
                    what, against, VARIABLES, table.variable[here], table.value[here],
                    values[:, here],
                )  # fmt: skip
    return rows
