"""What it costs to keep a cycle: ``python tests/benchmarks/bench_run_store.py``."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "stores"))

from halocast.stores.run_store import CycleRecord, RunSpec, RunStore
from store_examples import cycle_record, member_state, ocean_grid, ocean_spec, plane_spec

CYCLES = 20


def linear_gaussian() -> RunSpec:
    """120 × 120 cells, one field, 50 members, reference beside."""
    return plane_spec(CYCLES + 1, 120, members=50, n_blocks=2400, max_slots=14400)


def north_atlantic() -> RunSpec:
    """70 × 80 cells, 12 fields, 25 members."""
    return ocean_spec(
        CYCLES + 1, grid=ocean_grid(70, 80), members=25, n_blocks=1400, max_slots=60000
    )


def full_record(spec: RunSpec, cycle: int, rows: int, raw: int) -> CycleRecord:
    """A cycle with as many columns as a real observation table has."""
    record = cycle_record(spec, cycle, rows=rows, raw=raw)
    table = {**record.table}
    for i in range(16):
        table[f"column{i}"] = table["value"] * i
    return record._replace(table=table, scores=record.scores * 1)


def cost(name: str, spec: RunSpec, rows: int, raw: int) -> None:
    """Print the milliseconds of each step of a cycle."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        store = RunStore.create(Path(folder, "run"), spec)
        created = time.perf_counter() - began
        records = [full_record(spec, k, rows, raw) for k in range(1, CYCLES + 2)]
        state = member_state(spec, 1, 0)
        first, writes, commits, members = 0.0, [], [], []
        for k, record in enumerate(records, 1):
            t0 = time.perf_counter()
            digests = store.write_cycle(k, record)
            t1 = time.perf_counter()
            store.commit(k, {"checkpoint": False}, digests)
            t2 = time.perf_counter()
            store.write_checkpoint("analysis", k, 0, state)
            t3 = time.perf_counter()
            if k == 1:
                first = t1 - t0
            else:
                writes.append(t1 - t0)
                commits.append(t2 - t1)
                members.append(t3 - t2)
        began = time.perf_counter()
        RunStore.open(Path(folder, "run"))
        opened = time.perf_counter() - began
        ms = [
            1e3 * x for x in (created, first, *map(np.median, (writes, commits, members)), opened)
        ]
        print(
            f"{name}: create {ms[0]:.0f} ms, first cycle {ms[1]:.0f}, write_cycle {ms[2]:.1f}, "
            f"commit {ms[3]:.1f}, one member {ms[4]:.2f}, open {ms[5]:.0f}"
        )


if __name__ == "__main__":
    cost("linear-Gaussian 120x120", linear_gaussian(), 1800, 1800)
    cost("North Atlantic 70x80x12", north_atlantic(), 2000, 40000)
    cost(
        "North Atlantic 280x320x12",
        replace(north_atlantic(), grid=ocean_grid(280, 320)),
        9000,
        60000,
    )
