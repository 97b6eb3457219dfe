"""What distances cost a block: ``python tests/benchmarks/bench_distances.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from halocast.filters import FILTERS
from halocast.filters.base import BlockObservations, make_group
from halocast.filters.block_windows import Windows
from halocast.filters.window_methods import WINDOW_SETTINGS
from halocast.grid import Grid
from halocast.localization.blocks import Incidence, partition
from halocast.localization.water import waters_of
from halocast.noise import ModelNoise
from halocast.samplers.densities import GAUSSIAN, IDENTITY

SHAPE, N, FIELDS, M, P = (70, 80), 5600, 12, 25, 500
MEASURES = {"cells": 6.0, "great-circle": 300.0, "water": 300.0}


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """CPU time of some work, the best of a few."""
    best = np.inf
    for _ in range(times):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def box() -> Grid:
    """A North Atlantic with a peninsula from the south, one from the north, and an island."""
    sea = np.ones(SHAPE, dtype=bool)
    sea[:40, 30] = sea[50:, 55:58] = sea[20:25, 60:70] = False
    return Grid.sphere(10.0, 45.0, 70, -60.0, -20.0, 80, sea=sea)


def observed(grid: Grid) -> BlockObservations:
    rng = np.random.default_rng(0)
    cell, field = rng.choice(np.flatnonzero(grid.sea), P, replace=False), rng.integers(0, 4, P)
    return BlockObservations(
        np.arange(P), field * N + cell, field, cell, rng.normal(size=P), np.full(P, 0.5),
        np.full(P, IDENTITY, "i4"), np.zeros(P), np.ones(P), np.full(P, GAUSSIAN, "i1"), np.ones(P),
    )  # fmt: skip


def measure(method: str, localization: str, distance: str, halo: float, grid: Grid) -> str:
    settings = WINDOW_SETTINGS[method].model_validate(
        {"method": method, "localization": localization, "distance": distance, "halo": halo}
    )
    seen, blocks, rng = observed(grid), partition(SHAPE, settings.block), np.random.default_rng(1)
    forecast, noise = rng.normal(size=(2, M, FIELDS, N))

    def find() -> Incidence:
        return FILTERS[method].incidence(settings, blocks, seen.cell, grid)

    find()  # compiles
    waters_of.cache_clear()
    first, again = seconds(find, 1), seconds(find)
    group = make_group(
        np.arange(blocks.n_blocks), blocks, find(), seen, forecast, noise,
        ModelNoise.independent(np.ones((FIELDS, N)), grid), grid=grid, seed=1, cycle=1,
    )  # fmt: skip
    windows = Windows(group, forecast + noise, settings)
    busy = np.flatnonzero(np.diff(group.obs_start))
    windows.of(busy[0])
    FILTERS[method].update(group, settings)
    window = seconds(lambda: [windows.of(b) for b in busy])
    whole = seconds(lambda: FILTERS[method].update(group, settings))
    each = 1e6 / busy.size
    return (
        f"{method} {distance:13s} microseconds a block: seen {each * first:5.1f} at first, "
        f"{each * again:4.1f} again; window {each * window:5.1f}, all {each * whole:5.1f}"
    )


def main() -> None:
    for method, localization in (("etkf", "observations"), ("ensrf", "covariances")):
        for distance, halo in MEASURES.items():
            print(measure(method, localization, distance, halo, box()))


if __name__ == "__main__":
    main()
