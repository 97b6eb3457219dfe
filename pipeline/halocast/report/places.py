"""Time series at the places that were observed most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from halocast.diagnostics.summary import label, with_unit
from halocast.report.maps import capital
from halocast.report.picture import Picture
from halocast.report.series import moments_of, time_axis
from halocast.report.style import COLOURS, INK
from halocast.report.view import KELVIN, RunView
from halocast.sources.rows import VARIABLES, Fate

USED = {Fate.ASSIMILATED: "assimilated", Fate.WITHHELD: "withheld"}
_COLOURS = {Fate.ASSIMILATED: COLOURS["observation"], Fate.WITHHELD: COLOURS["rejected"]}
CELLS = 2  # of each variable
APART = 0.25  # of the grid's longer side, between them, where there is a choice
MANY_CYCLES = 80  # beyond, thin error bars


class Lines(NamedTuple):
    """What is known of one variable at a few cells, each shape (n_cycles, cells), or None."""

    mean: np.ndarray
    spread: np.ndarray
    free: np.ndarray | None
    reference: np.ndarray | None


def most_observed(view: RunView, variable: str) -> list[int]:
    """Return the flat cells where a variable was observed in most cycles.

    Of equals it is the one nearest to the middle of the grid. The second is some way off the first,
    and observed half as often at least; where there is none such, the next best wherever it is.
    """
    mask = view.observed(variable, tuple(USED))
    columns = view.observations
    pairs = np.unique(np.stack([columns["cell"][mask], columns["cycle"][mask]]), axis=1)
    cells, counts = np.unique(pairs[0], return_counts=True)
    ny, nx = view.shape
    rows = np.divmod(cells, nx)
    off_centre = np.hypot(rows[0] - (ny - 1) / 2, rows[1] - (nx - 1) / 2)
    order = np.lexsort((off_centre, -counts))
    cells, counts = cells[order], counts[order]
    rows = np.divmod(cells, nx)
    distance = np.maximum(abs(rows[0] - cells[0] // nx), abs(rows[1] - cells[0] % nx))
    far = np.flatnonzero((distance >= APART * max(view.shape)) & (2 * counts >= counts[0]))
    others = np.concatenate([far, np.arange(1, cells.size)])
    return [int(cells[i]) for i in (0, *others[: CELLS - 1])]


def place_series(view: RunView) -> Picture | None:
    """Draw analysis, free run, reference and observations at the most-observed cells."""
    variables = [
        v for v in VARIABLES if v in view.variables and view.observed(v, tuple(USED)).any()
    ]
    if not variables or "cell" not in view.observations:
        return None
    figure = Figure(figsize=(12, 0.6 + 2.2 * len(variables)), layout="constrained")
    axes = figure.subplots(len(variables), CELLS, squeeze=False, sharex=True)
    for row, variable in zip(axes, variables):
        cells = most_observed(view, variable)
        lines = _lines_of(view, variable, cells)
        for axis in row[len(cells) :]:
            axis.set_axis_off()
        for k, (axis, cell) in enumerate(zip(row, cells)):
            warm = variable == "t" and float(np.nanmax(lines.mean)) > 150
            offset = KELVIN if warm else 0.0
            _draw_lines(axis, view, lines, k, offset)
            _draw_observations(axis, view, variable, cell, offset)
            name, unit = label(variable)
            axis.set_title(f"{capital(name)}, {place_name(view, variable, cell)}")
            axis.set_ylabel(with_unit("", "°C" if warm else unit).strip())
            axis.yaxis.set_major_locator(MaxNLocator(5))
    time_axis(axes[-1], view)
    entries: dict[str, Any] = {}
    for axis in axes.flat:
        for handle, words in zip(*axis.get_legend_handles_labels()):
            entries.setdefault(words, handle)
    figure.legend(list(entries.values()), list(entries), loc="outside upper left", ncols=7)
    bends = any(view.transformed(variable) for variable in variables)
    return Picture.of_chart(
        figure,
        "Time series of analysis, free run, reference and observations at the most-observed cells.",
        "The cells that were observed in most cycles, two of each variable. The blue line is the "
        "analysis with its standard deviation as a band; it should follow the dashed line where "
        "there is one, stay within a band or two of it, and leave the grey one, the same ensemble "
        "without assimilation. Dots are observations with their errors; open ones were withheld, "
        "and small triangles at an edge lie beyond it."
        + (
            " Where a variable is observed through an operator its observations are no values of "
            "it: ticks at the bottom mark their times."
            if bends
            else ""
        ),
    )


def place_name(view: RunView, variable: str, cell: int) -> str:
    """Name a cell by its centre on the sphere, by row and column on a plane."""
    j, i = divmod(cell, view.shape[1])
    if not view.geographic:
        return f"row {j}, column {i}"
    lat, lon = float(view.axes[0][j]), float(view.axes[1][i])
    north, east = "N" if lat >= 0 else "S", "E" if lon >= 0 else "W"
    return f"{abs(lat):.1f}°{north} {abs(lon):.1f}°{east}"


def _lines_of(view: RunView, variable: str, cells: list[int]) -> Lines:
    return Lines(
        view.at_cells("analysis", "mean", variable, cells),
        view.at_cells("analysis", "spread", variable, cells),
        view.at_cells("free-run", "mean", variable, cells) if view.has_free_run else None,
        view.reference_at_cells(variable, cells),
    )


def _draw_lines(axis: Axes, view: RunView, lines: Lines, k: int, offset: float) -> None:
    time = moments_of(view)
    marker = "o" if view.n_cycles == 1 else ""
    mean, spread = lines.mean[:, k] - offset, lines.spread[:, k]
    axis.fill_between(
        time, mean - spread, mean + spread, color=COLOURS["analysis"], alpha=0.18, lw=0, zorder=1
    )
    if lines.free is not None:
        axis.plot(time, lines.free[:, k] - offset, color=COLOURS["free-run"], marker=marker,
                  label="free run", zorder=2)  # fmt: skip
    if lines.reference is not None:
        words = "truth" if view.reference == "truth" else "exact Kalman filter"
        axis.plot(time, lines.reference[:, k] - offset, color=INK, linewidth=1.1, marker=marker,
                  linestyle=(0, (4, 2)), label=words, zorder=4.5)  # fmt: skip
    axis.plot(time, mean, color=COLOURS["analysis"], marker=marker, label="analysis ± spread",
              zorder=4)  # fmt: skip


def _draw_observations(axis: Axes, view: RunView, variable: str, cell: int, offset: float) -> None:
    columns, time = view.observations, moments_of(view)
    bends = view.transformed(variable)
    here = view.observed(variable, tuple(USED)) & (columns["cell"] == cell)
    value = columns["value"] - offset
    if not bends:
        _widen(axis, value[here])
    low, high = axis.get_ylim()
    for fate, words in USED.items():
        mine = here & (columns["fate"] == fate)
        if not mine.any():
            continue
        colour, when = _COLOURS[fate], time[columns["cycle"][mine]]
        if bends:
            axis.plot(when, np.full(when.size, 0.03), "|", color=colour, markersize=8,
                      markeredgewidth=1.4, transform=axis.get_xaxis_transform(),
                      label=f"time of an observation, {words}", zorder=5)  # fmt: skip
            continue
        thin = view.n_cycles > MANY_CYCLES
        axis.errorbar(
            when, value[mine], columns["error"][mine], fmt="o", color=colour,
            markerfacecolor=colour if fate == Fate.ASSIMILATED else "white",
            markersize=2.4 if thin else 4, elinewidth=0.5 if thin else 0.9, alpha=0.85,
            label=f"observation, {words}", zorder=5,
        )  # fmt: skip
        seen = value[mine]
        for beyond, marker, edge in ((seen > high, "^", 0.97), (seen < low, "v", 0.03)):
            axis.plot(when[beyond], np.full(int(beyond.sum()), edge), marker, color=colour,
                      markersize=4, transform=axis.get_xaxis_transform(), zorder=6)  # fmt: skip
    axis.set_ylim(low, high)


def _widen(axis: Axes, values: np.ndarray) -> None:
    """Make room for observations, but not for those that are wild: the lines must stay legible."""
    low, high = axis.get_ylim()
    room = 1.0 * (high - low)
    known = values[(values > low - room) & (values < high + room)]
    if known.size:
        pad = 0.08 * (high - low)
        low, high = min(low, float(known.min()) - pad), max(high, float(known.max()) + pad)
    axis.set_ylim(low, high)
