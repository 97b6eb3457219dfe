"""Whether the ensemble's spread means what it says: forecasts held against observations.

All of it uses the forecast before the analysis, so assimilated observations judge it as fairly as
withheld ones, and the observation's error is part of what is expected. Expected sizes, ranks and
curves are of Gaussian errors: observations with others are not judged, and `not_judged` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from halocast.diagnostics import centred_innovation, probability_transform, rmse
from halocast.diagnostics.summary import label, with_unit
from halocast.report.picture import Picture
from halocast.report.style import COLOURS, QUIET
from halocast.report.view import RunView
from halocast.sources.rows import VARIABLES, Fate

JUDGES = (Fate.ASSIMILATED, Fate.WITHHELD)
BINS = 10
FEW = 20  # observations below which a histogram says nothing


@dataclass(frozen=True)
class Sample:
    """The observations of one variable beside what was forecast of them, each shape (p,)."""

    variable: str
    value: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    error: np.ndarray
    assimilated: np.ndarray
    analysis: np.ndarray

    @property
    def expected(self) -> np.ndarray:
        """Standard deviation of the innovation that forecast and observation claim."""
        return np.sqrt(self.deviation**2 + self.error**2)

    @property
    def reduced(self) -> np.ndarray:
        """Innovations over their expected size."""
        return centred_innovation(self.value, self.mean, self.deviation, self.error)


def samples(view: RunView) -> list[Sample]:
    """Gather the observations that judge the forecast, one sample a variable."""
    columns, out = view.observations, []
    for variable in VARIABLES:
        here = view.observed(variable, JUDGES) & view.gaussian
        if not here.any():
            continue
        out.append(
            Sample(
                variable,
                columns["value"][here],
                columns["forecast_mean"][here],
                columns["forecast_spread"][here],
                columns["error"][here],
                columns["fate"][here] == Fate.ASSIMILATED,
                columns["analysis_mean"][here],
            )
        )
    return out


def not_judged(view: RunView) -> str:
    """Say which observations are left out here, nothing where none is."""
    counts = {
        label(variable)[0]: int((view.observed(variable, JUDGES) & ~view.gaussian).sum())
        for variable in VARIABLES
    }
    return ", ".join(f"{name} ({n:,} observations)" for name, n in counts.items() if n)


def spread_skill_chart(view: RunView) -> Picture | None:
    """Draw the error found against the error expected, in classes of expected error."""
    found = samples(view)
    if not found:
        return None
    figure, axes = _row_of_charts(len(found))
    for axis, sample in zip(axes, found):
        name, unit = label(sample.variable)[0], view.observed_unit(sample.variable)
        x, y = _classes(sample)
        top = 1.1 * max(x.max(), y.max())
        axis.plot([0, top], [0, top], color=COLOURS["expected"], linewidth=1, linestyle=":")
        axis.fill_between([0, top], [0, top], top, color=COLOURS["rejected"], alpha=0.05, lw=0)
        axis.plot(x, y, color=COLOURS["forecast"], marker="o", markersize=4.5, linewidth=1.2)
        inside: dict[str, Any] = {"transform": axis.transAxes, "color": QUIET, "size": 8}
        axis.text(0.04, 0.94, "too sure", va="top", **inside)
        axis.text(0.96, 0.05, "too unsure", ha="right", **inside)
        axis.set(
            xlim=(0, top),
            ylim=(0, top),
            xlabel=with_unit("expected", unit),
            ylabel=with_unit("found", unit),
        )
        axis.set_title(name[:1].upper() + name[1:])
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.yaxis.set_major_locator(MaxNLocator(4))
    return Picture.of_chart(
        figure,
        "Charts of the forecast error found against the error expected, one a variable.",
        "Spread against skill. Observations are sorted by how far off the forecast expected to be "
        "(its spread and the observation's error together); each dot is a class, placed by what "
        "was expected and what was found (rmse). On the dotted line the ensemble knows how wrong "
        "it is; a rising line says that it knows where it is wrong.",
    )


def _classes(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(sample.expected, kind="stable")
    parts = np.array_split(order, min(8, max(1, order.size // FEW)))
    x = [float(np.sqrt(np.mean(sample.expected[p] ** 2))) for p in parts]
    y = [rmse(sample.mean[p], sample.value[p]) for p in parts]
    return np.array(x), np.array(y)


def rank_chart(view: RunView) -> Picture | None:
    """Draw rank histograms of the observations in the forecast's distribution."""
    found = [s for s in samples(view) if s.value.size >= FEW]
    if not found:
        return None
    figure, axes = _row_of_charts(len(found), height=2.3)
    for axis, sample in zip(axes, found):
        ranks = probability_transform(sample.reduced)
        share = np.histogram(ranks, BINS, (0, 1))[0] / ranks.size * BINS
        chance = 1.96 * np.sqrt((BINS - 1) / ranks.size)
        axis.axhspan(1 - chance, 1 + chance, color=QUIET, alpha=0.15, lw=0)
        axis.axhline(1, color=COLOURS["expected"], linewidth=1, linestyle=":")
        axis.bar((np.arange(BINS) + 0.5) / BINS, share, 0.92 / BINS, color=COLOURS["forecast"])
        axis.set(xlim=(0, 1), xlabel="rank of the observation", ylabel="frequency (flat = 1)")
        name = label(sample.variable)[0]
        axis.set_title(f"{name[:1].upper()}{name[1:]}")
        axis.grid(axis="x", visible=False)
    return Picture.of_chart(
        figure,
        "Rank histograms of the observations in the forecast, one a variable.",
        "Rank histograms: where observations fall in the distribution forecast for them (a "
        "Gaussian with the ensemble's mean and spread, widened by the observation's error), 0 at "
        "its lower end, 1 at its upper. Flat is reliable, a U too little spread, a dome too much, "
        "a slope a bias. The grey band is chance among independent observations; neighbours in a "
        "swath are not independent, so it is narrower than the truth.",
    )


