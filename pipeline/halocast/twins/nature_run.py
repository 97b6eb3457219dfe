"""Running nature: a model started from and driven at its edges by an analytic ocean.

What every twin of an ocean needs: the analytic ocean on a model's grid as forcing, the model's
trajectory through given times, and its surface as fields that can be sampled anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from halocast.grid import Grid
from halocast.models.base import ForcingWindow, Model
from halocast.sources.synthetic.gridded_ocean import GriddedOcean
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.stores.forcing_store import ForcingWindow as StoredWindow

HOUR = np.timedelta64(3600, "s")
FORCING_STEP = 3 * HOUR
_SURFACE = ("ssh", "u0", "v0", "t0")


class Nature(NamedTuple):
    """What became of nature: times (n,), states (n, F, ny, nx) on its own grid."""

    model: Model
    times: np.ndarray
    states: np.ndarray


def edges(
    ocean: AnalyticOcean, grid: Grid, start: np.datetime64, stop: np.datetime64
) -> ForcingWindow:
    """Sample an ocean at a grid's centres every three hours, from ``start`` to past ``stop``."""
    steps = int(-((start - stop) // FORCING_STEP))
    times = start + FORCING_STEP * np.arange(max(steps, 1) + 1)
    lat, lon = grid.y[:, None], grid.x[None, :]
    surface = [ocean.surface(t, lat, lon) for t in times]
    return StoredWindow(times, {name: np.stack([s[name] for s in surface]) for name in surface[0]})


def trajectory(
    model: Model,
    state: np.ndarray,
    times: np.ndarray,
    window: ForcingWindow,
    disturb: Callable[[np.ndarray, int], np.ndarray] = lambda state, number: state,
) -> np.ndarray:
    """Run a model from a state at ``times[0]`` and return its states at all times.

    Parameters
    ----------
    state
        State (F, ny, nx) at the first time.
    times
        Rising, shape (n,).
    window
        Forcing that covers them.
    disturb
        What happens to the state (F, ny, nx) at time 1, 2, … n - 1 before it goes on; is given the
        number of the time.

    Returns
    -------
    States (n, F, ny, nx), the first of them as given.
    """
    forcing = model.prepare_forcing(window)
    states = np.empty((len(times), *state.shape))
    states[0] = state
    for k in range(1, len(times)):
        ahead = model.advance(states[k - 1], times[k - 1], times[k], forcing)
        states[k] = disturb(ahead, k)
    return states


def surface_fields(nature: Nature) -> dict[str, np.ndarray]:
    """Return nature's surface at cell centres, shapes (n, ny, nx); NaN on land."""
    layout, sea = nature.model.layout, nature.model.grid.sea
    field = {name: nature.states[:, layout.index(name)] for name in _SURFACE}
    west = np.roll(field["u0"], 1, axis=2)
    south = np.roll(field["v0"], 1, axis=1)
    west[:, :, 0], south[:, 0] = field["u0"][:, :, 0], field["v0"][:, 0]
    fields = {
        "ssh": field["ssh"],
        "u": 0.5 * (field["u0"] + west),
        "v": 0.5 * (field["v0"] + south),
        "t": field["t0"],
    }
    return {name: np.where(sea, values, np.nan) for name, values in fields.items()}


def as_ocean(nature: Nature, fields: dict[str, np.ndarray]) -> GriddedOcean:
    """Make an ocean to be sampled of fields (n, ny, nx) at nature's times and cell centres."""
    grid = nature.model.grid
    axes = {"time": nature.times.astype("M8[ns]"), "lat": grid.y, "lon": grid.x}
    dims = ("time", "lat", "lon")
    return GriddedOcean(xr.Dataset({n: (dims, v) for n, v in fields.items()}, coords=axes))
