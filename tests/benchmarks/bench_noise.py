"""Cost of the model noise of a 70 x 80 ocean: ``python tests/benchmarks/bench_noise.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.noise import FieldNoise, ModelNoise, fill_covariance

SMOOTH = {"correlation": "gaspari-cohn", "length": 6.0}
CASES = {
    "white ssh, u0, v0": {"ssh": {"sd": 0.005}, "u0": {"sd": 0.01}, "v0": {"sd": 0.01}},
    "smooth ssh": {"ssh": {"sd": 0.02, **SMOOTH}},
    "matern ssh": {"ssh": {"sd": 0.02, "correlation": "matern", "length": 3.0}},
    "balanced ssh": {"ssh": {"sd": 0.02, "balanced": True, **SMOOTH}},
}


def best(work: Callable[[], object], repeats: int = 30) -> float:
    """Best time of some work in s, after a first call."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def noise_of(model: ShallowWater, case: dict[str, dict]) -> ModelNoise:
    """Build a case's model noise."""
    settings = {name: FieldNoise(**entry) for name, entry in case.items()}
    return ModelNoise.build(settings, model.grid, model.layout, model.surface_response())


def run(scalars: int = 300) -> None:
    """Print the cost of building, drawing, terms and covariances."""
    model = ShallowWater(ShallowWaterSettings(), Grid.sphere(10, 45, 70, -60, -20, 80))
    rng = np.random.default_rng(1)
    cell = (20 + rng.integers(0, 10, scalars)) * 80 + 30 + rng.integers(0, 10, scalars)
    field, rows = rng.integers(0, 3, scalars), np.arange(scalars)
    out = np.empty((scalars, scalars))
    for name, case in CASES.items():
        noise = noise_of(model, case)
        terms = noise.terms(field, cell)
        pairs = float(np.diff(terms.start).mean() ** 2)
        build = best(lambda c=case: noise_of(model, c).sd, 5)
        draw = best(lambda n=noise: n.draw(1, 1, 1))
        listing = best(lambda n=noise: n.terms(field, cell))
        filling = best(
            lambda n=noise, t=terms: fill_covariance(n.correlation, t, rows, t, rows, out)
        )
        print(
            f"{name}: build with sd {1e3 * build:.1f} ms, draw {1e3 * draw:.2f} ms a member, "
            f"terms {1e6 * listing / scalars:.2f} us a scalar, "
            f"covariance {1e9 * filling / scalars**2:.1f} ns a pair of scalars "
            f"({pairs:.1f} pairs of terms)"
        )


if __name__ == "__main__":
    run()
