"""The run in one sentence: how much closer the analysis is than the free run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from halocast.diagnostics import Row
from halocast.diagnostics.summary import against_label, label

GROUPS = {"ssh": ("ssh",), "current": ("u", "v"), "t": ("t",), "z": ("z",)}
NAMES = {
    "ssh": "sea-surface height",
    "current": "surface currents",
    "t": "surface temperature",
    "z": "the state",
}
JUDGES = ("kalman-filter", "truth", "truth-at-withheld", "withheld")
NEGLIGIBLE = 0.005


@dataclass(frozen=True)
class Gain:
    """What assimilation did to one quantity: rmse of the free run and of the analysis.

    ``gain`` is the part of the free run's rmse that is gone; negative where it grew.
    """

    group: str
    unit: str
    against: str
    free: float
    analysis: float

    @property
    def name(self) -> str:
        """What the quantity is called."""
        return NAMES[self.group]

    @property
    def gain(self) -> float:
        """1 - analysis / free."""
        return 1 - self.analysis / self.free


def gains(rows: Sequence[Row]) -> list[Gain]:
    """Compare analysis and free run in each quantity, against everything that is not a fit."""
    rmse = {(r["against"], r["what"], r["variable"]): r["rmse"] for r in rows}
    out = []
    for against in JUDGES:
        for group, variables in GROUPS.items():
            free, analysis = (
                _together([rmse.get((against, what, v), np.nan) for v in variables])
                for what in ("free-run", "analysis")
            )
            if np.isfinite(free) and np.isfinite(analysis) and free > 0:
                unit = label(variables[0])[1]
                out.append(Gain(group, unit, against, free, analysis))
    return out


def _together(values: list[float]) -> float:
    return float(np.sqrt(np.sum(np.square(values))))


def verdict(rows: Sequence[Row]) -> str:
    """Say in a sentence whether assimilation helped, by its first judge."""
    found = gains(rows)
    if not found:
        if not rows:
            return "This run has no scores yet."
        return "There is no free run to hold the analysis against: see the scores below."
    first = [g for g in found if g.against == found[0].against]
    better = [g for g in first if g.gain > NEGLIGIBLE]
    worse = [g for g in first if g.gain < -NEGLIGIBLE]
    level = [g for g in first if abs(g.gain) <= NEGLIGIBLE]
    parts = []
    if better:
        parts.append("lowers the error of " + _list([_words(g) for g in better]))
    if worse:
        parts.append("raises the error of " + _list([_words(g) for g in worse]))
    if level:
        parts.append("leaves " + _list([g.name for g in level]) + " as it is")
    against = against_label(first[0].against)
    article = "" if against.endswith("observations") else "the "
    deed = "; it ".join(parts)
    return (
        f"Against {article}{against}, assimilation {deed}, "
        "compared with the same ensemble run freely."
    )


def _words(gain: Gain) -> str:
    return f"{gain.name} by {abs(gain.gain):.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
