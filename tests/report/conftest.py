"""Runs made by hand and written to real run stores."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.diagnostics import field_rows, observation_rows
from halocast.grid import Grid
from halocast.samplers.chains import ChainTrace
from halocast.samplers.densities import STUDENT_T
from halocast.sources.rows import VARIABLES
from halocast.state import Field, StateLayout
from halocast.stores.grid_store import write_grid
from halocast.stores.run_store import CycleRecord, RunSpec, RunStore
from halocast.stores.truth_store import write_truth

OCEAN = StateLayout(
    (
        Field("ssh", None, "m", "sea-surface height"),
        Field("u", 0, "m s-1", "eastward velocity", place="east"),
        Field("v", 0, "m s-1", "northward velocity", place="north"),
        Field("t", 0, "K", "temperature"),
        Field("h", 1, "m", "thickness"),
        Field("u", 1, "m s-1", "eastward velocity", place="east"),
        Field("v", 1, "m s-1", "northward velocity", place="north"),
        Field("t", 1, "K", "temperature"),
    )
)
PLANE = StateLayout((Field("z", None, "1", "state"),))
CONFIG = """name: natl-demo
ensemble: {members: 25}
data: {twin: {kind: north-atlantic}}
filter: {method: lsmcmc-v2, block: [2, 2]}
"""
RECORD = {
    "halocast": "0.1.0",
    "seed": 20240116,
    "git_commit": "0123456789abcdef",
    "machine": {"cpu": "<unknown & unnamed>", "cores": 2},
}
TYPICAL = {"ssh": 0.08, "u": 0.15, "v": 0.15, "t": 0.8, "h": 20.0, "z": 0.3}
INSTRUMENT = {"ssh": 0.02, "u": 0.05, "v": 0.05, "t": 0.3, "z": 0.1}


def bumps(rng, y, x, count, size):
    """A smooth random field of unit variance on the axes."""
    total = np.zeros((y.size, x.size))
    for _ in range(count):
        cy, cx = rng.uniform(y[0], y[-1]), rng.uniform(x[0], x[-1])
        total += rng.normal() * np.exp(-((y[:, None] - cy) ** 2 + (x - cx) ** 2) / (2 * size**2))
    return total / total.std()


def ocean_truth(grid, cycle):
    y, x = grid.y[:, None], grid.x
    f = 1e-4 * np.sin(np.deg2rad(np.maximum(y, 8))) / np.sin(np.deg2rad(40))
    axis = 36 + 1.8 * np.sin(np.deg2rad(18 * (x + 0.01 * cycle)))
    ssh = 0.3 - 0.45 * np.tanh((y - axis) / 1.6) + 0.006 * (30 - y)
    ssh = ssh + 0.12 * bumps(np.random.default_rng(5), grid.y, grid.x - 0.02 * cycle, 60, 1.6)
    eta_y, eta_x = np.gradient(ssh, 55e3, 45e3)
    u, v = -9.81 / f * eta_y, 9.81 / f * eta_x
    t = 273.15 + 27 - 0.55 * (y - 10) - 3 * np.tanh((y - axis) / 1.2) + 0 * x
    deep = np.full(grid.shape, 600.0) + 100 * ssh
    return np.stack([ssh, u, v, t, deep, 0.4 * u, 0.4 * v, t - 8])


def swath(grid, cycle):
    """Cells under a slanted swath with its nadir gap."""
    y, x = np.meshgrid(grid.y, grid.x, indexing="ij")
    west, east = grid.x[0], grid.x[-1]
    middle = west + (east - west) * ((0.37 * cycle) % 1.0) + 0.25 * (y - y.mean())
    off = np.abs(x - middle)
    half = 0.02 * (east - west)
    return (off < 1.2 * half) & (off > 0.25 * half) & grid.sea


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Write a run to a folder of its own: ``make_run(**options) -> directory``."""
    made = {}

    def make(**options):
        key = tuple(sorted(options.items()))
        if key not in made:
            made[key] = write_run(tmp_path_factory.mktemp("run") / "run", **options)
        return made[key]

    return make


