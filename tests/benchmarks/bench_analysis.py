"""What an analysis costs on one core, in CPU time, numba's compilation excluded.

    python tests/benchmarks/bench_analysis.py

Asked: one 70 x 80 cycle (about 2,000 observations, 25 members, 1,400 blocks of 2 x 2 cells) in
0.1 s, arctan + Cauchy included; 100 cycles of the 120 x 120 linear-Gaussian experiment in 2 s,
of which the filter is the larger part.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from halocast.filters import LsmcmcV2Settings
from halocast.filters.base import BlockGroup, BlockObservations, make_group
from halocast.filters.lsmcmc_v2 import update
from halocast.localization.blocks import incidence, partition
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, STUDENT_T
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import BUILT_IN


def cpu_seconds(work: Callable[[], object], repeats: int = 9) -> float:
    """Least CPU time of a few runs, after one that compiles."""
    work()
    best = np.inf
    for _ in range(repeats):
        begin = time.thread_time()
        work()
        best = min(best, time.thread_time() - begin)
    return best


def ocean_group(operator: int, noise: int, ratio: float) -> tuple[BlockGroup, LsmcmcV2Settings]:
    """12 fields, noise in the upper 4; errors ``ratio`` times the model noise."""
    shape, members, fields, p, q_sd = (70, 80), 25, 12, 2000, 0.5
    rng = np.random.default_rng(3)
    n = shape[0] * shape[1]
    forecast = q_sd * rng.normal(size=(members, fields, n))
    noise_sd = np.zeros((fields, n))
    noise_sd[:4] = q_sd
    normal = rng.normal(size=forecast.shape)
    normal -= normal.mean(axis=0)
    field, cell = rng.integers(0, 4, p), rng.choice(n, p)
    truth, error = q_sd * rng.normal(size=p), ratio * q_sd
    value = np.arctan(truth) if operator == ARCTAN else truth
    value = value + error * (rng.standard_cauchy(p) if noise == STUDENT_T else rng.normal(size=p))
    full = np.ones(p)
    observations = BlockObservations(
        field * n + cell, field, cell, value, error * full, np.full(p, operator, np.int8),
        0 * full, full, np.full(p, noise, np.int8), full,
    )  # fmt: skip
    settings = LsmcmcV2Settings(block=(2, 2), halo=2.5)
    blocks = partition(shape, settings.block)
    seen = incidence(blocks, cell, halo=settings.halo)
    everything = np.arange(blocks.n_blocks)
    return make_group(
        everything, blocks, seen, observations, forecast, noise_sd, normal, seed=1, cycle=1
    ), settings


def linear_group() -> tuple[BlockGroup, LsmcmcV2Settings]:
    """The 120 x 120 experiment: 50 members, 2 x 3 blocks, 12 % observed."""
    n, members, sd = 14_400, 50, 0.05
    rng = np.random.default_rng(3)
    cell = np.flatnonzero(rng.random(n) < 0.12)
    p = cell.size
    full, zero = np.ones(p), np.zeros(p, np.int8)
    observations = BlockObservations(
        cell, np.zeros(p, np.int64), cell, sd * rng.normal(size=p), sd * full, zero, 0 * full,
        full, zero, full,
    )  # fmt: skip
    settings = LsmcmcV2Settings(block=(2, 3), halo=2.5)
    blocks = partition((120, 120), settings.block)
    forecast = 0.25 * sd * rng.normal(size=(members, 1, n))
    normal = rng.normal(size=forecast.shape)
    return make_group(
        np.arange(blocks.n_blocks), blocks, incidence(blocks, cell, halo=settings.halo),
        observations, forecast, np.full((1, n), sd), normal, seed=1, cycle=1,
    ), settings  # fmt: skip


def quadrature_rate(ratio: float) -> tuple[float, float]:
    """Microseconds per observed scalar with one row, 25 ancestors: condition, then draw."""
    count, m, sd = 2000, 25, 0.5
    rng = np.random.default_rng(0)
    full = np.ones(count)
    value = np.arctan(sd * rng.normal(size=count)) + ratio * sd * rng.standard_cauchy(count)
    obs = ObservedScalars(
        sd * rng.normal(size=(count, m)), sd * full, np.arange(count + 1), value,
        ratio * sd * full, np.full(count, ARCTAN, np.int8), 0 * full, full,
        np.full(count, STUDENT_T, np.int8), full,
    )  # fmt: skip
    rows, own = np.arange(count + 1), np.arange(count)
    log_weight, mean = np.empty((count, m)), np.empty((count, m))
    variance, resolution = np.empty((count, m)), np.empty((count, 2))
    ancestor = np.tile(np.arange(m, dtype=np.int32), (count, 1))
    normal, out = rng.normal(size=(count, m)), np.empty((count, m))

    def condition() -> None:
        BUILT_IN.condition_scalars(
            obs, full > 0, rows, full, own, 0.1, log_weight, mean, variance, resolution
        )

    def draw() -> None:
        BUILT_IN.draw_scalars(obs, own, full, ancestor, normal, 0.1, resolution, out)

    return tuple(1e6 * cpu_seconds(work) / count for work in (condition, draw))


def main() -> None:
    """Print the figures."""
    for name, operator, noise, ratio in (
        ("identity + Gaussian, error = model noise", IDENTITY, GAUSSIAN, 1.0),
        ("arctan + Cauchy, error = model noise", ARCTAN, STUDENT_T, 1.0),
        ("arctan + Cauchy, error = 0.2 model noise", ARCTAN, STUDENT_T, 0.2),
    ):
        group, settings = ocean_group(operator, noise, ratio)
        seconds = cpu_seconds(lambda g=group, s=settings: update(g, s))
        print(f"one 70 x 80 cycle, {name}: {1e3 * seconds:.0f} ms (asked: 100)")
    group, settings = linear_group()
    seconds = cpu_seconds(lambda: update(group, settings))
    print(f"100 cycles of the 120 x 120 filter: {100 * seconds:.2f} s (asked with the rest: 2)")
    for ratio in (1.0, 0.2, 0.01):
        condition, draw = quadrature_rate(ratio)
        print(
            f"quadrature, error / noise {ratio}: {condition:.0f} us a scalar of 25 ancestors, "
            f"{draw:.0f} us for 25 draws; {25e6 / condition:.2g} integrals a second"
        )


if __name__ == "__main__":
    main()
