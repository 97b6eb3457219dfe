"""Windows and problems for the tests of this room."""

from __future__ import annotations

import numpy as np
from halocast.filters.window import Window
from halocast.laboratory.problem import Problem


def random_window(m: int, n: int, p: int, seed: int) -> Window:
    """A window with the first p (mod n: repeated) scalars observed."""
    rng = np.random.default_rng(seed)
    forecast = rng.normal(size=(m, n)) @ rng.normal(size=(n, n)) + rng.normal(size=n)
    scalar = np.arange(p) % n
    return Window(
        forecast=forecast, predicted=forecast[:, scalar], number=np.arange(p),
        value=rng.normal(size=p), error=rng.uniform(0.5, 2, p), weight=np.ones(p),
        noise_kind=np.zeros(p, int), df=np.ones(p), scalar=scalar, noise_free=forecast,
        predicted_noise_free=forecast[:, scalar], noise_sd=np.zeros(n), taper=None,
        taper_between=None, seed=seed, cycle=1, block=0,
    )  # fmt: skip


TRANSITION = 0.95 * np.array(
    [[0.9, 0.3, 0.0, 0.0], [-0.3, 0.9, 0.1, 0.0], [0.0, 0.0, 0.8, 0.4], [0.1, 0.0, -0.4, 0.8]]
)
OBSERVED = np.array([0, 1])
NOISE = np.array([[0.5, 0, 0, 0], [0.4, 0.3, 0, 0], [0, 0, 0.4, 0.1], [0, 0.1, 0, 0.2]])


def linear_problem(cycles: int = 2000) -> Problem:
    """Four scalars, two of them observed; model and errors do not change."""
    return Problem(
        name="linear", dimension=4, advance=lambda members, _: members @ TRANSITION.T,
        scalar=OBSERVED, error=np.array([0.7, 1.0]), start=np.zeros(4), start_sd=np.ones(4),
        cycles=cycles, burn_in=100, noise_sd=np.sqrt(np.sum(NOISE**2, axis=1)), noise_root=NOISE,
    )  # fmt: skip
