"""A twin in the run's own model: truth, swaths and drifters seen through the run's own operators.

The truth is a run of the run's model on the run's grid, over a synthetic sea floor, started from
and driven at its open edges by an analytic ocean (jet, eddies, fronts) and left to adjust. Where
asked for, it gets the run's model noise at every cycle, as members do, with a seed of its own. The
ensemble starts around the truth of some hours before: displaced eddies and fronts. The forcing in
the store is the analytic ocean that drove the truth, so the open edges of the run know no error.

Swaths and drifters see the truth at the end of every cycle (`halocast.twins.observing`).

Cost: about 0.03 s a cycle of an hour on 70 x 80 x 3 cells.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from halocast.config import RunSettings, SphereGrid
from halocast.cycle.context import make_model
from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow, Model
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.noise import ModelNoise
from halocast.sources.bathymetry import sea_grid
from halocast.sources.synthetic.bathymetry_files import sea_floor
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import write_observations
from halocast.stores.truth_store import write_truth
from halocast.twins.nature_run import HOUR, Nature, edges, trajectory
from halocast.twins.observing import Observer
from halocast.twins.settings import NatureTwin

_FLOOR_MINUTES = 5  # spacing of the sea floor the depths are means of


def make_nature(settings: RunSettings, folder: Path) -> None:
    """Write grid, forcing, truth and observations of the twin to ``folder/data.zarr``.

    The truth begins with the state that the ensemble starts from, at ``start_of_nature``.

    Raises
    ------
    ConfigError
        The run has another model or grid, or the displacement is not a number of cycles.
    """
    twin = settings.data.twin
    assert isinstance(twin, NatureTwin)
    begin = start_of_nature(settings)
    store = folder / "data.zarr"
    write_grid(store, _sea(settings, twin))
    model = make_model(settings, store)
    nature, window = run_nature(settings, twin, model, begin)
    _write_forcing(store, model, window)
    write_truth(store, nature.times, nature.states, model.layout)
    rows = Observer(twin, settings.observations, nature).rows(
        len(nature.times) - settings.time.cycles
    )
    write_observations(store, rows)


def start_of_nature(settings: RunSettings) -> np.datetime64:
    """Return when the state was true that the ensemble starts from.

    Raises
    ------
    ConfigError
        It does not lie a whole number of cycles before the run's start.
    """
    twin = settings.data.twin
    assert isinstance(twin, NatureTwin)
    time = settings.time
    if twin.displacement_hours * 3600 % time.cycle_seconds:
        raise ConfigError(
            f"{twin.displacement_hours} h are not a number of cycles of {time.cycle_seconds} s",
            where="data.twin.displacement_hours",
            remedy="displace the initial state by whole cycles",
        )
    return time.at(0) - twin.displacement_hours * HOUR


def _sea(settings: RunSettings, twin: NatureTwin) -> Grid:
    """Divide the synthetic sea floor into the run's cells."""
    grid = settings.grid
    if not isinstance(grid, SphereGrid) or not isinstance(settings.model, ShallowWaterSettings):
        raise ConfigError(
            "the nature twin needs grid.kind: sphere and model.kind: shallow-water",
            where="data.twin",
        )
    axes = {}
    for name, (low, high, _) in (("lat", grid.lat), ("lon", grid.lon)):
        points = round((high - low) * 60 / _FLOOR_MINUTES)
        axes[name] = low + (np.arange(points) + 0.5) * (high - low) / points
    floor = sea_floor(axes["lat"], axes["lon"], twin.seed)
    elevation = xr.Dataset({"elevation": (("lat", "lon"), floor)}, axes)
    return sea_grid(elevation, *grid.lat, *grid.lon, settings.model.minimum_depth)


def run_nature(
    settings: RunSettings, twin: NatureTwin, model: Model, begin: np.datetime64
) -> tuple[Nature, ForcingWindow]:
    """Run the truth from ``begin`` to the run's end, a state a cycle; and what drives it."""
    time = settings.time
    ocean = AnalyticOcean(twin.seed, inertial=0.0, ekman=0.0)
    spin_up = twin.spin_up_hours * HOUR
    window = edges(ocean, model.grid, begin - spin_up, time.at(time.cycles))
    started = model.initial_state(window)
    adjusted = trajectory(model, started, np.array([begin - spin_up, begin]), window)[-1]
    length = np.timedelta64(time.cycle_seconds, "s")
    times = np.arange(begin, time.at(time.cycles) + length, length)
    disturb = _disturbance(settings, twin, model)
    return Nature(model, times, trajectory(model, adjusted, times, window, disturb)), window


def _disturbance(
    settings: RunSettings, twin: NatureTwin, model: Model
) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return what adds the run's model noise to a state, as a cycle does to its members."""
    if not twin.model_noise:
        return lambda state, number: state
    noise = ModelNoise.build(
        settings.ensemble.model_noise, model.grid, model.layout, model.surface_response()
    )
    cells = np.arange(model.grid.n_cells)

    def disturb(state: np.ndarray, number: int) -> np.ndarray:
        drawn = state + noise.draw(twin.seed, number, 0, Purpose.NATURE_NOISE)
        before = drawn if noise.balanced else state
        flat = (len(state), -1)
        return model.complete(drawn.reshape(flat), before.reshape(flat), cells).reshape(state.shape)

    return disturb


def _write_forcing(store: Path, model: Model, window: ForcingWindow) -> None:
    fields = {name: (("time", "y", "x"), values) for name, values in window.fields.items()}
    coordinates = {"time": window.times.astype("M8[ns]"), "y": model.grid.y, "x": model.grid.x}
    attrs = {"source": "Simulated: the analytic ocean that drives the truth"}
    write_forcing(store, xr.Dataset(fields, coordinates, attrs))
