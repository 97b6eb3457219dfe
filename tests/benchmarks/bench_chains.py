"""Cost and mixing of chains: ``python tests/benchmarks/bench_chains.py``."""

from __future__ import annotations

import time

import numpy as np
from halocast.samplers.chains import ChainSettings, ChainTarget, run_chains
from halocast.samplers.chains.settings import KERNELS
from halocast.samplers.densities import ARCTAN, STUDENT_T


def target_of(
    scalars: int, *, members: int = 25, dense: bool = False, seed: int = 1
) -> ChainTarget:
    """Build a block of arctan observations with Cauchy errors."""
    rng = np.random.default_rng(seed)
    sd = np.full(scalars, 0.5)
    x = np.arange(scalars)
    factor = np.empty((0, 0))
    if dense:
        factor = 0.5 * np.linalg.cholesky(np.exp(-np.abs(x[:, None] - x) / 3.0))
    mean = rng.normal(size=scalars) + 0.4 * rng.normal(size=(members, scalars))
    value = np.arctan(mean[0] + 0.5 * rng.normal(size=scalars))
    one = np.ones(scalars)
    return ChainTarget(
        mean, sd, factor, np.zeros(members), np.arange(scalars + 1),
        value + 0.1 * rng.standard_cauchy(scalars), 0.1 * one, np.full(scalars, ARCTAN), 0.0 * one,
        one, np.full(scalars, STUDENT_T), one, one,
    )  # fmt: skip


def measure(name: str, target: ChainTarget, settings: ChainSettings, blocks: int) -> None:
    """Print the processor time of some blocks and the chains' health."""
    run_chains(target, settings, 1, 1, 0)
    start = time.process_time()
    found = [run_chains(target, settings, 1, 1, block) for block in range(blocks)]
    spent = (time.process_time() - start) / blocks
    iterations = settings.chains * (settings.burn_in + settings.per_chain)
    ess = float(np.median([c.ess for c in found]))
    print(
        f"{name} {settings.kernel}: {1e3 * spent:.2f} ms a block, "
        f"{1e6 * spent / iterations:.2f} us an iteration, "
        f"acceptance {np.mean([c.acceptance.mean() for c in found]):.2f}, "
        f"samples per effective one {settings.samples / ess:.1f}, "
        f"R-hat {np.median([c.r_hat for c in found]):.2f}"
    )


def main() -> None:
    """Print the cost of small blocks and of one large one."""
    for kernel in KERNELS:
        settings = ChainSettings(kernel=kernel, chains=1, burn_in=500, samples=2000)
        measure("8 scalars", target_of(8), settings, 100)
    for dense in (False, True):
        name = "550 scalars, dense" if dense else "550 scalars"
        length = {"burn_in": 20, "samples": 200} if dense else {"burn_in": 250, "samples": 2500}
        for kernel in KERNELS:
            settings = ChainSettings(kernel=kernel, chains=10, **length)
            measure(name, target_of(550, dense=dense), settings, 1)


if __name__ == "__main__":
    main()
