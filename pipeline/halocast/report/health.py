"""How the filter's blocks fared: how many forecasts each analysis really rests on."""

from __future__ import annotations

import numpy as np

from halocast.report.panels import Sheet, Window, fill
from halocast.report.picture import Picture
from halocast.report.style import COLOURS, HEIGHT_MAP
from halocast.report.view import RunView

MEANING = {
    "ess": "effective number of ancestors",
    "observations": "observations seen, those of the halo included",
    "mass_log": "log likelihood of the observations, relative to a perfect fit",
}


def block_chart(view: RunView) -> Picture | None:
    """Draw the ancestors' effective sample size, on the map and as a histogram."""
    health = view.health
    if "ess" not in health or not np.isfinite(health["ess"]).any():
        return None
    size, busy = health["ess"], _busy(health)
    if not busy.any():
        return None
    top = float(np.nanmax(size))
    cells = view.block_of_cell
    cycle = view.busiest_cycle
    window = Window.around(view)
    sheet = Sheet(window, 1, 1 if cells is None else 2, width=6.0 if cells is None else 12.0)
    if cells is not None:
        mapped = np.where(busy[cycle], size[cycle], np.nan)[cells]
        mapped[~view.sea] = np.nan
        fill(sheet.map(0), window, view, mapped, HEIGHT_MAP, (0.0, top), "members",
             "Effective number of ancestors")  # fmt: skip
    histogram = sheet.chart(0 if cells is None else 1)
    histogram.hist(size[busy], bins=25, range=(0, top), color=COLOURS["analysis"], rwidth=0.9)
    histogram.set(xlabel="effective number of ancestors", ylabel="blocks with observations")
    histogram.set_title("All cycles")
    histogram.grid(axis="x", visible=False)
    where = f"Left: the blocks that saw observations at {view.moment(cycle)}. Right: " \
            if cells is not None else ""  # fmt: skip
    return Picture.of_map(
        sheet.figure,
        "Map and histogram of the effective number of ancestors of the blocks.",
        "Each block's members descend from forecasts chosen by how well they explain the "
        "observations around; the effective number of ancestors says how many forecasts share "
        f"that work. {where}all blocks of all cycles. Values near 1 mean that a single forecast "
        "decided the block (many or very exact observations); near the number of members, that "
        "the observations hardly told the forecasts apart.",
    )


def _busy(health: dict[str, np.ndarray]) -> np.ndarray:
    """Mask of the blocks that saw observations, shape (n_cycles, n_blocks)."""
    return health["observations"] > 0


def health_table(view: RunView) -> list[dict[str, str | float]]:
    """Median and extremes of each diagnostic over the blocks that saw observations."""
    health = view.health
    if not health:
        return []
    busy = _busy(health)
    rows: list[dict[str, str | float]] = []
    for name, values in health.items():
        known = np.asarray(values, float)[busy]
        known = known[np.isfinite(known)]
        if known.size:
            low, middle, high = (float(q) for q in np.quantile(known, [0.05, 0.5, 0.95]))
            words = MEANING.get(name, name)
            rows.append({"name": words, "low": low, "middle": middle, "high": high})
    return rows
