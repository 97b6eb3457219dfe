"""What an analysis costs on one core, in CPU time, numba's compilation excluded.

    python tests/benchmarks/bench_analysis.py

Asked, of the `twin-arctan-cauchy` experiment (70 x 80 cells, 25 members, 580 observations with
arctan operators and Cauchy errors): 0.1 s a cycle with the exact sampler, 2 s with pCN in variant 2
as in the paper (blocks of 2 x 4, 2000 samples after 500), 2 s with HMC in variant 1 (10 chains, 300
samples after 200, 10 leapfrog steps). And 100 cycles of the 120 x 120 linear-Gaussian experiment in
2 s with all the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from halocast.filters import BlockGroup, LsmcmcV2Settings, lsmcmc_v1, lsmcmc_v2
from halocast.filters.base import BlockObservations, make_group
from halocast.filters.lsmcmc_v1 import LsmcmcV1Settings
from halocast.filters.sampling import MixtureSettings
from halocast.grid import Grid
from halocast.localization.blocks import incidence, partition
from halocast.noise import ModelNoise, centre
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, STUDENT_T
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import BUILT_IN

PUBLISHED = {"block": (2, 4), "halo": 1.6, "taper": "paper"}
PCN = {"kernel": "pcn", "chains": 1, "samples": 2000, "burn_in": 500}
HMC = {"kernel": "hmc", "chains": 10, "samples": 300, "burn_in": 200, "leapfrog_steps": 10}


def cpu_seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Least CPU time of a few runs, after one that compiles."""
    work()
    best = np.inf
    for _ in range(repeats):
        begin = time.thread_time()
        work()
        best = min(best, time.thread_time() - begin)
    return best


def group_of(
    settings: MixtureSettings, shape: tuple[int, int], forecast: np.ndarray, noise_sd: np.ndarray,
    observations: BlockObservations,
) -> BlockGroup:  # fmt: skip
    """All blocks of a domain in one group."""
    blocks, grid = partition(shape, settings.block), Grid.plane(*shape, 1.0, 1.0)
    model_noise = ModelNoise.independent(noise_sd, grid)
    noise = centre(model_noise.white_tile(len(forecast), np.arange(grid.n_cells), 1, 1))
    seen = incidence(
        blocks, observations.cell, halo=getattr(settings, "halo", 0.0),
        taper=getattr(settings, "taper", "continuous"),
    )  # fmt: skip
    return make_group(
        np.arange(blocks.n_blocks), blocks, seen, observations, forecast, noise, model_noise,
        grid=grid, seed=1, cycle=1, sees_all=not isinstance(settings, LsmcmcV2Settings),
    )  # fmt: skip


def observed(
    n: int, field: np.ndarray, cell: np.ndarray, value: np.ndarray, error: float, operator: int,
    noise_kind: int, center: np.ndarray | float = 0.0, scale: np.ndarray | float = 1.0,
) -> BlockObservations:  # fmt: skip
    full = np.ones(cell.size)
    return BlockObservations(
        np.arange(cell.size), field * n + cell, field, cell, value, error * full,
        np.full(cell.size, operator, np.int8), center * full, scale * full,
        np.full(cell.size, noise_kind, np.int8), full,
    )  # fmt: skip