def write_run(
    directory,
    n_cycles=3,
    geographic=True,
    truth=True,
    free=True,
    observed=True,
    kalman=False,
    chains=False,
    arctan=False,
    heavy=(),
    method="lsmcmc-v2",
    shape=(20, 24),
    seed=3,
):
    rng = np.random.default_rng(seed)
    grid, layout, size = north_atlantic(shape) if geographic else plane(shape)
    start, hour = np.datetime64("2024-01-16T00", "s"), np.timedelta64(1, "h")
    times = start + np.arange(1, n_cycles + 1) * hour
    scale = np.array([TYPICAL[f.variable] for f in layout.fields])[:, None, None]

    def error():
        return scale * np.stack([bumps(rng, grid.y, grid.x, 80, size) for _ in layout.fields])

    free_error, ratio, truths, records = error(), np.ones(grid.shape), [], []
    for cycle in range(1, n_cycles + 1):
        true = ocean_truth(grid, cycle) if geographic else error()
        seen = swath(grid, cycle) if observed else np.zeros(grid.shape, bool)
        wander, forecast_ratio = 0.15 * error(), np.minimum(1.0, ratio * 1.06)
        ratio = np.where(seen, 0.3, forecast_ratio)
        ratios = {"free_run": np.ones(grid.shape), "forecast": forecast_ratio, "analysis": ratio}
        state = {t: true + free_error * r + wander for t, r in ratios.items()}
        deviation = {t: 0.95 * scale * r for t, r in ratios.items()}
        table = observe(rng, grid, true, state, deviation, seen, cycle, geographic)
        truths.append(true)
        rows = score(grid, layout, true, state, deviation, table, truth, free, kalman)
        if arctan:
            table |= {"operator": np.ones(table["fate"].size, "i1")}
        table["noise"][np.isin(table["variable"], [VARIABLES.index(v) for v in heavy])] = STUDENT_T
        record = cycle_record(rng, grid, state, deviation, table, rows, free, kalman)
        records.append(record._replace(trace=chain_trace(rng, cycle) if chains else None))
    config = CONFIG.replace("lsmcmc-v2", method)
    write_store(directory, grid, layout, times, records, free, kalman, config)
    if truth:
        write_grid(directory / "data.zarr", grid)
        write_truth(directory / "data.zarr", times, np.stack(truths), layout)
    return directory


def north_atlantic(shape):
    depth = np.full(shape, 4000.0)
    grid = Grid.sphere(10, 45, shape[0], -60, -20, shape[1])
    depth[np.hypot(grid.y[:, None] - 38.5, grid.x + 28.5) < 1.1] = 0
    depth[(grid.y[:, None] < 13) & (grid.x < -58)] = 0
    return Grid.sphere(10, 45, shape[0], -60, -20, shape[1], depth=depth), OCEAN, 3.0


def plane(shape):
    return Grid.plane(*shape, 1.0, 1.0), PLANE, 4.0


