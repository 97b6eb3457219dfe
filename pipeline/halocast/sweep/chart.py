"""The picture of a sweep: a map over two keys, a curve over one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from halocast.diagnostics.summary import against_label, label, number, what_label, with_unit
from halocast.report.style import COLOURS, HEAT_MAP, house_style, png
from halocast.sweep.outcome import Outcome, Score

_MOST_NUMBERS = 200  # cells that still get their number written in


def write_chart(path: Path, outcomes: Sequence[Outcome], score: Score) -> bool:
    """Draw the sweep to a PNG file; False where it varies neither one key nor two."""
    keys = list(outcomes[0].values)
    if len(keys) not in (1, 2):
        return False
    with house_style():
        figure = _curve(outcomes, score) if len(keys) == 1 else _map(outcomes, score)
        path.write_bytes(png(figure))
    return True


def _title(score: Score) -> str:
    name, unit = label(score.variable)
    words = what_label(score.what, score.against)
    return f"{with_unit(name, unit)}: RMSE of the {words}\nagainst {against_label(score.against)}"


def _distinct(values: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(map(str, values)))


def _map(outcomes: Sequence[Outcome], score: Score) -> Figure:
    down, across = outcomes[0].values
    rows = _distinct([o.values[down] for o in outcomes])
    columns = _distinct([o.values[across] for o in outcomes])
    values = np.full((len(rows), len(columns)), np.nan)
    for o in outcomes:
        values[rows.index(str(o.values[down])), columns.index(str(o.values[across]))] = o.value(
            score
        )
    figure = Figure(figsize=(2.2 + 0.62 * len(columns), 1.7 + 0.42 * len(rows)))
    axes = figure.add_subplot()
    axes.grid(False)
    shown = axes.imshow(np.log10(values), cmap=HEAT_MAP.reversed(), aspect="auto", origin="lower")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel=across, ylabel=down, title=_title(score))
    if np.isfinite(values).any():
        best = np.unravel_index(np.nanargmin(values), values.shape)
        if values.size <= _MOST_NUMBERS:
            low, high = shown.get_clim()
            for (j, i), value in np.ndenumerate(values):
                dark = np.isfinite(value) and np.log10(value) > 0.5 * (low + high)
                axes.text(
                    i, j - 0.18, number(value), ha="center", va="center", fontsize=6.5,
                    color="white" if dark else "#1f2a33",
                )  # fmt: skip
        axes.plot(best[1], best[0] + 0.22, marker="*", ms=10, color="white", mec="#1f2a33")
    figure.tight_layout()
    return figure


def _curve(outcomes: Sequence[Outcome], score: Score) -> Figure:
    (key,) = outcomes[0].values
    x = [o.values[key] for o in outcomes]
    y = np.array([o.value(score) for o in outcomes])
    numeric = all(isinstance(v, int | float) for v in x)
    places = np.array(x, dtype=float) if numeric else np.arange(len(x), dtype=float)
    figure = Figure(figsize=(6.0, 3.4))
    axes = figure.add_subplot()
    axes.plot(places, y, marker="o", color=COLOURS["analysis"])
    if not numeric:
        axes.set_xticks(places, [str(v) for v in x])
    if np.isfinite(y).any():
        best = int(np.nanargmin(y))
        axes.plot(places[best], y[best], marker="*", ms=14, color=COLOURS["withheld"])
    axes.set(xlabel=key, ylabel="RMSE", title=_title(score))
    figure.tight_layout()
    return figure
