"""How the Markov chains of the busiest block behaved, where chains ran."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from halocast.report.picture import Picture
from halocast.report.style import CHAIN_COLOURS, COLOURS, QUIET
from halocast.report.view import RunView
from halocast.samplers.chains import autocorrelation
from halocast.samplers.chains.health import convergence

DRAWN = 800  # points of a line
LAGS = 200


class Trace(NamedTuple):
    """The chains of one scalar in one cycle: P chains of n samples."""

    cycle: int
    values: np.ndarray  # (P, n)
    ancestor: np.ndarray  # (P, n)
    log_likelihood: np.ndarray  # (P, n)
    step: np.ndarray  # (P,)
    acceptance: np.ndarray  # (P,)


def shown_trace(view: RunView) -> Trace | None:
    """Return the chains of the cycle in which they had most observations; the last of equals."""
    chains = view.chains
    if not chains:
        return None
    ran = np.flatnonzero(chains["ancestor"][:, 0, 0] >= 0)
    if not ran.size:
        return None
    seen = view.health.get("observations")
    weight = np.zeros(ran.size) if seen is None else np.nanmax(seen[ran], axis=1)
    cycle = int(ran[np.flatnonzero(weight == weight.max())[-1]])
    columns = {name: chains[name][cycle] for name in Trace._fields[1:]}
    return Trace(cycle, **columns)


def chain_chart(view: RunView) -> Picture | None:
    """Draw trace, running mean, histogram, autocorrelation, log likelihood and ancestors."""
    trace = shown_trace(view)
    if trace is None:
        return None
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    axes = figure.subplots(2, 3)
    _draw_trace(axes[0, 0], trace.values, "Trace", "scalar")
    _draw_trace(axes[0, 1], _running_mean(trace.values), "Running mean", "scalar")
    _draw_histogram(axes[0, 2], trace.values)
    _draw_autocorrelation(axes[1, 0], trace.values)
    _draw_trace(axes[1, 1], trace.log_likelihood, "Log likelihood", "log likelihood")
    _draw_ancestors(axes[1, 2], trace.ancestor)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=8)
    return Picture.of_chart(
        figure,
        "Diagnostics of Markov chains: trace, running mean, histogram, autocorrelation, log "
        "likelihood and ancestors.",
        f"The chains of one observed scalar, in the block with most observations at "
        f"{view.moment(trace.cycle)}, after burn-in. Chains that have mixed are one band in the "
        "trace, their running means meet, their histograms lie on one another, and their "
        "autocorrelation is gone after a small part of their length. The dark line is the mean of "
        "the chains' autocorrelations. A chain that stays with one ancestor while others have "
        "weight has not mixed.",
    )


def chain_table(view: RunView) -> list[dict[str, float | int]]:
    """Rows of the drawn chains: acceptance, step, mean and sd of the scalar, ancestors visited."""
    trace = shown_trace(view)
    if trace is None:
        return []
    return [
        {
            "chain": c + 1,
            "acceptance": float(trace.acceptance[c]),
            "step": float(trace.step[c]),
            "mean": float(values.mean()),
            "sd": float(values.std()),
            "distinct": int(np.unique(trace.ancestor[c]).size),
        }
        for c, values in enumerate(trace.values)
    ]


def chain_summary(view: RunView) -> dict[str, float | int]:
    """Numbers of the drawn chains together; R-hat and ESS are of the drawn scalar."""
    trace = shown_trace(view)
    if trace is None:
        return {}
    r_hat, ess = convergence(np.ascontiguousarray(trace.values, float))
    return {
        "samples": int(trace.values.size),
        "r_hat": float(r_hat),
        "ess": float(ess),
        "acceptance": float(trace.acceptance.mean()),
        "distinct": int(np.unique(trace.ancestor).size),
    }


def _running_mean(values: np.ndarray) -> np.ndarray:
    return np.cumsum(values, axis=1, dtype=float) / np.arange(1, values.shape[1] + 1)


def _draw_trace(axis: Axes, values: np.ndarray, title: str, unit: str) -> None:
    stride = max(1, values.shape[1] // DRAWN)
    iteration = np.arange(values.shape[1])[::stride]
    for c, chain in enumerate(values):
        axis.plot(iteration, chain[::stride], color=_colour(c), linewidth=0.7, alpha=0.85,
                  label=f"chain {c + 1}")  # fmt: skip
    axis.set(xlabel="iteration", ylabel=unit)
    axis.set_title(title)


def _draw_histogram(axis: Axes, values: np.ndarray) -> None:
    bins = np.linspace(float(values.min()), float(values.max()) + 1e-12, 41)
    axis.hist(values.ravel(), list(bins), density=True, color=COLOURS["analysis"], alpha=0.25)
    for c, chain in enumerate(values):
        axis.hist(chain, list(bins), density=True, histtype="step", color=_colour(c), linewidth=0.9)
    axis.set(xlabel="scalar", ylabel="density")
    axis.set_title("Histogram")


def _draw_autocorrelation(axis: Axes, values: np.ndarray) -> None:
    series = np.asarray(values, float)
    lags = min(LAGS, series.shape[1] // 2)
    found = np.array([autocorrelation(chain, lags) for chain in series])
    mean = found.mean(axis=0)
    gone = np.flatnonzero(mean < 0.05)
    end = min(lags, max(20, 2 * int(gone[0]))) if gone.size else lags
    for c, line in enumerate(found):
        axis.plot(np.arange(end), line[:end], color=_colour(c), linewidth=0.7, alpha=0.7)
    axis.plot(np.arange(end), mean[:end], color=COLOURS["expected"], linewidth=1.6)
    axis.axhline(0, color=QUIET, linewidth=0.8)
    axis.set(xlabel="lag [iterations]", ylabel="autocorrelation", ylim=(-0.25, 1.02))
    axis.set_title("Autocorrelation")


def _draw_ancestors(axis: Axes, ancestor: np.ndarray) -> None:
    numbers = np.arange(int(ancestor.max()) + 1)
    below = np.zeros(numbers.size)
    for c, chain in enumerate(ancestor):
        share = np.bincount(chain, minlength=numbers.size) / ancestor.size
        axis.bar(numbers, share, 0.9, below, color=_colour(c))
        below += share
    axis.set(xlabel="member", ylabel="share of the samples")
    axis.set_title("Ancestors")
    axis.grid(axis="x", visible=False)


def _colour(chain: int) -> str:
    return CHAIN_COLOURS[chain % len(CHAIN_COLOURS)]
