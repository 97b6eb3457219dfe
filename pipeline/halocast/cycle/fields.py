"""The fields of a cycle: put together, scored and written, some variables by each writer.

A writer gets its variables' means, spreads and scores of cells from all groups. An array of the
store holds one variable, so that writers write, compress and sum up different arrays at one time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.cycle.parts import Fields, Written
from halocast.diagnostics import field_rows
from halocast.state import StateLayout

LITTLE = 2_000_000  # scalars of a state that one writer writes in no time

# how a track is called in the scores, and its group in the store
TRACKS = {"analysis": "analysis", "forecast": "forecast", "free": "free-run"}
_GROUPS = {"analysis": "analysis", "forecast": "forecast", "free": "free_run"}


class Writer(NamedTuple):
    """Some variables, and the numbers of their fields, rising."""

    variables: tuple[str, ...]
    numbers: tuple[int, ...]


def share_out(layout: StateLayout, n_cells: int, places: int) -> list[Writer]:
    """Share out the variables of a state among at most ``places`` writers, evenly by fields."""
    fields = layout.variables()
    count = 1 if len(layout) * n_cells <= LITTLE else min(places, len(fields))
    loads: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(fields, key=lambda name: -len(fields[name])):
        min(loads, key=lambda names: sum(len(fields[n]) for n in names)).append(name)
    return [
        Writer(tuple(names), tuple(sorted(i for name in names for i in fields[name])))
        for names in loads
    ]


def write(
    directory: str,
    cycle: int,
    writer: Writer,
    estimates: tuple[np.ndarray, np.ndarray] | None,
    *shares: Fields,
) -> Written:
    """Score and write some variables' fields of a cycle.

    ``shares`` are what all groups have kept of these fields; ``estimates`` the exact filter's
    forecast and analysis, mean and variance (2, ny, nx) each, where it runs.
    """
    context = load_context(directory)
    fields = _assemble(context, writer.numbers, shares)
    layout = StateLayout(tuple(context.model.layout.fields[i] for i in writer.numbers))
    comparisons = [
        *_with_truth(context, cycle, writer.numbers, fields),
        *_with_reference(fields, estimates),
    ]
    scores = {}
    for place, compared in enumerate(comparisons):
        rows = field_rows(compared.what, compared.against, context.grid, layout, *compared.fields)
        scores.update({(place, i): row for i, row in zip(writer.numbers, rows, strict=True)})
    groups = {
        f"{_GROUPS[track]}/{statistic}": fields[f"{track}/{statistic}"]
        for track in _GROUPS
        for statistic in ("mean", "spread")
        if f"{track}/mean" in fields
    }
    if estimates is not None:
        groups["kalman_filter/mean"] = estimates[1][:1]
        groups["kalman_filter/spread"] = np.sqrt(estimates[1][1:])
    digests: dict[str, str] = {}
    for variable in writer.variables:
        mine = [writer.numbers.index(i) for i in context.model.layout.variables()[variable]]
        digests |= context.store.write_fields(
            cycle, variable, {group: values[mine] for group, values in groups.items()}
        )
    return Written(digests, scores)


def _assemble(
    context: Context, numbers: Sequence[int], shares: Sequence[Fields]
) -> dict[str, np.ndarray]:
    """Put the groups' parts together to whole fields (k, ny, nx)."""
    out = {name: np.empty((len(numbers), context.grid.n_cells)) for name in shares[0].values}
    for share in shares:
        for name, values in share.values.items():
            out[name][:, share.cells] = values
    return {name: values.reshape(-1, *context.grid.shape) for name, values in out.items()}


class _Compared(NamedTuple):
    """``fields`` are mean, spread, what both are held against, and perhaps scores of cells."""

    what: str
    against: str
    fields: tuple[np.ndarray, ...]


def _with_truth(
    context: Context, cycle: int, numbers: Sequence[int], fields: dict[str, np.ndarray]
) -> Iterator[_Compared]:
    truth = context.truth_at(cycle)
    if truth is None:
        return
    true = truth[list(numbers)]
    for track, what in TRACKS.items():
        if f"{track}/mean" in fields:
            mean, spread, crps = (fields[f"{track}/{name}"] for name in ("mean", "spread", "crps"))
            yield _Compared(what, "truth", (mean, spread, true, crps))
    spread, crps = fields["forecast-mean/spread"], fields["forecast-mean/crps"]
    yield _Compared("forecast-mean", "truth", (fields["forecast/mean"], spread, true, crps))


def _with_reference(
    fields: dict[str, np.ndarray], estimates: tuple[np.ndarray, np.ndarray] | None
) -> Iterator[_Compared]:
    if estimates is None:
        return
    forecast, analysis = estimates[0][:1], estimates[1][:1]
    exact = {"analysis": analysis, "forecast": forecast, "free": analysis}
    for track, what in TRACKS.items():
        if f"{track}/mean" in fields:
            mean, spread = fields[f"{track}/mean"], fields[f"{track}/spread"]
            yield _Compared(what, "kalman-filter", (mean, spread, exact[track]))
    # what not assimilating this cycle would have given
    spread = fields["forecast-mean/spread"]
    yield _Compared("forecast-mean", "kalman-filter", (fields["forecast/mean"], spread, analysis))
