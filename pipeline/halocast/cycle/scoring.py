"""The record of a cycle: the observation table with what was predicted, the scores.

Fields are written and scored elsewhere (``halocast.cycle.fields``).

Every run scores the forecast (before the update), the analysis and the free run, against the truth
where there is one, against withheld observations, and against those just assimilated (a fit, not an
error). Everything is put in the order of cells and table rows first, so that sums do not depend on
how the work was shared out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.cycle.fields import TRACKS
from halocast.cycle.joining import with_fates
from halocast.cycle.parts import Prepared, Statistics, Written
from halocast.diagnostics import Row, observation_rows
from halocast.observations import VARIABLES, ObservationTable, settle_fates
from halocast.observations.operators import observe
from halocast.sources.rows import Fate
from halocast.stores.run_store import CycleRecord

if TYPE_CHECKING:
    from halocast.samplers.chains import ChainTrace


def record(
    directory: str, cycle: int, prepared: Prepared, writers: int, *parts: Written | Statistics
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write everything a cycle leaves behind that is not a field; return its summary and digests.

    ``parts`` are what ``writers`` writers of fields have done, then what each group has kept. The
    digests are those of all the cycle's arrays.
    """
    context = load_context(directory)
    written = [part for part in parts[:writers] if isinstance(part, Written)]
    kept = tuple(part for part in parts[writers:] if isinstance(part, Statistics))
    table = with_fates(prepared.table, kept)
    states = _scalars(table, kept)
    scalars = {
        track: observe(values, table.operator, table.operator_center, table.operator_scale)
        for track, values in states.items()
    }
    of_fields = {place: row for part in written for place, row in part.scores.items()}
    scores = [
        *(of_fields[place] for place in sorted(of_fields)),
        *_truth_at_withheld(context, cycle, table, states),
        *_observation_scores(table, scalars),
    ]
    digests = context.store.write_cycle(
        cycle,
        CycleRecord(
            None,
            _columns(table, scalars),
            (prepared.first_row, _fates(prepared, table)),
            _health(context, kept),
            scores,
            _busiest_trace(kept),
        ),
    )
    for part in written:
        digests.update(part.digests)
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
    counts = {
        TRACKS[track]: len(states[track]) for track in ("analysis", "free") if track in states
    }
    if min(counts.values()) < context.settings.ensemble.members:
        found["members"] = counts
    return found


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
    for track in TRACKS.keys() & scalars.keys():
        values = scalars[track]
        columns[f"{track}_mean"] = values.mean(axis=0)
        columns[f"{track}_spread"] = values.std(axis=0)
    return columns


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
            TRACKS.get(track, track), "truth-at-withheld", VARIABLES, table.variable[here], true,
            values[:, here],
        )  # fmt: skip
    return rows


def _observation_scores(table: ObservationTable, scalars: dict[str, np.ndarray]) -> list[Row]:
    predicted = {TRACKS.get(track, track): values for track, values in scalars.items()}
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
