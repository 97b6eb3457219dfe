"""A thousand by a thousand cells: what a cycle of that size costs, in seconds and in memory.

    python tests/benchmarks/bench_scale.py                       # serial, the whole size
    python tests/benchmarks/bench_scale.py --engine dask         # two local workers
    mpirun -n 2 python tests/benchmarks/bench_scale.py --engine mpi
    python tests/benchmarks/bench_scale.py --size 500 --tasks    # a quarter, and every kind of task

25 members of a three-layer ocean (12 fields), 150,000 observations on 1000 x 1000 cells: heights on
two swaths, drifters between them. Asked: one analysis with LSMCMC V2 and its exact sampler within
30 s on two cores and 16 GB, from the end of the last forecast to the commit, with the moves, the
checkpoint of all members and the commit. Everything goes through the real driver, the real stores
and the disk of ``--folder``; the forecast is two model steps a cycle.

The first cycle compiles and is not counted. Memory is the sum over processes of each one's largest
resident set: an upper bound of what was used at any moment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from halocast.capacity.stopwatch import Lap, Timed, laps_in, peak_memory
from halocast.config import RunSettings, validate_settings
from halocast.engines import make_engine
from halocast.grid import Grid
from halocast.runs import carry_out, create_run
from halocast.sources.rows import make_rows, product_code, variable_code
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import write_observations

STEP, STEPS, CYCLES = 10, 2, 2
START = np.datetime64("2024-08-01T00:00:00", "ns")
LAT, LON = (10.0, 45.0), (-60.0, -20.0)


def ocean(folder: Path, size: int, members: int, filter_: dict[str, Any]) -> RunSettings:
    """Write the data store of an ocean of ``size`` x ``size`` cells; return its run."""
    lat, lon = (*LAT, size), (*LON, size)
    grid = Grid.sphere(*lat, *lon, np.full((size, size), 4500.0))
    store = folder / "data.zarr"
    write_grid(store, grid)
    write_forcing(store, forcing(grid))
    settings = validate_settings(
        {
            "name": "scale",
            "time": {"start": str(START)[:19], "cycles": CYCLES, "cycle_seconds": STEP * STEPS},
            "grid": {"kind": "sphere", "lat": lat, "lon": lon},
            "model": {
                "kind": "shallow-water",
                "time_step": STEP,
                "viscosity": 50.0,
                "perturbation": {"ssh_sd": 0.0},  # the spread is temperature's and the noise's
            },
            "ensemble": {
                "members": members,
                "model_noise": {"ssh": 0.01, "u0": 0.02, "v0": 0.02, "t0": 0.05},
            },
            "observations": {"withhold": {"drifters": 0.1}},
            "data": {"store": str(store)},
            "filter": filter_,
            "free_run": False,
            "checkpoint": {"every": 1, "keep": 1},
        }
    )
    for cycle in range(1, CYCLES + 1):
        write_observations(store, rows(grid, settings.time.at(cycle), cycle))
    return settings


def forcing(grid: Grid) -> xr.Dataset:
    """Make three steps of a smooth analysis."""
    y, x = np.meshgrid(np.deg2rad(grid.y), np.deg2rad(grid.x), indexing="ij")
    ssh = 0.2 * np.sin(8 * x) * np.cos(9 * y)
    fields = {"ssh": ssh, "u": 0 * ssh, "v": 0 * ssh, "t": 298.15 + 0 * ssh}
    units = {"ssh": "m", "u": "m s-1", "v": "m s-1", "t": "K"}
    times = START + np.arange(3) * np.timedelta64(3, "h")
    return xr.Dataset(
        {
            name: (("time", "y", "x"), np.repeat(values[None], 3, 0), {"units": units[name]})
            for name, values in fields.items()
        },
        coords={"time": times, "y": grid.y, "x": grid.x},
    )


def rows(grid: Grid, at: np.datetime64, cycle: int) -> xr.Dataset:
    """Make the rows of a cycle, 15 % of the cells: 12 % heights of two swaths, 3 % by drifters."""
    ny, nx = grid.shape
    rng = np.random.default_rng(cycle)
    width = max(1, 6 * nx // 100)
    j = np.repeat(np.arange(ny), 2 * width)
    first = np.array([20, 65]) * nx // 100
    i = (np.arange(ny)[:, None, None] // 10 + first[None, :, None] + np.arange(width)).ravel() % nx
    swath = j * nx + i
    drifters = rng.choice(grid.n_cells, grid.n_cells // 100, replace=False)
    cell = np.concatenate([swath, np.tile(drifters, 3)])
    counts = [swath.size, *3 * [drifters.size]]
    sd = np.repeat([0.03, 0.1, 0.1, 0.3], counts)
    variables = [variable_code(name) for name in ("ssh", "u", "v", "t")]
    background = np.repeat([0.0, 0.0, 0.0, 298.15], counts)
    j, i = np.divmod(cell, nx)
    return make_rows(
        {
            "time": at.astype("datetime64[ns]"),
            "lat": grid.y[j],
            "lon": grid.x[i],
            "variable": np.repeat(variables, counts),
            "value": background + sd * rng.normal(size=cell.size),
            "error": sd,
            "product": product_code("other"),
            "platform": cell,
        }
    )


def show(laps: list[Lap], committed: dict[int, float], by_task: bool) -> None:
    """Print what the last cycle cost."""
    last = f"-{CYCLES:06d}"
    mine = [lap for lap in laps if lap.name.endswith(last)]
    ahead = [lap for lap in mine if lap.kind == "forecast"]
    done = max(lap.stop for lap in ahead)
    print(f"forecast, {STEPS} steps of all members: {sum(lap.cpu for lap in ahead):.1f} s CPU, "
          f"{done - min(lap.start for lap in ahead):.1f} s wall")  # fmt: skip
    after = [lap for lap in mine if lap.stop > done and lap.kind not in ("forecast", "prepare")]
    cpu = sum(lap.cpu for lap in after)
    print(f"analysis, moves, checkpoint, commit: {committed[CYCLES] - done:.1f} s wall, "
          f"{cpu:.1f} s CPU of its tasks (asked, of two quiet cores: 30 s wall)")  # fmt: skip
    for pid, peak in sorted(peak_memory(laps).items()):
        print(f"  process {pid}: largest resident set {peak / 1e9:.2f} GB")
    if by_task:
        for kind in dict.fromkeys(lap.kind for lap in mine):
            some = [lap for lap in mine if lap.kind == kind]
            print(f"  {kind:<13} {len(some):>4} tasks {sum(lap.cpu for lap in some):7.2f} s CPU "
                  f"{sum(lap.stop - lap.start for lap in some):7.2f} s wall, resident after "
                  f"{max(lap.resident for lap in some) / 1e9:5.2f} GB")  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=["serial", "dask", "mpi"], default="serial")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--members", type=int, default=25)
    parser.add_argument("--groups", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the stores are made; default: scratch")
    parser.add_argument("--filter", default='{"method": "lsmcmc-v2"}', help="as JSON")
    parser.add_argument("--tasks", action="store_true", help="print every kind of task")
    asked = parser.parse_args()
    engine = make_engine(asked.engine, asked.workers)
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    committed: dict[int, float] = {}
    try:
        settings = ocean(folder, asked.size, asked.members, json.loads(asked.filter))
        create_run(settings, folder / "run")
        carry_out(
            folder / "run",
            Timed(engine, folder / "laps"),
            groups=asked.groups,
            watch=lambda done: committed.update({done.cycle: time.time()}),
        )
        summary = json.loads((folder / f"run/commits/{CYCLES:06d}.json").read_text())
        print(f"of the update, the filter: {summary['analysis_seconds']:.2f} s CPU")
        print(f"{asked.size} x {asked.size} cells, 12 fields, {asked.members} members, "
              f"{summary['assimilated']} observations assimilated of {summary['observations']}, "
              f"{asked.engine}, {engine.places} places, load {os.getloadavg()[0]:.1f}")  # fmt: skip
        show(laps_in(folder / "laps"), committed, asked.tasks)
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
