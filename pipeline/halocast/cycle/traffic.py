"""What a run moved between ranks, held against the least that it could.

m members of F fields on n cells live on B ranks and are updated in G groups of blocks, one a rank.
Of a member's state the group that is on its own rank stays where it is; the rest goes there and
comes back, of the free run too. So each way, each cycle, 8 m F n (1 - 1 / max(B, G)) bytes at
least; once more one way for noise that was drawn as whole fields (correlated). And the (member x
observation) table goes to the groups, each row to one: 8 m p (1 - 1 / max(B, G)) bytes; G times as
much where a method sees all observations everywhere.

What is moved beyond are rows that several groups see, the cycle's observations, as they were
prepared, and what is kept of an update: means, spreads, scores.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from halocast.cycle.context import Context, load_context
from halocast.engines.base import Engine
from halocast.filters import FILTERS
from halocast.stores.places import locate

log = logging.getLogger(__name__)

_BEGINNING = ("perturb", "add", "initial", "restore")  # how members begin: once, not every cycle


class Traffic(NamedTuple):
    """Bytes a cycle: what was moved, by kind of result, and the least there is to move."""

    moved: dict[str, float]
    least: dict[str, float]

    @property
    def ratio(self) -> float:
        """How many times the least was moved; 1 where nothing had to be."""
        least = sum(self.least.values())
        return sum(self.moved.values()) / least if least else 1.0

    def __str__(self) -> str:
        return (
            f"moved between ranks, a cycle: {_megabytes(self.moved)}; at least: "
            f"{_megabytes(self.least)}; ratio {self.ratio:.2f}"
        )


def _megabytes(parts: Mapping[str, float]) -> str:
    named = ", ".join(f"{kind} {nbytes / 1e6:.3g}" for kind, nbytes in parts.items())
    return f"{sum(parts.values()) / 1e6:.4g} MB ({named})"


class Sizes(NamedTuple):
    """The numbers of the module's formula; ``rows`` are the observations a cycle, in the mean."""

    members: int
    fields: int
    cells: int
    tracks: int
    rows: float
    batches: int
    groups: int
    correlated_noise: bool
    sees_all: bool = False


def least_bytes(sizes: Sizes) -> dict[str, float]:
    """Return the bytes a cycle that must be moved, by what they are."""
    away = 1 - 1 / max(sizes.batches, sizes.groups)
    states = 8.0 * sizes.members * sizes.fields * sizes.cells * away
    copies = sizes.groups if sizes.sees_all else 1
    table = 8.0 * sizes.members * sizes.rows * copies * away
    least = {"to groups": sizes.tracks * states, "back": sizes.tracks * states}
    if sizes.correlated_noise:
        return {**least, "noise": states, "observations": 2 * table}
    return {**least, "observations": table}


def traffic(starts: Sequence[Mapping[str, int]], cycles: int, sizes: Sizes) -> Traffic:
    """Sum up what the starts of a run of some cycles have moved."""
    moved: dict[str, float] = {}
    for start in starts:
        for kind, nbytes in start.items():
            if kind in _BEGINNING:
                continue
            moved[kind] = moved.get(kind, 0.0) + nbytes / cycles
    return Traffic(moved, least_bytes(sizes))


def log_traffic(directory: str | Path, engine: Engine) -> None:
    """Log what an engine that counts (MPI's) has moved for the run in a folder, cycle by cycle."""
    starts: Sequence[Mapping[str, int]] = getattr(engine, "moved", ())
    if len(starts) and engine.places > 1:
        context = load_context(str(locate(directory)))
        found = traffic(starts, len(starts), _sizes(context, engine.places, len(starts)))
        data = {"moved": found.moved, "least": found.least, "ratio": found.ratio}
        log.info(str(found), extra={"event": "traffic", "data": data})


def _sizes(context: Context, places: int, cycles: int) -> Sizes:
    """Return the sizes of a run; rows are those of its last cycles."""
    settings, last = context.settings, context.store.committed()
    rows = [
        context.store.commit_record(cycle)["observations"]
        for cycle in range(max(1, last - cycles + 1), last + 1)
    ]
    return Sizes(
        members=settings.ensemble.members,
        fields=len(context.model.layout),
        cells=context.grid.n_cells,
        tracks=2 if settings.free_run else 1,
        rows=sum(rows) / max(1, len(rows)),
        batches=min(places, settings.ensemble.members),
        groups=min(settings.engine.groups or places, places, context.blocks.n_blocks),
        correlated_noise=context.noise.correlated,
        sees_all=FILTERS[settings.filter.method].sees_all,
    )
