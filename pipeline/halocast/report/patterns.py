"""What was observed at a few cycles: swaths as cells, drifters as dots."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex, to_rgb
from matplotlib.lines import Line2D

from halocast.report.panels import NARROW, Sheet, Window, outline, transform
from halocast.report.picture import Picture
from halocast.report.style import COLOURS, INK
from halocast.report.view import RunView
from halocast.sources.rows import Fate

SHOWN = (Fate.ASSIMILATED, Fate.WITHHELD)
_WORDS = {Fate.ASSIMILATED: "assimilated", Fate.WITHHELD: "withheld"}


def pattern_maps(view: RunView) -> Picture | None:
    """Draw where there were observations at a few cycles."""
    if not view.observed(fates=SHOWN).any():
        return None
    cycles, window = view.first_middle_last, Window.around(view, NARROW)
    sheet = Sheet(window, 1, 3, footer=0.35)
    for place, cycle in enumerate(cycles):
        axis = sheet.map(place)
        here = view.observed(fates=SHOWN) & (view.observations["cycle"] == cycle)
        above = here & view.observed(view.main_variable)
        _cells(axis, window, view, above)
        platforms = _platforms(axis, window, view, here & ~above)
        outline(axis, window, view)
        axis.set_title(view.moment(cycle).removesuffix(" UTC"))
        axis.text(0.02, 0.02, _count(int(above.sum()), platforms), transform=axis.transAxes,
                  size=8, color=INK, zorder=8, bbox={"facecolor": "white", "alpha": 0.75, "lw": 0,
                                                     "pad": 1.5})  # fmt: skip
    sheet.figure.legend(handles=_handles(view), loc="lower center", ncols=4)
    when = ", ".join(view.moment(c) for c in cycles)
    return Picture.of_map(
        sheet.figure,
        f"Maps of the observations at {when}.",
        "The observations of the first, a middle and the last cycle. Between them the pattern "
        "moves on: what one cycle does not see another may, and the forecast has to carry the news "
        "from one to the next.",
    )


def _count(cells: int, platforms: int) -> str:
    parts = [f"{cells:,} cells seen"] if cells else []
    parts += [f"{platforms:,} drifters"] if platforms else []
    return ", ".join(parts) or "nothing observed"


def _cells(axis: Axes, window: Window, view: RunView, mask: np.ndarray) -> None:
    withheld = view.on_grid(mask, 1.0 * (view.observations["fate"] == Fate.WITHHELD))
    y, x = view.edges
    colours = ListedColormap([_pale(COLOURS[_WORDS[fate]]) for fate in SHOWN])
    axis.pcolormesh(
        x, y, np.ma.masked_invalid(withheld), cmap=colours, vmin=0, vmax=1, rasterized=True,
        zorder=2, **transform(window),
    )  # fmt: skip


def _platforms(axis: Axes, window: Window, view: RunView, mask: np.ndarray) -> int:
    """Draw what is not seen from above, a dot a place; return how many there are."""
    columns, total = view.observations, 0
    for fate in SHOWN:
        here = mask & (columns["fate"] == fate)
        places = np.unique(np.stack([columns["lon"][here], columns["lat"][here]]), axis=1)
        axis.scatter(
            places[0], places[1], s=13, color=COLOURS[_WORDS[fate]], edgecolors="white",
            linewidths=0.5, zorder=6, rasterized=True, **transform(window),
        )  # fmt: skip
        total += places.shape[1]
    return total


def _handles(view: RunView) -> list[Line2D]:
    out = []
    above = view.observed(view.main_variable, SHOWN)
    for fate in SHOWN:
        has = view.observed(fates=(fate,))
        colour = COLOURS[_WORDS[fate]]
        kinds = ((above, "s", _pale(colour), 7, "cells"), (~above, "o", colour, 5, "drifters"))
        for kind, marker, face, size, words in kinds:
            if (has & kind).any():
                out.append(
                    Line2D([], [], linestyle="", marker=marker, color=face, markersize=size,
                           markeredgecolor="white", markeredgewidth=0.4,
                           label=f"{words}, {_WORDS[fate]}")
                )  # fmt: skip
    return out


def _pale(colour: str) -> str:
    red, green, blue = (0.45 + 0.55 * part for part in to_rgb(colour))
    return to_hex((red, green, blue))
