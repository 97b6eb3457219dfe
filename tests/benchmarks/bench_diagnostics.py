"""Cost of scoring an ensemble: ``python tests/benchmarks/bench_diagnostics.py``."""

from __future__ import annotations

import time

import numpy as np
from halocast.diagnostics import ensemble_crps


def crps_of_fields(members: int = 25, cells: int = 22_400, repeats: int = 20) -> float:
    """Print and return the best time in ms of the crps of ``cells`` cells."""
    rng = np.random.default_rng(1)
    ensemble, truth = rng.normal(size=(members, cells)), rng.normal(size=cells)
    ensemble_crps(ensemble, truth)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        ensemble_crps(ensemble, truth)
        times.append(1e3 * (time.perf_counter() - start))
    print(f"crps, {members} members x {cells} cells: {min(times):.1f} ms")
    return min(times)


if __name__ == "__main__":
    crps_of_fields()