def innovation_chart(view: RunView) -> Picture | None:
    """Draw histograms of innovations over their expected size."""
    found = [s for s in samples(view) if s.value.size >= FEW]
    if not found:
        return None
    figure, axes = _row_of_charts(len(found), height=2.3)
    grid = np.linspace(-4.5, 4.5, 181)
    for axis, sample in zip(axes, found):
        reduced, edges = np.clip(sample.reduced, -4.5, 4.5), list(np.linspace(-4.5, 4.5, 37))
        axis.hist(reduced, edges, density=True, color=COLOURS["forecast"], rwidth=0.9)
        bell = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
        axis.plot(grid, bell, color=COLOURS["expected"], linewidth=1.2, linestyle=":")
        name = label(sample.variable)[0]
        axis.set_title(f"{name[:1].upper()}{name[1:]}")
        axis.set(xlabel="innovation / expected size", ylabel="density")
        axis.grid(axis="x", visible=False)
    return Picture.of_chart(
        figure,
        "Histograms of innovations divided by their expected size, with the standard normal curve.",
        "Innovations (observation minus forecast) over their expected size. Where forecast spread "
        "and observation errors are right, the bars fill the dotted curve, the standard normal; "
        "the outermost bars hold everything beyond.",
    )


def innovation_table(view: RunView) -> list[dict[str, str | float | int]]:
    """Numbers behind the charts, a row a variable.

    ``ratio`` is rms innovation over its expected size: above 1 the forecast (or the observation's
    error) is too sure of itself. ``fit`` is the rms distance of the analysis from the
    observations it used.
    """
    rows: list[dict[str, str | float | int]] = []
    for sample in samples(view):
        name, unit = label(sample.variable)[0], view.observed_unit(sample.variable)
        used = sample.assimilated
        rows.append(
            {
                "name": name,
                "unit": unit,
                "n": int(sample.value.size),
                "mean": float(np.mean(sample.value - sample.mean)),
                "rms": rmse(sample.value, sample.mean),
                "expected": float(np.sqrt(np.mean(sample.expected**2))),
                "ratio": float(np.sqrt(np.mean(sample.reduced**2))),
                "fit": rmse(sample.analysis[used], sample.value[used]) if used.any() else np.nan,
            }
        )
    return rows


def _row_of_charts(count: int, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    width = 12.0 if count > 2 else 4.0 * count
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])
