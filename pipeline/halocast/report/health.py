"""How the filter's blocks fared: how many forecasts each analysis rests on, what it learned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.report.panels import Sheet, Window, fill
from halocast.report.picture import Picture
from halocast.report.style import COLOURS, HEIGHT_MAP
from halocast.report.view import RunView

MEANING = {
    "observations": "observations seen, those of the halo included",
    "ess": "effective number of ancestors",
    "mass_log": "log likelihood of the observations, relative to a perfect fit",
    "bridge": "share of the ensemble's covariance in the kernel (0: the paper's, 1: all of it)",
    "signal": "degrees of freedom for signal: numbers learned from the observations, of a cell",
    "rejected": "observations the filter's background check rejected",
    "acceptance": "share of the chains' proposals that were accepted",
    "r_hat": "R-hat of the chains (near 1 where they agree)",
    "chain_ess": "effective number of the chains' samples",
    "distinct": "distinct ancestors the chains visited",
    "fallback": "blocks whose chains did not mix and that another sampler took over (1: yes)",
}


class Subject(NamedTuple):
    """A diagnostic that is drawn: its heading, its unit, what it says."""

    heading: str
    unit: str
    says: str


SUBJECTS = {
    "ess": Subject(
        "Effective number of ancestors",
        "members",
        "Each block's members descend from forecasts chosen by how well they explain the "
        "observations around; the effective number of ancestors says how many forecasts share "
        "that work. Values near 1 mean that a single forecast decided the block (many or very "
        "exact observations); near the number of members, that the observations hardly told the "
        "forecasts apart.",
    ),
    "signal": Subject(
        "Degrees of freedom for signal",
        "numbers",
        "Degrees of freedom for signal say how many independent numbers the observations around a "
        "cell have told it: 0 where they said nothing new, at most one less than the members. "
        "Values near that bound mean that more was observed than the ensemble has directions for.",
    ),
    "bridge": Subject(
        "Share of the ensemble's covariance",
        "share",
        "The bridge's kernel lies between the model noise of one step (0, the paper's filter) and "
        "the localized covariance of the ensemble (1); each block takes the least that leaves it "
        "enough ancestors.",
    ),
}


def block_chart(view: RunView) -> Picture | None:
    """Draw what the blocks' diagnostics say of the filter, as maps and as histograms.

    Maps only where blocks stay the same from cycle to cycle.
    """
    health, busy = view.health, _busy(view.health)
    names = _drawn(health)
    if not names:
        return None
    cells, cycle = view.block_of_cell, view.busiest_cycle
    columns = 1 if cells is None else 2
    sheet = Sheet(Window.around(view), len(names), columns, width=6.0 * columns)
    for row, name in enumerate(names):
        subject, values = SUBJECTS[name], health[name]
        known = values[busy & np.isfinite(values)]
        top = 1.0 if name == "bridge" else max(float(known.max()), 1.0)
        if cells is not None:
            mapped = np.where(busy[cycle], values[cycle], np.nan)[cells]
            mapped[~view.sea] = np.nan
            fill(sheet.map(2 * row), sheet.window, view, mapped, HEIGHT_MAP, (0.0, top),
                 subject.unit, subject.heading)  # fmt: skip
        axis = sheet.chart(columns * row + columns - 1)
        axis.hist(known, bins=25, range=(0, top), color=COLOURS["analysis"], rwidth=0.9)
        axis.set(xlabel=subject.heading.lower(), ylabel="blocks with observations")
        axis.set_title("All cycles")
        axis.grid(axis="x", visible=False)
    headings = " and ".join(SUBJECTS[name].heading.lower() for name in names)
    where = (
        f"Left: the blocks that saw observations at {view.moment(cycle)}. Right: all blocks of all "
        "cycles that did."
        if cells is not None
        else "All blocks of all cycles that saw observations."
    )
    return Picture.of_map(
        sheet.figure,
        f"{'Maps and histograms' if cells is not None else 'Histograms'} of the blocks' "
        f"{headings}.",
        " ".join([SUBJECTS[name].says for name in names] + [where]),
    )


def _drawn(health: dict[str, np.ndarray]) -> list[str]:
    """Names of the diagnostics worth a drawing: those that differ from block to block."""
    busy = _busy(health)
    found = []
    for name in SUBJECTS.keys() & health.keys():
        known = health[name][busy]
        if np.unique(known[np.isfinite(known)]).size > 1:
            found.append(name)
    return sorted(found, key=list(SUBJECTS).index)


def _busy(health: dict[str, np.ndarray]) -> np.ndarray:
    """Mask of the blocks that saw observations, shape (n_cycles, n_blocks).

    A block that a cycle's partition does not have is NaN, and not among them.
    """
    seen = health.get("observations")
    return np.zeros((0, 0), bool) if seen is None else np.asarray(seen) > 0


def health_table(view: RunView) -> list[dict[str, str | float]]:
    """Mean, median and extremes of each diagnostic over the blocks that saw observations."""
    health, busy = view.health, _busy(view.health)
    order = [name for name in MEANING if name in health]
    rows: list[dict[str, str | float]] = []
    for name in order + sorted(health.keys() - MEANING.keys()):
        values = np.asarray(health[name], float)
        known = values[busy & np.isfinite(values)] if busy.size else values[:0]
        if known.size:
            low, middle, high = (float(q) for q in np.quantile(known, [0.05, 0.5, 0.95]))
            words = MEANING.get(name, name.replace("_", " "))
            rows.append(
                {
                    "name": words,
                    "mean": float(known.mean()),
                    "low": low,
                    "middle": middle,
                    "high": high,
                }
            )
    return rows
