"""What the bridge costs on one core, in CPU time, numba's compilation excluded.

    python tests/benchmarks/bench_bridge.py

Asked: one 70 x 80 cycle (12 fields, 25 members, 600 observations, blocks of 4 x 4 cells, a halo of
5, correlated noise in the upper four fields) in 0.5 s where errors are Gaussian and in 1.5 s where
they are Student-t.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from halocast.filters.base import BlockGroup, BlockObservations, make_group
from halocast.filters.bridge import BridgeSettings, sees, update
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.noise import FieldNoise, ModelNoise, centre
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, STUDENT_T
from halocast.state import Field, StateLayout


def cpu_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Least CPU time of a few runs, after one that compiles."""
    work()
    best = np.inf
    for _ in range(repeats):
        begin = time.thread_time()
        work()
        best = min(best, time.thread_time() - begin)
    return best


def ocean_group(settings: BridgeSettings, operator: int, noise_kind: int) -> BlockGroup:
    """12 fields, correlated noise in the upper 4, one in four observations of each."""
    shape, members, fields, p, sd = (70, 80), 25, 12, 600, 0.5
    rng = np.random.default_rng(3)
    grid = Grid.plane(*shape, 1e4, 1e4)
    layout = StateLayout(tuple(Field(f"f{k}", None, "1", "a field") for k in range(fields)))
    noise = FieldNoise(sd=sd, correlation="gaspari-cohn", length=4.0)
    model_noise = ModelNoise.build({f"f{k}": noise for k in range(4)}, grid, layout)
    draws = centre(np.stack([model_noise.draw(1, 1, i) for i in range(members)]))
    n = grid.n_cells
    forecast = np.stack([model_noise.draw(1, 2, i) for i in range(members)]).reshape(members, -1, n)
    forecast[:, 4:] = forecast[:, :1] + 0.1 * rng.normal(size=(members, fields - 4, n))
    field, cell = rng.integers(0, 4, p), rng.choice(n, p)
    truth = sd * rng.normal(size=p)
    error = rng.standard_t(1.5, p) if noise_kind == STUDENT_T else rng.normal(size=p)
    value = (np.arctan(truth) if operator == ARCTAN else truth) + 0.3 * sd * error
    full = np.ones(p)
    observations = BlockObservations(
        np.arange(p), field * n + cell, field, cell, value, 0.3 * sd * full,
        np.full(p, operator, np.int8), 0 * full, full, np.full(p, noise_kind, np.int8), 1.5 * full,
    )  # fmt: skip
    blocks = partition(shape, settings.block)
    return make_group(
        np.arange(blocks.n_blocks), blocks, sees(settings, blocks, cell, grid), observations,
        forecast, draws.reshape(members, fields, n), model_noise, grid=grid, seed=1, cycle=1,
    )  # fmt: skip


def main() -> None:
    """Print the figures."""
    for name, operator, noise_kind, asked in (
        ("identity + Gaussian", IDENTITY, GAUSSIAN, "0.5 s"),
        ("identity + Student-t", IDENTITY, STUDENT_T, "1.5 s"),
        ("arctan + Student-t", ARCTAN, STUDENT_T, "nothing"),
    ):
        for bridge in (1.0, 0.0):
            settings = BridgeSettings(block=(4, 4), halo=5.0, covariance_radius=5.0, bridge=bridge)
            group = ocean_group(settings, operator, noise_kind)
            seconds = cpu_seconds(lambda g=group, s=settings: update(g, s))
            seen = np.diff(group.obs_start).mean()
            print(
                f"70 x 80, {name}, bridge {bridge:g}, {seen:.0f} observations a block: "
                f"{seconds:.2f} s (asked: {asked})",
                flush=True,
            )


if __name__ == "__main__":
    main()
