"""Rank histograms of the rows of a table, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from halocast.diagnostics import probability_transform
from halocast.diagnostics.summary import label
from halocast.report.reliability import BINS, FEW, samples
from halocast.report.style import COLOURS, QUIET, house_style, svg_uri
from halocast.report.view import RunView
from halocast.stores.open_run import open_run


def rank_picture(runs: Sequence[tuple[str, Path]]) -> str:
    """Draw a row of histograms a run, a column a variable; '' where there is too little to rank.

    Parameters
    ----------
    runs
        What each row is called, and the folder of its run.

    Returns
    -------
    An SVG data URI.
    """
    found = {}
    for name, directory in runs:
        shares = _shares(directory)
        if shares:
            found[name] = shares
    if not found:
        return ""
    variables = list(dict.fromkeys(v for shares in found.values() for v in shares))
    with house_style():
        figure = Figure(figsize=(2.2 + 1.7 * len(variables), 0.35 + 0.75 * len(found)))
        axes = figure.subplots(len(found), len(variables), squeeze=False, sharex=True, sharey="row")
        for row, (name, shares) in zip(axes, found.items()):
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7.5, labelpad=14)
            for axis, variable in zip(row, variables):
                axis.grid(False)
                axis.set_yticks([])
                axis.axhline(1, color=QUIET, linewidth=0.8, linestyle=":")
                if variable in shares:
                    places = (np.arange(BINS) + 0.5) / BINS
                    axis.bar(places, shares[variable], 0.9 / BINS, color=COLOURS["forecast"])
                axis.set_ylim(0, 3)
        for axis, variable in zip(axes[0], variables):
            axis.set_title(label(variable)[0], fontsize=8)
        figure.tight_layout(h_pad=0.2)
        return svg_uri(figure)


def _shares(directory: Path) -> dict[str, np.ndarray]:
    """Frequency of each rank, 1 where flat, by variable."""
    out = {}
    for sample in samples(RunView(open_run(directory))):
        if sample.value.size >= FEW:
            ranks = probability_transform(sample.reduced)
            out[sample.variable] = np.histogram(ranks, BINS, (0, 1))[0] / ranks.size * BINS
    return out
