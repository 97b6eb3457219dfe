"""Time of a LETKF analysis on one core: ``python tests/benchmarks/bench_letkf.py``."""

from __future__ import annotations

import time

import numpy as np
from halocast.filters.base import BlockGroup, BlockObservations, make_group
from halocast.filters.letkf import LetkfSettings, sees, update
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import GAUSSIAN, IDENTITY


def group_of(
    shape: tuple[int, int], fields: int, m: int, p: int, settings: LetkfSettings
) -> BlockGroup:
    rng = np.random.default_rng(0)
    grid, n = Grid.plane(*shape, 1.0, 1.0), shape[0] * shape[1]
    field, cell = rng.integers(0, min(fields, 4), p), rng.integers(0, n, p)
    seen = BlockObservations(
        np.arange(p), field * n + cell, field, cell, rng.normal(size=p), np.ones(p),
        np.full(p, IDENTITY, np.int8), np.zeros(p), np.ones(p), np.full(p, GAUSSIAN, np.int8),
        np.ones(p),
    )  # fmt: skip
    blocks = partition(shape, settings.block)
    return make_group(
        np.arange(blocks.n_blocks), blocks, sees(settings, blocks, cell, grid), seen,
        rng.normal(size=(m, fields, n)), rng.normal(size=(m, fields, n)),
        ModelNoise.independent(np.ones((fields, n)), grid), grid=grid, seed=1, cycle=1,
    )  # fmt: skip


def main() -> None:
    cases = [
        ("70x80, 12 fields, 25 members, 600 obs", (70, 80), 12, 25, 600, {"radius": 2.0}),
        ("the same, radius 3", (70, 80), 12, 25, 600, {"radius": 3.0}),
        ("the same, stride 2", (70, 80), 12, 25, 600, {"radius": 3.0, "weight_stride": 2}),
        ("120x120, 50 members, 1800 obs, own cell", (120, 120), 1, 50, 1800, {"radius": 0.5}),
    ]
    for name, shape, fields, m, p, choice in cases:
        settings = LetkfSettings(**choice)
        group = group_of(shape, fields, m, p, settings)
        update(group, settings)
        best = np.inf
        for _ in range(5):
            begin = time.thread_time()
            update(group, settings)
            best = min(best, time.thread_time() - begin)
        print(f"{name}: {1e3 * best:.0f} ms")


if __name__ == "__main__":
    main()
