"""Fields at the first, a middle and the last cycle, beside what they are held against."""

from __future__ import annotations

import numpy as np

from halocast.diagnostics.summary import label
from halocast.report.maps import capital
from halocast.report.panels import NARROW, Sheet, Window, fill, plain_limits, symmetric_limits
from halocast.report.picture import Picture
from halocast.report.style import DIFFERENCE_MAP, HEAT_MAP, HEIGHT_MAP
from halocast.report.view import KELVIN, RunView
from halocast.sources.rows import VARIABLES

_OTHERS = {
    "truth": "truth",
    "kalman-filter": "exact Kalman filter",
    "free-run": "free run",
    "forecast": "forecast",
}
_MAPS = {"t": HEAT_MAP, "u": DIFFERENCE_MAP, "v": DIFFERENCE_MAP}


def field_maps(view: RunView) -> list[Picture]:
    """Draw each surface variable that can be observed: analysis, reference, difference."""
    return [_field_map(view, v) for v in VARIABLES if v in view.variables]


def _field_map(view: RunView, variable: str) -> Picture:
    other = view.reference or ("free-run" if view.has_free_run else "forecast")
    name, unit = label(variable)
    cycles = view.first_middle_last
    analyses = [view.field("analysis", "mean", variable, c) for c in cycles]
    others = [_other(view, other, variable, c) for c in cycles]
    differences = [a - o for a, o in zip(analyses, others)]
    shown = unit
    if variable == "t" and np.nanmax(analyses[0]) > 150:
        analyses, others, shown = [a - KELVIN for a in analyses], [o - KELVIN for o in others], "°C"
    swings = variable in ("u", "v")
    limits = (symmetric_limits if swings else plain_limits)(*analyses, *others)
    apart = symmetric_limits(*differences)
    sheet, words = Sheet(Window.around(view, NARROW), len(cycles), 3), _OTHERS[other]
    for row, cycle in enumerate(cycles):
        when = view.moment(cycle).removesuffix(" UTC")
        columns = (
            (f"Analysis, {when}", analyses[row], _MAPS.get(variable, HEIGHT_MAP), limits, shown),
            (capital(words), others[row], _MAPS.get(variable, HEIGHT_MAP), limits, shown),
            (f"Analysis minus {words}", differences[row], DIFFERENCE_MAP, apart, unit),
        )
        for column, (title, values, colours, ends, units) in enumerate(columns):
            axis = sheet.map(3 * row + column)
            fill(axis, sheet.window, view, values, colours, ends, units, title)
    moments = ", ".join(view.moment(c) for c in cycles)
    judged = (
        "the paler the right column stays from top to bottom, the better the analysis has followed"
        if view.reference
        else "the right column is what assimilation has changed: there is no truth to judge it by"
    )
    return Picture.of_map(
        sheet.figure,
        f"Maps of {name}: analysis, {words} and their difference at {moments}.",
        f"{capital(name)} at the first, a middle and the last cycle: the analysis, the {words}, "
        f"and their difference, on one colour scale a column; {judged}.",
    )


def _other(view: RunView, other: str, variable: str, cycle: int) -> np.ndarray:
    if view.reference is not None:
        return view.reference_field(variable, cycle)
    return view.field(other, "mean", variable, cycle)
