"""Maps of where the observations were and what became of them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from halocast.diagnostics.summary import label
from halocast.report.maps import capital
from halocast.report.panels import Sheet, Window, outline, transform
from halocast.report.picture import Picture
from halocast.report.style import COLOURS
from halocast.report.view import RunView
from halocast.sources.rows import VARIABLES, Fate

FATE_STYLE = {
    Fate.ASSIMILATED: ("assimilated", COLOURS["assimilated"], "o"),
    Fate.WITHHELD: ("withheld", COLOURS["withheld"], "s"),
    Fate.GROSS_ERROR: ("rejected: too far from the forecast", COLOURS["rejected"], "X"),
}
DRAWN = tuple(FATE_STYLE)
MANY = 30_000  # observations that still can be told apart on a map


def observation_maps(view: RunView) -> Picture | None:
    """Draw the observations by fate: what is seen from above, and what drifts."""
    names = [v for v in VARIABLES if view.observed(v, DRAWN).any()]
    if not names:
        return None
    groups = [
        group
        for group in (
            [v for v in names if v == view.main_variable],
            [v for v in names if v != view.main_variable],
        )
        if group
    ]
    shown = view.observed(fates=DRAWN)
    whole = int(shown.sum()) <= MANY
    if not whole:
        shown &= view.observations["cycle"] == view.busiest_cycle
    window = Window.around(view)
    sheet = Sheet(window, 1, len(groups), width=12.0 if len(groups) > 1 else 7.0, footer=0.35)
    for axis, group in zip(sheet.maps(), groups):
        mask = shown & np.any([view.observed(v) for v in group], axis=0)
        _scatter(axis, window, view, mask)
        axis.set_title(f"{capital(_together(group))}: {int(mask.sum()):,} observations")
    present = [f for f in DRAWN if (view.observed(fates=(f,)) & shown).any()]
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=5, label=words)
        for words, colour, marker in (FATE_STYLE[f] for f in present)
    ]
    sheet.figure.legend(handles=handles, loc="lower center", ncols=3)
    when = "all cycles" if whole else f"the cycle that had most ({view.moment(view.busiest_cycle)})"
    return Picture.of_map(
        sheet.figure,
        f"Map of the observations of {when}, coloured by fate.",
        _caption(view, when, present),
    )


def _together(variables: list[str]) -> str:
    if len(variables) == 1:
        return label(variables[0])[0]
    return " and ".join(sorted({label(v)[0].split()[-1] for v in variables}))


def _caption(view: RunView, when: str, present: list[Fate]) -> str:
    words = [f"Where the observations of {when} were. Blue ones were assimilated"]
    if Fate.WITHHELD in present:
        whole = " (whole satellite passes or whole drifters)" if view.geographic else ""
        words.append(f"orange ones{whole} were withheld and serve to judge the result")
    if Fate.GROSS_ERROR in present:
        words.append("crosses were too far from the forecast to be believed")
    return "; ".join(words) + "."


def _scatter(axis: Axes, window: Window, view: RunView, mask: np.ndarray) -> None:
    columns = view.observations
    for fate, (_, colour, marker) in FATE_STYLE.items():
        here = mask & (columns["fate"] == fate)
        axis.scatter(
            columns["lon"][here], columns["lat"][here], s=16 if marker == "X" else 5, color=colour,
            marker=marker, linewidths=0, alpha=0.85, zorder=4 + (fate == Fate.GROSS_ERROR),
            rasterized=True, **transform(window),
        )  # fmt: skip
    outline(axis, window, view)
