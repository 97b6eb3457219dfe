"""Independent runs on the same data, averaged (LSMCMC paper, Remark 4.1).

M runs that differ in nothing but their seed estimate the same; the mean of their estimates has less
Monte-Carlo error. Cost: reading the analysis means of all runs once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.diagnostics import Row, field_rows, summarise
from halocast.errors import RunError
from halocast.runs import setting_differences
from halocast.stores.places import locate
from halocast.stores.run_store import read_texts


def average_scores(directories: Sequence[str | Path]) -> list[Row]:
    """Score the mean of several runs' analyses as a run's analysis is scored.

    Parameters
    ----------
    directories
        Folders of runs that differ in their seed only. The cycles that all have committed count.

    Raises
    ------
    RunError
        The runs differ in more than their seed, none of their cycles is common, or there is
        neither a truth nor a reference to score against.
    """
    for directory in directories:
        read_texts(directory)  # says what is wrong where there is no run
    contexts = [load_context(str(locate(d))) for d in directories]
    _require_replicates(contexts)
    cycles = min(c.store.committed() for c in contexts)
    if cycles == 0:
        raise RunError("the runs have no committed cycle in common")
    rows = [_cycle_rows(contexts, cycle) for cycle in range(1, cycles + 1)]
    if not any(rows):
        raise RunError(
            "there is neither a truth nor an exact filter to score the mean against",
            where=str(directories[0]),
        )
    return summarise(rows)


def _require_replicates(contexts: Sequence[Context]) -> None:
    first = contexts[0].settings
    seeds = [c.settings.seed for c in contexts]
    if len(set(seeds)) < len(seeds):
        raise RunError(
            f"the seeds of the runs are {', '.join(map(str, seeds))}: nothing to average",
            remedy="give each run a seed of its own: --set seed=2",
        )
    for context in contexts[1:]:
        differences = [
            d for d in setting_differences(first, context.settings) if not d.startswith("seed:")
        ]
        if differences:
            raise RunError(
                "the runs differ in more than their seed:\n"
                + "\n".join(f"  - {d}" for d in differences),
                where=str(context.place),
                remedy="average runs of one run file with other seeds: --set seed=2",
            )


def _cycle_rows(contexts: Sequence[Context], cycle: int) -> list[Row]:
    one = contexts[0]
    mean = np.mean([read_fields(c, cycle, "analysis/mean") for c in contexts], axis=0)
    against = {}
    truth = one.truth_at(cycle)
    if truth is not None:
        against["truth"] = truth
    if one.settings.reference is not None:
        against["kalman-filter"] = read_fields(one, cycle, "kalman_filter/mean")
    rows: list[Row] = []
    for name, true in against.items():
        rows += field_rows("analysis", name, one.grid, one.model.layout, mean, None, true)
    return rows


def read_fields(context: Context, cycle: int, group: str) -> np.ndarray:
    """Read all fields of one of a cycle's groups, in the order of the state, (F, ny, nx)."""
    layout = context.model.layout
    layers = sorted({f.layer for f in layout.fields if f.layer is not None})
    out = np.empty((len(layout), *context.grid.shape))
    stored = {v: context.store.read_array(cycle, f"{group}/{v}") for v in layout.variables()}
    for i, field in enumerate(layout.fields):
        values = stored[field.variable]
        out[i] = values if field.layer is None else values[layers.index(field.layer)]
    return out
