"""Before a run: every mistake that can be found without running, and what the run will cost.

The run file's own mistakes (unknown keys, values out of range) are found when it is read, all at
once (``halocast.config``). Here it is held against the model, the data store and the machine.
"""

from __future__ import annotations

import os
import shutil
import time as clock
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from halocast.config import RunSettings, SphereGrid
from halocast.cycle.context import data_store, make_model
from halocast.cycle.observed import check_observed
from halocast.draws import Address, Purpose, normals
from halocast.errors import HalocastError
from halocast.filters import FILTERS, LetkfSettings, LocalSettings
from halocast.filters.base import BlockObservations, block_group, group_cells
from halocast.filters.own import PythonFilterSettings, load_own_filter
from halocast.filters.sampling import MixtureSettings
from halocast.filters.static_states import StaticStates, open_states
from halocast.filters.window_methods import WINDOW_METHODS
from halocast.filters.window_tapers import unknown_variables
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.localization.kilometres import short_halo
from halocast.models.base import Model, build_model
from halocast.models.external.settings import ExternalModelSettings
from halocast.models.own import PythonModelSettings
from halocast.noise import ModelNoise
from halocast.observations import VARIABLES
from halocast.observations.settings import VariableSettings
from halocast.stores.forcing_store import Forcing
from halocast.stores.observation_store import Observations

_CALIBRATION_STEPS = 8
_CALIBRATION_CELLS = 4096


def check_run(settings: RunSettings) -> list[str]:
    """Find what would go wrong; one sentence a mistake: the key, the value, what would be right."""
    problems: list[str] = []
    model = None
    try:
        model = run_model(settings)
    except HalocastError as error:
        problems.append(str(error))
    if model is not None:
        problems += _check_noise(settings, model)
        problems += model.check()
        problems += _check_samples(settings)
        problems += _check_static(settings, model)
        problems += _check_localization(settings, model)
        problems += _check_observed_variables(settings, model)
        problems += check_observed(settings, model.layout)
    problems += _check_filter(settings)
    problems += _check_time(settings)
    problems += _check_reference(settings)
    problems += _check_ensemble(settings)
    if settings.data.twin is None:
        problems += _check_data(settings, forced=model is not None and model.needs_forcing)
    return problems


def run_model(settings: RunSettings) -> Model:
    """Build the model; a twin's grid does not exist yet, so an ocean without islands stands in."""
    if settings.data.twin is not None and isinstance(settings.grid, SphereGrid):
        (south, north, ny), (west, east, nx) = settings.grid.lat, settings.grid.lon
        depth = np.full((ny, nx), 5500.0)  # near the deepest cell means, as stability needs
        grid = Grid.sphere(south, north, ny, west, east, nx, depth)
        return build_model(settings.model, grid)
    return make_model(settings, data_store(Path(), settings))


def _check_noise(settings: RunSettings, model: Model) -> list[str]:
    problems = []
    for name in settings.ensemble.model_noise:
        if name not in model.layout.names:
            problems.append(
                f"ensemble.model_noise.{name}: no such field; the state has "
                f"{', '.join(model.layout.names)}"
            )
    if not problems:
        try:
            _noise(settings, model)
        except HalocastError as error:
            problems.append(str(error))
    if settings.ensemble.members == 1 and _noisy(settings):
        problems.append(
            "ensemble.members = 1: one member has no spread to weigh observations with; use 2 or "
            "more, or set the model noise to 0"
        )
    return problems


def _noisy(settings: RunSettings) -> list[str]:
    return [name for name, noise in settings.ensemble.model_noise.items() if noise.sd > 0]


def _noise(settings: RunSettings, model: Model) -> ModelNoise:
    return ModelNoise.build(
        settings.ensemble.model_noise, model.grid, model.layout, model.surface_response()
    )


def _check_observed_variables(settings: RunSettings, model: Model) -> list[str]:
    weighs = settings.filter.method not in ("free-run", "letkf")
    if not weighs or isinstance(settings.filter, LocalSettings) or _noisy(settings):
        return []
    return [
        "ensemble.model_noise: no field has any; LSMCMC then only picks ancestors. Give e.g. "
        f"{{{model.layout.names[0]}: 0.01}}"
    ]


def _check_samples(settings: RunSettings) -> list[str]:
    if isinstance(settings.filter, MixtureSettings):
        try:
            settings.filter.require_samples(settings.ensemble.members)
        except HalocastError as error:
            return [str(error)]
    return []


def _check_static(settings: RunSettings, model: Model) -> list[str]:
    if isinstance(settings.filter, StaticStates):
        try:
            open_states(settings.filter.static, len(model.layout), model.grid.shape)
        except HalocastError as error:
            return [str(error)]
    return []


def _check_localization(settings: RunSettings, model: Model) -> list[str]:
    local, problems = settings.filter, []
    if isinstance(local, LocalSettings):
        unknown = unknown_variables(local.factors, model.layout.variable_of_field)
        if unknown:
            problems.append(f"filter.factors: {unknown}")
    if isinstance(local, LocalSettings | LetkfSettings) and local.distance != "cells":
        short = None if local.halo is None else short_halo(local.halo, model.grid)
        if short:
            problems.append(f"filter.halo: {short}")
    return problems


