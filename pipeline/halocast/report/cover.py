"""The one picture of a run: what was observed, what was made of it, and what it gained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from halocast.diagnostics.summary import label, number, with_unit
from halocast.report.panels import (
    Sheet,
    Window,
    arrows,
    fill,
    plain_limits,
    symmetric_limits,
    transform,
)
from halocast.report.style import COLOURS, DIFFERENCE_MAP, GAIN_MAP, HEIGHT_MAP, house_style, png
from halocast.report.view import RunView
from halocast.sources.rows import Fate


def write_picture(tree: xr.DataTree, path: str | Path) -> Path:
    """Draw the picture of a run to a PNG file: three maps that tell its story.

    What was assimilated (values on the cells they were seen in, other platforms as dots), the last
    analysis with its currents in the same colours, and the error that assimilation removed.
    Without a truth the third map is what the analysis changed.
    """
    view = RunView(tree)
    window = Window.around(view)
    with house_style():
        sheet = Sheet(window, 1, 3, width=15.0)
        axes = sheet.maps()
        last = view.field("analysis", "mean", view.main_variable, view.n_cycles - 1)
        limits = plain_limits(last)
        _draw_observed(axes[0], window, view, limits)
        _draw_analysis(axes[1], window, view, last, limits)
        _draw_gain(axes[2], window, view, last)
        data = png(sheet.figure, dpi=130)
    path = Path(path)
    path.write_bytes(data)
    return path


def _draw_observed(axis: Axes, window: Window, view: RunView, limits: tuple[float, float]) -> None:
    name, unit = label(view.main_variable)
    columns = view.observations
    used = view.observed(fates=(Fate.ASSIMILATED,))
    swath = used & view.observed(view.main_variable)
    if not used.any():
        fill(axis, window, view, np.full(view.shape, np.nan), HEIGHT_MAP, limits,
             with_unit(name, unit), "Nothing was observed")  # fmt: skip
        return
    seen = view.on_grid(swath, columns["value"])
    unit = view.observed_unit(view.main_variable)
    if view.transformed(view.main_variable):
        limits = plain_limits(seen)
    title = f"What was observed: {int(used.sum()):,} values"
    fill(axis, window, view, seen, HEIGHT_MAP, limits, with_unit(name, unit), title)
    other = used & ~swath
    axis.scatter(
        columns["lon"][other], columns["lat"][other], s=9, color=COLOURS["rejected"],
        edgecolors="white", linewidths=0.4, zorder=4, rasterized=True, **transform(window),
    )  # fmt: skip


def _draw_analysis(
    axis: Axes, window: Window, view: RunView, mean: np.ndarray, limits: tuple[float, float]
) -> None:
    cycle = view.n_cycles - 1
    name, unit = label(view.main_variable)
    when = view.moment(cycle).removesuffix(" UTC")
    fill(axis, window, view, mean, HEIGHT_MAP, limits, with_unit(name, unit), f"Analysis, {when}")
    if view.has_currents:
        arrows(axis, window, view, *view.currents("analysis", cycle), across=22)


def _draw_gain(axis: Axes, window: Window, view: RunView, mean: np.ndarray) -> None:
    cycle, variable = view.n_cycles - 1, view.main_variable
    name, unit = label(variable)
    other = "free-run" if view.has_free_run else "forecast"
    before = view.field(other, "mean", variable, cycle)
    if view.reference is None:
        change, words = mean - before, "What the analysis changed"
        limits = symmetric_limits(change)
        fill(axis, window, view, change, DIFFERENCE_MAP, limits, with_unit(name, unit), words)
        return
    reference = view.reference_field(variable, cycle)
    errors = [np.abs(field - reference) for field in (before, mean)]
    gain = errors[0] - errors[1]
    sizes = [number(float(np.sqrt(np.nanmean(e**2)))) for e in errors]
    words = f"Error removed: rmse {sizes[0]} → {sizes[1]} {unit}"
    fill(axis, window, view, gain, GAIN_MAP, symmetric_limits(gain), with_unit(name, unit), words)
