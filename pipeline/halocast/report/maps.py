"""The maps of the report: the state, what one analysis did, and errors."""

from __future__ import annotations

import numpy as np

from halocast.diagnostics.summary import label, with_unit
from halocast.report.panels import (
    Sheet,
    Window,
    arrows,
    fill,
    plain_limits,
    spread_limits,
    symmetric_limits,
    transform,
)
from halocast.report.picture import Picture
from halocast.report.style import (
    COLOURS,
    DIFFERENCE_MAP,
    GAIN_MAP,
    HEAT_MAP,
    HEIGHT_MAP,
    SPREAD_MAP,
)
from halocast.report.view import KELVIN, RunView
from halocast.sources.rows import Fate


def capital(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]


def _mapped(view: RunView) -> list[str]:
    return [view.main_variable] + (["t"] if "t" in view.variables else [])


def state_maps(view: RunView) -> Picture:
    """Draw the last analysis and its spread."""
    window, cycle, variables = Window.around(view), view.n_cycles - 1, _mapped(view)
    sheet = Sheet(window, len(variables), 2)
    axes = sheet.maps()
    for k, variable in enumerate(variables):
        name, unit = label(variable)
        mean = view.field("analysis", "mean", variable, cycle)
        if variable == "t" and np.nanmax(mean) > 150:
            mean, shown = mean - KELVIN, "°C"
        else:
            shown = unit
        colours = HEAT_MAP if variable == "t" else HEIGHT_MAP
        fill(axes[2 * k], window, view, mean, colours, plain_limits(mean), shown, capital(name))
        deviation = view.field("analysis", "spread", variable, cycle)
        title = f"Uncertainty of {name}"
        fill(
            axes[2 * k + 1],
            window,
            view,
            deviation,
            SPREAD_MAP,
            spread_limits(deviation),
            unit,
            title,
        )
    currents = ""
    if view.has_currents:
        arrows(axes[0], window, view, *view.currents("analysis", cycle))
        currents = " with surface currents as arrows"
    names = " and ".join(label(v)[0] for v in variables)
    when = view.moment(cycle)
    return Picture.of_map(
        sheet.figure,
        f"Maps of the analysed {names}{currents} and of their ensemble spread at {when}.",
        f"Left: the last analysis ({when}), the mean of the ensemble{currents}. Right: the "
        "ensemble's standard deviation, dark where the analysis knows least; the light lanes are "
        "where observations have been.",
    )


def update_maps(view: RunView) -> Picture | None:
    """Draw what one analysis did: innovations, increment, change of spread."""
    variable, cycle = view.main_variable, view.busiest_cycle
    columns = view.observations
    here = view.observed(variable, (Fate.ASSIMILATED, Fate.WITHHELD)) & (columns["cycle"] == cycle)
    if not here.any():
        return None
    window, (name, unit) = Window.around(view), label(variable)
    sheet = Sheet(window, 1, 3)
    axes = sheet.maps()
    innovation = columns["value"] - columns["forecast_mean"]
    before = view.field("forecast", "mean", variable, cycle)
    increment = view.field("analysis", "mean", variable, cycle) - before
    seen, limits = view.on_grid(here, innovation), symmetric_limits(innovation[here])
    fill(axes[0], window, view, seen, DIFFERENCE_MAP, limits, view.observed_unit(variable),
         "Observation minus forecast")  # fmt: skip
    withheld = here & (columns["fate"] == Fate.WITHHELD)
    axes[0].scatter(
        columns["lon"][withheld], columns["lat"][withheld], s=0.5, linewidths=0,
        color=COLOURS["withheld"], zorder=4, rasterized=True, **transform(window),
    )  # fmt: skip
    if view.transformed(variable):  # what was observed is no value of it: a scale of its own
        limits = symmetric_limits(increment)
    fill(axes[1], window, view, increment, DIFFERENCE_MAP, limits, unit, "Analysis minus forecast")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = view.field("analysis", "spread", variable, cycle) / view.field(
            "forecast", "spread", variable, cycle
        )
    fill(axes[2], window, view, 100 * (1 - ratio), SPREAD_MAP, (0.0, 100.0), "%",
         "Uncertainty removed")  # fmt: skip
    when = view.moment(cycle)
    dots = " (orange dots: withheld, not used)" if withheld.any() else ""
    return Picture.of_map(
        sheet.figure,
        f"Three maps for {when}: innovations of {name}, the increment, and how much of the spread "
        "the analysis removed.",
        f"One analysis at work, the cycle with most observations ({when}). Left: how far each "
        f"observed {name} is from the forecast{dots}. Middle: what the analysis changed; it should "
        "repeat the left map where there are observations, weaker where they are uncertain, and "
        "leave the rest alone. Right: the part of the forecast's spread that was removed.",
    )


def error_maps(view: RunView) -> Picture | None:
    """Draw errors of the free run and of the analysis, or their difference without a reference."""
    if view.reference is None:
        return _change_map(view) if view.has_free_run else None
    window, cycle, variables = Window.around(view), view.n_cycles - 1, _mapped(view)
    what = "truth" if view.reference == "truth" else "exact Kalman filter"
    tracks = (["free-run"] if view.has_free_run else []) + ["analysis"]
    columns = len(tracks) + (len(tracks) == 2)
    sheet = Sheet(window, len(variables), columns, width=12.0 if columns > 1 else 7.0)
    axes = sheet.maps()
    for k, variable in enumerate(variables):
        name, unit = label(variable)
        reference = view.reference_field(variable, cycle)
        errors = [view.field(track, "mean", variable, cycle) - reference for track in tracks]
        limits = symmetric_limits(*errors)
        row = axes[k * columns : (k + 1) * columns]
        for axis, track, error in zip(row, tracks, errors):
            title = f"{capital(track.replace('-', ' '))} minus {what}"
            fill(axis, window, view, error, DIFFERENCE_MAP, limits, with_unit(name, unit), title)
        if len(tracks) == 2:
            gain = np.abs(errors[0]) - np.abs(errors[1])
            fill(row[2], window, view, gain, GAIN_MAP, symmetric_limits(gain),
                 with_unit(name, unit), "Error removed")  # fmt: skip
    when = view.moment(cycle)
    return Picture.of_map(
        sheet.figure,
        f"Maps of the errors of {' and '.join(tracks)} against the {what} at {when}.",
        f"Errors at the end ({when}), one colour scale a row: the paler, the better."
        + (
            " Right: how much closer the analysis is than the free run; green is gained, "
            "purple is lost."
            if len(tracks) == 2
            else ""
        ),
    )


def _change_map(view: RunView) -> Picture:
    window, cycle, variables = Window.around(view), view.n_cycles - 1, _mapped(view)
    sheet = Sheet(window, 1, len(variables), width=12.0 if len(variables) > 1 else 7.0)
    axes = sheet.maps()
    for axis, variable in zip(axes, variables):
        name, unit = label(variable)
        change = view.field("analysis", "mean", variable, cycle) - view.field(
            "free-run", "mean", variable, cycle
        )
        fill(axis, window, view, change, DIFFERENCE_MAP, symmetric_limits(change), unit,
             f"{capital(name)}: analysis minus free run")  # fmt: skip
    when = view.moment(cycle)
    return Picture.of_map(
        sheet.figure,
        f"Map of analysis minus free run at {when}.",
        f"What assimilation has changed by the end ({when}): the analysis minus the same ensemble "
        "run without observations. There is no truth to hold either against.",
    )