def _check_filter(settings: RunSettings) -> list[str]:
    problems = []
    if isinstance(settings.filter, PythonFilterSettings):
        try:
            load_own_filter(settings.filter)
        except HalocastError as error:
            problems.append(str(error))
    if (
        isinstance(settings.filter, LocalSettings)
        and settings.ensemble.members < WINDOW_METHODS[settings.filter.method].fewest
    ):
        problems.append(
            f"ensemble.members = 1: {settings.filter.method} takes what it knows from the "
            "differences between members; use 2 or more"
        )
    return problems


def _check_time(settings: RunSettings) -> list[str]:
    step, length = settings.model.time_step, settings.time.cycle_seconds
    if step is not None and length % step:
        fits = next(s for s in range(step, 0, -1) if length % s == 0)
        return [
            f"time.cycle_seconds = {length}: not a multiple of model.time_step = {step}; "
            f"{fits} would fit"
        ]
    return []


def _check_reference(settings: RunSettings) -> list[str]:
    if settings.reference and settings.model.kind != "linear-gaussian":
        return [
            f"reference = {settings.reference!r}: the exact Kalman filter exists for model.kind: "
            f"linear-gaussian only, not {settings.model.kind}; use null"
        ]
    return []


def _check_ensemble(settings: RunSettings) -> list[str]:
    kind, workers = settings.engine.kind, settings.engine.workers
    if kind == "serial" and (workers or settings.engine.scheduler):
        return ["engine.kind = 'serial': workers and scheduler have no effect; use kind: dask"]
    if kind == "mpi" and (workers or settings.engine.scheduler):
        return ["engine.kind = 'mpi': workers and scheduler have no effect; use mpirun -n RANKS"]
    if workers and workers > settings.ensemble.members:
        return [
            f"engine.workers = {workers}: more workers than ensemble.members = "
            f"{settings.ensemble.members}; the rest would have nothing to forecast"
        ]
    return []


def _check_data(settings: RunSettings, *, forced: bool) -> list[str]:
    problems = []
    store = data_store(Path(), settings)
    first, last = settings.time.at(0), settings.time.at(settings.time.cycles)
    try:
        times = Observations.open(store).times
        inside = int(((times > first) & (times <= last)).sum())
        if not inside:
            problems.append(
                f"data.store = '{store}': none of its {times.size} observations lies between "
                f"{first} and {last}; ingest the period, or change `time`"
            )
    except HalocastError as error:
        problems.append(f"data.store: {error}")
    if forced:
        try:
            _forcing(settings).window(first, last)
        except HalocastError as error:
            problems.append(f"data.store: {error}")
    return problems


def _forcing(settings: RunSettings) -> Forcing:
    gap = np.timedelta64(int(settings.data.max_gap_hours * 3600), "s")
    return Forcing.open(data_store(Path(), settings), gap)


@dataclass(frozen=True)
class Price:
    """What a run costs, on this machine and on ``workers`` workers like it.

    Bytes, seconds and counts; times come from a short calibration and hold for a machine that has
    nothing else to do.
    """

    workers: int
    tasks: int
    moved: float
    memory: float
    disk: float
    disk_free: float
    forecast: float
    analysis: float

    @property
    def seconds(self) -> float:
        """Estimated wall time of the cycles."""
        return self.forecast + self.analysis

    def table(self) -> Table:
        """Lay the price out for people."""
        table = Table(box=None, show_header=False, padding=(0, 2))
        rows = {
            "workers": f"{self.workers}",
            "tasks": f"{self.tasks:,}",
            "moved between workers": _bytes(self.moved),
            "memory a worker": _bytes(self.memory),
            "disk": f"{_bytes(self.disk)} (free here: {_bytes(self.disk_free)})",
            "time": f"about {_duration(self.seconds)} (forecast {_duration(self.forecast)}, "
            f"analysis {_duration(self.analysis)})",
        }
        for name, value in rows.items():
            table.add_row(name, value)
        return table


