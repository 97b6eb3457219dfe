"""A twin in the run's own model: truth, swaths and drifters seen through the run's own operators.

The truth is a run of the run's model on the run's grid, over a synthetic sea floor, started from
and driven at its open edges by an analytic ocean (jet, eddies, fronts) and left to adjust. Where
asked for, it gets the run's model noise at every cycle, as members do, with a seed of its own. The
ensemble starts around the truth of some hours before: displaced eddies and fronts. The forcing in
the store is the analytic ocean that drove the truth, so the open edges of the run know no error.

What is observed at the end of every cycle are h(s) + e, with the operator h and the density of e
of the run's ``observations`` and the scale of e from the twin's ``errors``:

    ssh        of the cells under a narrow double swath that crosses the domain in 20 cycles; the
               swaths of a cycle are a pass
    u, v, t    of the points nearest to drifters that move with the true surface flow

They go into the store as rows like any other, h(s) + e in the column ``value``.

Cost: about 0.03 s a cycle of an hour on 70 x 80 x 3 cells.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import special

from halocast.config import RunSettings, SphereGrid
from halocast.cycle.context import make_model
from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow, Model
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.noise import ModelNoise
from halocast.observations import VARIABLES, swath_cells
from halocast.observations.operators import GAUSSIAN, observe
from halocast.observations.settings import VariableSettings
from halocast.observations.table import FIELD_OF
from halocast.sources.bathymetry import sea_grid
from halocast.sources.rows import DROGUE_ATTACHED, concat_rows, make_rows, product_code
from halocast.sources.synthetic.bathymetry_files import sea_floor
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import write_observations
from halocast.stores.truth_store import write_truth
from halocast.twins.drifting import Drift, drift
from halocast.twins.nature_run import HOUR, Nature, as_ocean, edges, surface_fields, trajectory
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
    write_observations(store, observe_nature(settings, twin, nature))


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


def observe_nature(settings: RunSettings, twin: NatureTwin, nature: Nature) -> xr.Dataset:
    """Return the rows of all cycles' observations of a truth."""
    moving = drift(
        as_ocean(nature, surface_fields(nature)), nature.model.grid, nature.times, twin.drifters,
        twin.seed,
    )  # fmt: skip
    first = len(nature.times) - settings.time.cycles - 1
    tables = []
    for cycle in range(1, settings.time.cycles + 1):
        k = first + cycle
        tables.append(_swath_rows(settings, twin, nature, k, cycle))
        tables += [
            _drifter_rows(settings, twin, nature, moving, k, cycle, variable)
            for variable in ("u", "v", "t")
        ]
    return concat_rows(tables)


def _swath_rows(
    settings: RunSettings, twin: NatureTwin, nature: Nature, k: int, cycle: int
) -> xr.Dataset:
    grid = nature.model.grid
    cells = np.zeros(0, np.int64)
    if twin.swath_width:
        cells = swath_cells(cycle, grid.shape, width=twin.swath_width)
    cells = cells[grid.sea.ravel()[cells]]
    j, i = np.divmod(cells, grid.shape[1])
    error = _errors(settings, twin, "ssh", cycle, cells)
    return make_rows(
        {
            "time": nature.times[k].astype("M8[ns]"),
            "lat": grid.y[j],
            "lon": grid.x[i],
            "variable": VARIABLES.index("ssh"),
            "value": _seen(settings, nature, "ssh", k, cells) + error,
            "error": twin.errors.ssh,
            "product": product_code("twin-swath"),
            "platform": cycle,
        }
    )


def _drifter_rows(
    settings: RunSettings,
    twin: NatureTwin,
    nature: Nature,
    moving: Drift,
    k: int,
    cycle: int,
    variable: str,
) -> xr.Dataset:
    """Return what drifters see of a variable: of the point where it lives that is nearest."""
    grid, layout = nature.model.grid, nature.model.layout
    place = layout.fields[layout.index(FIELD_OF[variable])].place
    cells = grid.nearest(place, moving.lat[k], moving.lon[k])
    at = np.flatnonzero(grid.wet_at(place).ravel()[cells])
    number, cells = moving.number[k, at], cells[at]
    return make_rows(
        {
            "time": nature.times[k].astype("M8[ns]"),
            "lat": moving.lat[k, at],
            "lon": moving.lon[k, at],
            "variable": VARIABLES.index(variable),
            "value": _seen(settings, nature, variable, k, cells)
            + _errors(settings, twin, variable, cycle, number),
            "error": getattr(twin.errors, variable),
            "product": product_code("twin-drifter"),
            "platform": number,
            "detail": DROGUE_ATTACHED,
        }
    )


def _seen(
    settings: RunSettings, nature: Nature, variable: str, k: int, cells: np.ndarray
) -> np.ndarray:
    """Return h(s) of a variable's scalars in some cells."""
    field = nature.states[k, nature.model.layout.index(FIELD_OF[variable])].ravel()
    codes = settings.observations.of(variable).operator.codes
    return observe(field[cells], *(np.full(cells.shape, code) for code in codes))


def _errors(
    settings: RunSettings, twin: NatureTwin, variable: str, cycle: int, element: np.ndarray
) -> np.ndarray:
    """Draw errors, each at the address of its cell or drifter."""
    address = Address(twin.seed, cycle, Purpose.NATURE_OBSERVATIONS, VARIABLES.index(variable))
    scale = getattr(twin.errors, variable)
    return scale * standard_errors(settings.observations.of(variable), address, element)


def standard_errors(
    variable: VariableSettings, address: Address, element: np.ndarray
) -> np.ndarray:
    """Draw errors of unit scale from a variable's density, at elements (p,) of an address."""
    if not element.size:
        return np.zeros(0)
    kind, df = variable.noise.codes
    count = int(element.max()) + 1
    if kind == GAUSSIAN:
        return normals(address, count)[element]
    return special.stdtrit(df, uniforms(address, count)[element])
