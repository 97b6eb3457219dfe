"""What a cycle's observations cost: ``python tests/benchmarks/bench_observations.py``."""

from __future__ import annotations

import time

import numpy as np
from halocast.draws import Address, Purpose
from halocast.grid import Grid
from halocast.observations import ObservationSettings, check_gross_errors, prepare_observations
from halocast.random_fields import red_noise
from halocast.sources.rows import make_rows
from halocast.state import Field, StateLayout

LAYOUT = StateLayout(
    (
        Field("ssh", None, "m", "sea-surface height"),
        Field("u", 0, "m s-1", "eastward velocity", place="east"),
        Field("v", 0, "m s-1", "northward velocity", place="north"),
        Field("t", 0, "K", "temperature"),
    )
)
START = np.datetime64("2024-08-01T00", "s")
STOP = np.datetime64("2024-08-01T01", "s")


def best(label: str, call, repeats: int = 7):
    """Print the shortest of some calls, after one to compile."""
    call()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - begin)
    print(f"{label:<62} {1e3 * min(times):7.2f} ms")
    return result


def swath_rows(n: int):
    """Pixels of two passes across the North Atlantic, in order of time, and 400 drifter rows."""
    rng = np.random.default_rng(0)
    along, across = np.divmod(np.arange(n), 60)
    share = along / along.max()
    pixels = {
        "time": (START + 1 + (3598 * share).astype(int)).astype("datetime64[ns]"),
        "lat": 10.1 + 34.8 * share,
        "lon": -45 + 10 * share + 0.018 * (across - 30),
        "variable": np.zeros(n, int),
        "value": rng.normal(size=n),
        "error": np.full(n, 0.02),
        "product": np.full(n, 1),
        "platform": 20_001 + (np.arange(n) > n // 2),
    }
    drifters = {
        "time": (START + rng.integers(1, 3600, 400)).astype("datetime64[ns]"),
        "lat": rng.uniform(10, 45, 400),
        "lon": rng.uniform(-60, -20, 400),
        "variable": rng.integers(1, 4, 400),
        "value": rng.normal(size=400),
        "error": np.full(400, 0.05),
        "product": np.full(400, 5),
        "platform": rng.integers(1, 130, 400),
    }
    return make_rows({k: np.concatenate([pixels[k], drifters[k]]) for k in pixels})


def main() -> None:
    """Print the figures."""
    grid, settings = Grid.sphere(10, 45, 70, -60, -20, 80), ObservationSettings()
    for n in (10_000, 100_000):
        rows = swath_rows(n)
        table, _ = best(
            f"prepare {rows.sizes['row']:,} rows",
            lambda rows=rows: prepare_observations(rows, grid, LAYOUT, settings, 1, (START, STOP)),
        )
        print(f"  {table.size} observations")
    observed = np.random.default_rng(1).normal(size=(25, table.size))
    noise_sd = np.full(table.size, 0.1)
    best(
        f"gross-error check, 25 members x {table.size}",
        lambda: check_gross_errors(table, observed, noise_sd, settings),
    )
    for shape, length in (((70, 80), 3.0), ((280, 320), 12.0)):
        address = Address(1, 0, Purpose.INITIAL_STATE, 0)
        best(f"red noise {shape[0]} x {shape[1]}, length {length:g} cells",
             lambda s=shape, c=length, a=address: red_noise(s, c, a))  # fmt: skip


if __name__ == "__main__":
    main()
