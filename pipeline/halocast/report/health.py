"""How the filter's blocks fared: how many forecasts each analysis really rests on."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from halocast.report.panels import Window, fill, panel_axis
from halocast.report.picture import Picture
from halocast.report.style import COLOURS, HEIGHT_MAP, png_uri
from halocast.report.view import RunView, time_text


def block_chart(view: RunView) -> Picture | None:
    """Draw the ancestors' effective sample size, on the map and as a histogram."""
    health = view.health
    if "ess" not in health or not np.isfinite(health["ess"]).any():
        return None
    size, busy = health["ess"], health["observations"] > 0
    top = float(np.nanmax(size))
    cells = view.block_of_cell
    figure = Figure(figsize=(12 if cells is not None else 6, 4.6), layout="constrained")
    cycle = view.busiest_cycle
    if cells is not None:
        window = Window.around(view)
        axis = panel_axis(figure, window, 1, 2, 1)
        mapped = np.where(busy[cycle], size[cycle], np.nan)[cells]
        mapped[~view.sea] = np.nan
        fill(axis, window, view, mapped, HEIGHT_MAP, (0.0, top), "members",
             "Effective number of ancestors")  # fmt: skip
    histogram = figure.add_subplot(1, 2 if cells is not None else 1, 2 if cells is not None else 1)
    histogram.hist(size[busy], bins=25, range=(0, top), color=COLOURS["analysis"], rwidth=0.9)
    histogram.set(xlabel="effective number of ancestors", ylabel="blocks with observations")
    histogram.set_title("All cycles")
    histogram.grid(axis="x", visible=False)
    where = f"Left: the blocks that saw observations at {time_text(view.times[cycle])}. Right: " \
            if cells is not None else ""  # fmt: skip
    return Picture(
        png_uri(figure),
        "Map and histogram of the effective number of ancestors of the blocks.",
        "Each block's members descend from forecasts chosen by how well they explain the "
        "observations around; the effective number of ancestors says how many forecasts share "
        f"that work. {where}all blocks of all cycles. Values near 1 mean that a single forecast "
        "decided the block (many or very exact observations); near the number of members, that "
        "the observations hardly told the forecasts apart.",
    )


def health_table(view: RunView) -> list[dict[str, str | float]]:
    """Median and extremes of each diagnostic over the blocks that saw observations."""
    health = view.health
    if "observations" not in health:
        return []
    busy = health["observations"] > 0
    rows: list[dict[str, str | float]] = []
    for name, values in health.items():
        known = np.asarray(values, float)[busy]
        known = known[np.isfinite(known)]
        if known.size:
            low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
            rows.append({"name": name, "low": float(low), "middle": float(middle),
                         "high": float(high)})  # fmt: skip
    return rows
