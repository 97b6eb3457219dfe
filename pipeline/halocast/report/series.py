"""Time series of errors: analysis, forecast and free run, cycle by cycle."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from halocast.diagnostics.summary import AGAINST_ORDER, against_label, label, with_unit
from halocast.report.picture import Picture
from halocast.report.style import COLOURS
from halocast.report.view import RunView
from halocast.sources.rows import VARIABLES, Fate

TRACKS = ("free-run", "forecast", "analysis")
MANY_CYCLES = 48


def error_series(view: RunView) -> Picture | None:
    """Draw the rmse of each cycle against everything that is not a fit."""
    scored = {(r["against"], r["variable"]) for r in view.summary if r["what"] == "analysis"}
    against = [a for a in AGAINST_ORDER if a != "assimilated" and any(a == s[0] for s in scored)]
    variables = [v for v in VARIABLES if any(v == s[1] for s in scored)]
    if not against or not variables:
        return None
    shape = len(against), len(variables)
    figure = Figure(figsize=(12, 0.5 + 2.35 * shape[0]), layout="constrained")
    axes = figure.subplots(*shape, squeeze=False, sharex=True)
    for i, reference in enumerate(against):
        for j, variable in enumerate(variables):
            axis = axes[i, j]
            if (reference, variable) not in scored:
                axis.set_axis_off()
                continue
            _lines(axis, view, reference, variable)
            name, unit = label(variable)
            if all((r, variable) not in scored for r in against[:i]):
                axis.set_title(name[:1].upper() + name[1:])
            first = all((reference, v) not in scored for v in variables[:j])
            if reference == "withheld":
                unit = view.observed_unit(variable)
            row_title = f"{_row_title(reference)}\n" if first else ""
            axis.set_ylabel(row_title + with_unit("rmse", unit))
    time_axis(axes[-1], view)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return Picture.of_chart(
        figure,
        "Time series of the root mean square error of analysis, forecast and free run against "
        + " and ".join(against_label(a) for a in against)
        + ".",
        "Errors by cycle. Blue, the analysis, should lie below grey, the same ensemble without "
        "assimilation; light blue is the forecast the analysis started from, and the step down "
        "from it is what the new observations gave. The dotted line is the error the ensemble "
        "expects of the analysis; a reliable one runs along the blue line. Against observations, "
        "every error includes the observations' own, below which no analysis can go.",
    )


def _row_title(reference: str) -> str:
    return "\n".join(wrap(f"against {against_label(reference)}", 26))


def _lines(axis: Axes, view: RunView, against: str, variable: str) -> None:
    time = moments_of(view)
    marker = "o" if view.n_cycles <= MANY_CYCLES else ""
    names = {"free-run": "free run (no assimilation)"}
    for what in TRACKS:
        values = view.series(what, against, variable, "rmse")
        known = np.isfinite(values)
        if known.any():
            axis.plot(
                time[known], values[known], color=COLOURS[what], marker=marker, markersize=2.8,
                label=names.get(what, what), zorder=2 + (what == "analysis"),
            )  # fmt: skip
    expected = expected_error(view, against, variable)
    known = np.isfinite(expected)
    if known.any():
        axis.plot(
            time[known], expected[known], color=COLOURS["expected"], linestyle=":", linewidth=1.3,
            marker="." if known.sum() == 1 else "", label="expected of the analysis (spread)",
        )  # fmt: skip
    if against == "kalman-filter":
        axis.set_yscale("log")
        axis.set_ylim(bottom=_lowest_drawn(axis))
    else:
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_locator(MaxNLocator(5))


def _lowest_drawn(axis: Axes) -> float | None:
    """Bottom of a logarithmic axis: the first forecast can be exact to rounding, and an axis that
    reached down to that would show nothing else."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axis.lines])
    known = values[values > 1e-6 * values.max(initial=0.0)]
    return 0.5 * float(known.min()) if known.size else None


def expected_error(view: RunView, against: str, variable: str) -> np.ndarray:
    """Rmse a reliable analysis would show, shape (n_cycles,).

    The spread; against observations with their error: sqrt(spread² + mean error²). Nothing is
    expected against the exact filter, whose mean an analysis of many members would equal, nor
    against observations whose errors have no variance.
    """
    if against == "kalman-filter":
        return np.full(view.n_cycles, np.nan)
    spread = view.series("analysis", against, variable, "spread")
    if against != "withheld":
        return spread
    columns, out = view.observations, np.full(view.n_cycles, np.nan)
    mine = view.observed(variable, (Fate.WITHHELD,))
    for cycle in range(view.n_cycles):
        here = mine & (columns["cycle"] == cycle)
        if here.any() and not view.without_variance(here):
            out[cycle] = np.sqrt(spread[cycle] ** 2 + np.mean(columns["error"][here] ** 2))
    return out


def moments_of(view: RunView) -> np.ndarray:
    """Where cycles lie on a time axis: times on the sphere, numbers on a plane."""
    return view.times if view.geographic else np.arange(1, view.n_cycles + 1)


def time_axis(axes: np.ndarray, view: RunView) -> None:
    """Make the x axes time axes over all cycles."""
    times = moments_of(view)
    step = times[1] - times[0] if times.size > 1 else 1
    if view.geographic and times.size == 1:
        step = np.timedelta64(60, "m")
    for axis in axes:
        axis.set_xlim(times[0] - step / 2, times[-1] + step / 2)
        if view.geographic:
            locator = AutoDateLocator(minticks=2, maxticks=5)
            axis.xaxis.set_major_locator(locator)
            axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        else:
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axis.set_xlabel("cycle")