def cycle_record(rng, grid, state, deviation, table, rows, free, kalman):
    groups = {}
    for track, mean in state.items():
        if free or track != "free_run":
            groups[f"{track}/mean"] = mean
            groups[f"{track}/spread"] = deviation[track] * np.ones(grid.shape)
    if kalman:
        groups["kalman_filter/mean"] = 0.99 * state["analysis"]
        groups["kalman_filter/spread"] = deviation["analysis"]
    used = table["fate"].size
    fates = np.concatenate([np.full(8 * used, 7), table["fate"], [3] * 40, [20] * 25, [4] * 3])
    n_blocks = -(-grid.shape[0] // 2) * -(-grid.shape[1] // 2)
    touched = (rng.uniform(size=n_blocks) < 0.3) & (used > 0)
    health = {
        "ess": np.where(touched, rng.beta(5, 2, n_blocks) * 25, 25.0),
        "observations": np.where(touched, rng.integers(1, 9, n_blocks), 0.0),
    }
    return CycleRecord(groups, table, (0, fates.astype("i2")), health, rows)


def chain_trace(rng, cycle, chains=3, samples=400):
    """Autoregressive chains of a scalar, which is N(1, 0.5^2); none in the second cycle."""
    if cycle == 2:
        return None
    values = np.empty((chains, samples))
    values[:, 0] = rng.normal(size=chains)
    for t in range(1, samples):
        values[:, t] = 0.8 * values[:, t - 1] + 0.6 * rng.normal(size=chains)
    ancestor = rng.integers(0, 25, (chains, samples)).astype(np.int32)
    step, acceptance = np.full(chains, 0.3), rng.uniform(0.3, 0.4, chains)
    return ChainTrace(1 + 0.5 * values, ancestor, -(values**2), step, acceptance)


def write_store(directory, grid, layout, times, records, free, kalman, config):
    spec = RunSpec(
        times=times,
        grid=grid,
        layout=layout,
        members=25,
        n_blocks=records[0].health["ess"].size,
        max_slots=max([r.fates[1].size for r in records] + [1]),
        tracks=("analysis", "free") if free else ("analysis",),
        reference=kalman,
        config=config,
        record=RECORD,
    )
    store = RunStore.create(directory, spec)
    for cycle, record in enumerate(records, 1):
        store.commit(cycle, {"checkpoint": False}, store.write_cycle(cycle, record))


def observe(rng, grid, true, state, deviation, seen, cycle, geographic):
    """A table of observations of one cycle: swath heights and drifters, some withheld."""
    cells = np.flatnonzero(seen)
    drifters = rng.choice(np.flatnonzero(grid.sea), 25 if seen.any() else 0, replace=False)
    if geographic:
        parts = [(0, cells, cycle)] + [(c, drifters, -1) for c in (1, 2, 3)]
    else:
        parts = [(4, cells, cycle)]
    columns: dict[str, list] = {}
    for code, where, platform in parts:
        field, j, i = code % 4, *np.divmod(where, grid.shape[1])
        name = VARIABLES[code]
        sd = INSTRUMENT[name]
        platforms = (
            np.full(where.size, platform) if platform >= 0 else 60000 + np.arange(where.size)
        )
        fate = np.where((platforms % 5 == 0) | (platforms == 3), 2, 1)
        fate[rng.uniform(size=where.size) < 0.01] = 6
        data = {
            "cell": where,
            "operator": np.zeros(where.size, "i1"),
            "noise": np.zeros(where.size, "i1"),
            "df": np.ones(where.size),
            "lat": grid.y[j],
            "lon": grid.x[i],
            "variable": np.full(where.size, code),
            "value": true[field, j, i] + sd * rng.normal(size=where.size),
            "error": np.full(where.size, sd),
            "fate": fate,
            "platform": platforms,
            "product": np.full(where.size, 1 if code == 0 else 5),
            "count": np.full(where.size, 9 if code == 0 else 1),
            "forecast_mean": state["forecast"][field, j, i],
            "forecast_spread": deviation["forecast"][field, j, i],
            "analysis_mean": state["analysis"][field, j, i],
            "analysis_spread": deviation["analysis"][field, j, i],
            "free_mean": state["free_run"][field, j, i],
            "free_spread": (deviation["free_run"] * np.ones(grid.shape))[field, j, i],
        }
        for key, values in data.items():
            columns.setdefault(key, []).append(values)
    return {key: np.concatenate(values) for key, values in columns.items()}


def score(grid, layout, true, state, deviation, table, truth, free, kalman):
    labels = {"analysis": "analysis", "forecast": "forecast", "free_run": "free-run"}
    if not free:
        labels.pop("free_run")
    rows = []
    for track, what in labels.items():
        if truth:
            spread = deviation[track] * np.ones(grid.shape)
            crps = 0.6 * np.abs(state[track] - true)
            rows += field_rows(what, "truth", grid, layout, state[track], spread, true, crps)
        if kalman:
            exact = 0.99 * state["analysis"]
            rows += field_rows(what, "kalman-filter", grid, layout, state[track], None, exact)
        column = "free" if track == "free_run" else track
        for fate, against in ((1, "assimilated"), (2, "withheld")):
            here = table["fate"] == fate
            members = table[f"{column}_mean"][here] + table[f"{column}_spread"][here] * np.linspace(
                -1.5, 1.5, 7
            ).reshape(-1, 1)
            rows += observation_rows(
                what, against, VARIABLES, table["variable"][here], table["value"][here], members
            )
    return rows
