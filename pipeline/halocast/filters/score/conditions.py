"""What the network is told: observations and background as its inputs, in its units.

    trained for the whole network of observations    (y, x_b)
    for any part of it (settings ``masked``)         (m (y - h(x_b)), m, m log2(sd / error), x_b)

with m 1 where an observation is there and 0 where not, sd of its error in this cycle, error what
training is about; without a background, y in place of y - h(x_b), and no x_b. Differences, because
0, what a missing observation becomes, must mean that it says nothing: with m y the network has to
learn that for every part of the observations, and on Lorenz-63, with x alone observed, filters
with an error of 4.3 instead of 3.4 (64 units; both with the backgrounds of the whole network).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Known(NamedTuple):
    """What is known when states are sought, a row each.

    Attributes
    ----------
    value
        Observations, (k, s), NaN where there is none.
    sd
        Standard deviations of their errors, (k, s).
    background
        Forecasts, (k, n); None where they are not told.
    predicted
        What the forecasts predict for the observations, (k, s).
    """

    value: np.ndarray
    sd: np.ndarray
    background: np.ndarray | None
    predicted: np.ndarray | None


class Units(NamedTuple):
    """The units of the conditions.

    Attributes
    ----------
    masked
        Whether any observation may be missing.
    error
        Standard deviations that training is about, (s,).
    centre, scale
        Mean and standard deviation of observations (or differences), then of the background, (c,).
    """

    masked: bool
    error: np.ndarray
    centre: np.ndarray
    scale: np.ndarray


def units_of(known: Known, error: np.ndarray, masked: bool) -> Units:
    """Return the units in which conditions like these are of order 1."""
    parts = [_told(known, masked)]
    if known.background is not None:
        parts.append(known.background)
    values = np.concatenate(parts, axis=1)
    return Units(masked, error, values.mean(axis=0), spread(values))


def spread(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each column; 1 where it is 0."""
    sd = values.std(axis=0)
    return np.where(sd > 0, sd, 1.0)  # a scalar that never changes is known without scaling


def condition_of(known: Known, units: Units) -> np.ndarray:
    """Return the inputs of the network, float32, a row each."""
    s = units.error.size
    parts = [(_told(known, units.masked) - units.centre[:s]) / units.scale[:s]]
    if units.masked:
        there = np.isfinite(known.value)
        larger = np.log2(known.sd / units.error)
        parts = [np.where(there, parts[0], 0.0), there, np.where(there, larger, 0.0)]
    if known.background is not None:
        parts.append((known.background - units.centre[s:]) / units.scale[s:])
    return np.concatenate(parts, axis=1).astype(np.float32)


def _told(known: Known, masked: bool) -> np.ndarray:
    if masked and known.predicted is not None:
        return known.value - known.predicted
    return known.value