def price_run(settings: RunSettings) -> Price:
    """Price a run: tasks, bytes moved, memory, disk, and time from a short calibration."""
    model = run_model(settings)
    m, cycles = settings.ensemble.members, settings.time.cycles
    tracks = 2 if settings.free_run else 1
    choice = settings.engine
    serial = choice.kind == "serial"
    cores = len(os.sched_getaffinity(0))
    workers = 1 if serial else min(choice.workers or cores, m)
    groups = choice.groups or workers
    state = 8.0 * len(model.layout) * model.grid.n_cells
    ensemble = tracks * m * state
    origins = settings.update.kind == "incremental"  # kept beside the members
    per_cycle = 3 + workers + 3 * groups + 2 * groups * workers
    checkpoints = -(-cycles // settings.checkpoint.every)
    field_groups = 2 + tracks + (1 if settings.reference else 0)
    member, block = calibrate(settings, model)
    parallel = min(workers, cores) if not choice.scheduler else workers
    return Price(
        workers=workers,
        tasks=cycles * per_cycle + workers * (1 + 2 * checkpoints),
        # tiles there and pieces back, but for the share that stays where it is
        moved=cycles * 2 * ensemble * (1 - 1 / workers),
        # a share of the states before and after the forecast, and of one group before and after
        # the update
        memory=(2 + origins) * ensemble / workers + 2 * ensemble / groups + 300e6,
        disk=cycles * 2 * field_groups * state
        + settings.checkpoint.keep * (1 + origins) * ensemble,
        disk_free=float(shutil.disk_usage(Path.cwd()).free),
        forecast=cycles * tracks * m * member / parallel,
        analysis=cycles * block / parallel,
    )


def calibrate(settings: RunSettings, model: Model) -> tuple[float, float]:
    """Time a member's cycle and a cycle's analysis, in seconds on one core."""
    start, step = settings.time.at(0), settings.model.time_step or settings.time.cycle_seconds
    window = None
    if model.needs_forcing and isinstance(
        settings.model, PythonModelSettings | ExternalModelSettings
    ):
        window = _forcing(settings).window(start, settings.time.at(1))
    state, forcing = model.initial_state(window), model.prepare_forcing(window)
    steps = settings.time.cycle_seconds // step
    some = min(steps, _CALIBRATION_STEPS)
    stop = start + np.timedelta64(some * step, "s")
    model.advance(state, start, stop, forcing)  # compiles, or loads what was compiled
    began = clock.perf_counter()
    model.advance(state, start, stop, forcing)
    member = (clock.perf_counter() - began) * steps / some
    return member, _calibrate_analysis(settings, model, state)


def _calibrate_analysis(settings: RunSettings, model: Model, state: np.ndarray) -> float:
    """Time the update of some blocks with 8 % of their cells observed, scaled to the grid."""
    grid, layout = model.grid, model.layout
    noisy = [n for n in _noisy(settings) if n in layout.names]
    if not noisy or settings.filter.method == "free-run":
        return 0.0
    blocks = partition(grid.shape, settings.block)
    share = min(1.0, _CALIBRATION_CELLS / grid.n_cells)
    numbers = np.arange(max(1, int(share * blocks.n_blocks)))
    mine, _ = group_cells(blocks, numbers)
    model_noise = _noise(settings, model)
    f = layout.index(noisy[0])
    cells = np.flatnonzero(layout.wet(grid)[f].ravel())[::12]
    observations = _imagined(settings, model, state, model_noise, f, cells)
    m = settings.ensemble.members
    noise, noise_observed = np.empty((m, len(layout), mine.size)), np.empty((m, cells.size))
    for i in range(m):
        drawn = model_noise.draw(settings.seed, 0, i).reshape(len(layout), -1)
        noise[i], noise_observed[i] = drawn[:, mine], drawn[f, cells]
    spread = normals(Address(settings.seed, 0, Purpose.INITIAL_STATE, 1), m)[:, None]
    flat = state.reshape(len(layout), -1)
    forecast = np.repeat(flat[None][:, :, mine], m, axis=0)
    forecast[:, f] += model_noise.sd[f, mine] * spread
    observed = flat[f, cells] + model_noise.sd[f, cells] * spread
    method = FILTERS[settings.filter.method]
    group = block_group(
        numbers, blocks, method.incidence(settings.filter, blocks, cells, grid), observations,
        forecast=forecast, noise=noise, observed=observed, observed_noise=noise_observed,
        model_noise=model_noise, grid=grid, seed=settings.seed, cycle=0,
        sees_all=method.sees_all, variables=layout.variable_of_field,
    )  # fmt: skip
    method.update(group, settings.filter)
    began = clock.perf_counter()
    method.update(group, settings.filter)
    return (clock.perf_counter() - began) * blocks.n_blocks / numbers.size


def _imagined(
    settings: RunSettings, model: Model, state: np.ndarray, noise: ModelNoise, f: int,
    cells: np.ndarray,
) -> BlockObservations:  # fmt: skip
    """Make observations of one field to calibrate with, as accurate as the noise is large."""
    name, p = model.layout.names[f], cells.size
    observed = [v for v in VARIABLES if settings.observations.field_of(v) == name]
    variable = settings.observations.of(observed[0]) if observed else VariableSettings()
    operator, center, scale = variable.operator.codes
    kind, df = variable.noise.codes
    return BlockObservations(
        id=np.arange(p), scalar=f * model.grid.n_cells + cells, field=np.full(p, f), cell=cells,
        value=state[f].ravel()[cells], error=np.full(p, noise.sd[f].max()),
        operator=np.full(p, operator, np.int32), center=np.full(p, center),
        scale=np.full(p, scale), noise_kind=np.full(p, kind, np.int8), df=np.full(p, df),
    )  # fmt: skip


def _bytes(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
