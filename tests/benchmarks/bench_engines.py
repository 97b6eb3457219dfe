"""What engines cost: the graph's overhead a cycle, and two workers against one.

    python tests/benchmarks/bench_engines.py            # both
    python tests/benchmarks/bench_engines.py overhead

The overhead is the wall time a cycle of a run that computes next to nothing (8 members, 12 x 10
cells, no truth to score) under the Dask engine with two workers, store and commits included, less
the same under the serial engine. The speed-up is of a 280 x 320 x 3 ocean, 24 members, with two
local Dask workers, against the serial engine in the same process; both after a run that compiles
everything. Quote the ratio: both are measured one after the other on the same machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from halocast.config import RunSettings, find_run_file, read_settings, validate_settings
from halocast.engines import SerialEngine
from halocast.engines.base import Engine
from halocast.engines.dask import DaskEngine
from halocast.grid import Grid
from halocast.runs import carry_out, create_run
from halocast.sources.rows import make_rows, product_code, variable_code
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import write_observations


def seconds_a_cycle(settings: RunSettings, folder: Path, engine: Engine) -> float:
    """Median wall time between commits, the first cycle left out."""
    create_run(settings, folder)
    marks: list[float] = []
    carry_out(folder, engine, watch=lambda progress: marks.append(time.perf_counter()))
    return (marks[-1] - marks[0]) / (len(marks) - 1)


def overhead() -> None:
    """Print what the graph costs a cycle."""
    settings = read_settings(
        find_run_file("linear-gaussian"),
        ["grid.shape=[12, 10]", "time.cycles=60", "ensemble.members=8", "checkpoint.every=60"],
    )
    with tempfile.TemporaryDirectory() as scratch:
        engine = DaskEngine(workers=2, dashboard=None)
        try:
            seconds_a_cycle(settings, Path(scratch, "warm"), engine)
            dask = seconds_a_cycle(settings, Path(scratch, "dask"), engine)
        finally:
            engine.close()
        seconds_a_cycle(settings, Path(scratch, "warm-serial"), SerialEngine())
        serial = seconds_a_cycle(settings, Path(scratch, "serial"), SerialEngine())
    print(f"a cycle that computes next to nothing: dask, 2 workers {1e3 * dask:.1f} ms, serial "
          f"{1e3 * serial:.1f} ms; overhead of the graph {1e3 * (dask - serial):.1f} ms "
          "(asked: at most 50)")  # fmt: skip


def large_ocean(folder: Path, ny: int = 280, nx: int = 320) -> RunSettings:
    """Settings of a 280 x 320 ocean, with its data store."""
    lat, lon = (10.0, 45.0, ny), (-60.0, -20.0, nx)
    depth = np.full((ny, nx), 4500.0)
    grid = Grid.sphere(*lat, *lon, depth)
    store = folder / "data.zarr"
    write_grid(store, grid)
    write_forcing(store, _smooth_forcing(grid))
    settings = validate_settings(
        {
            "name": "large",
            "time": {"start": "2024-08-01T00:00:00", "cycles": 3, "cycle_seconds": 600},
            "grid": {"kind": "sphere", "lat": lat, "lon": lon},
            "model": {"kind": "shallow-water", "time_step": 15, "viscosity": 100.0},
            "ensemble": {"members": 24, "model_noise": {"ssh": 0.005, "u0": 0.01, "v0": 0.01}},
            "data": {"store": str(store)},
            "filter": {"method": "lsmcmc-v2"},
            "free_run": False,
            "checkpoint": {"every": 10},
        }
    )
    _write_rows(store, grid, settings)
    return settings


def _smooth_forcing(grid: Grid):
    import xarray as xr

    times = np.datetime64("2024-08-01T00:00:00", "ns") + np.arange(3) * np.timedelta64(3, "h")
    y, x = np.meshgrid(np.deg2rad(grid.y), np.deg2rad(grid.x), indexing="ij")
    ssh = 0.2 * np.sin(8 * x) * np.cos(9 * y)
    fields = {"ssh": ssh, "u": 0 * ssh, "v": 0 * ssh, "t": 298.15 + 0 * ssh}
    units = {"ssh": "m", "u": "m s-1", "v": "m s-1", "t": "K"}
    return xr.Dataset(
        {
            name: (("time", "y", "x"), np.repeat(values[None], 3, 0), {"units": units[name]})
            for name, values in fields.items()
        },
        coords={"time": times, "y": grid.y, "x": grid.x},
    )


def _write_rows(store: Path, grid: Grid, settings: RunSettings) -> None:
    cells = np.arange(0, grid.n_cells, 45)  # about 2,000 a cycle
    j, i = np.divmod(cells, grid.shape[1])
    for cycle in range(1, settings.time.cycles + 1):
        write_observations(
            store,
            make_rows(
                {
                    "time": settings.time.at(cycle).astype("datetime64[ns]"),
                    "lat": grid.y[j],
                    "lon": grid.x[i],
                    "variable": variable_code("ssh"),
                    "value": 0.1,
                    "error": 0.05,
                    "product": product_code("other"),
                    "platform": cells,
                }
            ),
        )


def speed_up() -> None:
    """Print two workers against the serial engine."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = large_ocean(Path(scratch))
        short = settings.model_copy(update={"time": settings.time.model_copy(update={"cycles": 2})})
        engine = DaskEngine(workers=2, dashboard=None)
        try:
            seconds_a_cycle(short, Path(scratch, "warm"), engine)
            dask = seconds_a_cycle(settings, Path(scratch, "dask"), engine)
        finally:
            engine.close()
        serial = seconds_a_cycle(settings, Path(scratch, "serial"), SerialEngine())
    print(f"280 x 320 x 3, 24 members: serial {serial:.2f} s a cycle, dask with 2 workers "
          f"{dask:.2f} s; speed-up {serial / dask:.2f} (asked: at least 1.6)")  # fmt: skip


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["overhead", "speed-up"]
    if "overhead" in wanted:
        overhead()
    if "speed-up" in wanted:
        speed_up()