def twin_group(settings: MixtureSettings) -> BlockGroup:
    """A cycle of `twin-arctan-cauchy` as published: 125 drifters, 120 of them with temperature.

    210 heights of a pass; height and temperature are saturated.
    """
    shape, members, fields = (70, 80), 25, 12
    n = shape[0] * shape[1]
    rng = np.random.default_rng(3)
    noise_sd = np.zeros((fields, n))
    noise_sd[:4] = np.array([0.15, 0.15, 0.5, 1.0])[:, None]
    forecast = rng.normal(size=(members, fields, n))
    forecast[:, :2] = 0.3 * rng.normal(size=(2, n)) + 0.1 * forecast[:, :2]
    forecast[:, 2] *= 0.2
    forecast[:, 3] = 298 + 0.5 * forecast[:, 3]
    drifters = rng.choice(n, 125, replace=False)
    swath = (20 + np.arange(210) // 8) * 80 + 30 + np.arange(210) % 8
    field = np.repeat([0, 1, 2, 3], [125, 125, 210, 120])
    cell = np.concatenate([drifters, drifters, swath, drifters[:120]])
    center = np.where(field == 2, -4000.0, 0.0)
    truth = forecast.mean(axis=0)[field, cell] + noise_sd[field, cell] * rng.normal(size=cell.size)
    value = np.arctan(truth - center) + 0.05 * rng.standard_cauchy(cell.size)
    rows = observed(n, field, cell, value, 0.05, ARCTAN, STUDENT_T, center)
    return group_of(settings, shape, forecast, noise_sd, rows)


def crowded_group(operator: int, noise_kind: int, ratio: float) -> BlockGroup:
    """2,000 observations, errors ``ratio`` times the model noise, in blocks of 2 x 2."""
    shape, members, fields, p, sd = (70, 80), 25, 12, 2000, 0.5
    n = shape[0] * shape[1]
    rng = np.random.default_rng(3)
    noise_sd = np.zeros((fields, n))
    noise_sd[:4] = sd
    field, cell = rng.integers(0, 4, p), rng.choice(n, p)
    truth, error = sd * rng.normal(size=p), ratio * sd
    value = np.arctan(truth) if operator == ARCTAN else truth
    heavy = noise_kind == STUDENT_T
    value = value + error * (rng.standard_cauchy(p) if heavy else rng.normal(size=p))
    rows = observed(n, field, cell, value, error, operator, noise_kind)
    forecast = sd * rng.normal(size=(members, fields, n))
    return group_of(LsmcmcV2Settings(block=(2, 2), halo=2.5), shape, forecast, noise_sd, rows)


def linear_group(settings: MixtureSettings) -> BlockGroup:
    """The 120 x 120 experiment: 50 members, 12 % observed."""
    n, members, sd = 14_400, 50, 0.05
    rng = np.random.default_rng(3)
    cell = np.flatnonzero(rng.random(n) < 0.12)
    rows = observed(
        n, np.zeros_like(cell), cell, sd * rng.normal(size=cell.size), sd, IDENTITY, GAUSSIAN
    )
    forecast = 0.25 * sd * rng.normal(size=(members, 1, n))
    return group_of(settings, (120, 120), forecast, np.full((1, n), sd), rows)


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


def print_twin() -> None:
    """Print the figures of one cycle of the twin."""
    for asked, name, update, settings in (
        (100, "V2, exact", lsmcmc_v2.update, LsmcmcV2Settings(**PUBLISHED)),
        (None, "V2, quantile map", lsmcmc_v2.update,
         LsmcmcV2Settings(reduction="quantile", **PUBLISHED)),
        (2000, "V2, pCN", lsmcmc_v2.update, LsmcmcV2Settings(sampler=PCN, **PUBLISHED)),
        (100, "V1, exact", lsmcmc_v1.update, LsmcmcV1Settings(block=(14, 8))),
        (2000, "V1, HMC", lsmcmc_v1.update, LsmcmcV1Settings(block=(14, 8), sampler=HMC)),
    ):  # fmt: skip
        group = twin_group(settings)
        seconds = cpu_seconds(lambda u=update, g=group, s=settings: u(g, s), 3)
        wanted = f" (asked: {asked})" if asked else ""
        print(f"one cycle of twin-arctan-cauchy, {name}: {1e3 * seconds:.0f} ms{wanted}")


def main() -> None:
    """Print the figures."""
    print_twin()
    settings = LsmcmcV2Settings(block=(2, 2), halo=2.5)
    for name, operator, noise_kind, ratio in (
        ("identity + Gaussian, error = model noise", IDENTITY, GAUSSIAN, 1.0),
        ("arctan + Cauchy, error = model noise", ARCTAN, STUDENT_T, 1.0),
        ("arctan + Cauchy, error = 0.2 model noise", ARCTAN, STUDENT_T, 0.2),
    ):
        group = crowded_group(operator, noise_kind, ratio)
        seconds = cpu_seconds(lambda g=group: lsmcmc_v2.update(g, settings))
        print(f"2,000 observations, {name}: {1e3 * seconds:.0f} ms")
    settings = LsmcmcV2Settings(block=(2, 3), halo=2.5)
    group = linear_group(settings)
    seconds = cpu_seconds(lambda: lsmcmc_v2.update(group, settings))
    print(f"100 cycles of the 120 x 120 filter: {100 * seconds:.2f} s (asked with the rest: 2)")
    for ratio in (1.0, 0.2, 0.01):
        condition, draw = quadrature_rate(ratio)
        print(
            f"quadrature, error / noise {ratio}: {condition:.0f} us a scalar of 25 ancestors, "
            f"{draw:.0f} us for 25 draws; {25e6 / condition:.2g} integrals a second"
        )


if __name__ == "__main__":
    main()
