"""The Lorenz models as they are observed in the papers (the set-ups are those of DAPPER)."""

from __future__ import annotations

import numpy as np

from halocast.laboratory.problem import Problem
from halocast.models.small import lorenz63, lorenz96


def sakov2012(interval: float = 0.25) -> Problem:
    """Lorenz-63, all three observed with error variance 2 (Sakov, Oliver & Bertino 2012)."""
    steps = round(interval / 0.01)
    return Problem(
        name="lorenz63-sakov2012",
        dimension=3,
        advance=lambda members, _: lorenz63.advance(members, steps, 0.01),
        scalar=np.arange(3),
        error=np.full(3, np.sqrt(2.0)),
        start=np.array(lorenz63.START),
        start_sd=np.full(3, np.sqrt(2.0)),
        cycles=2000,
        burn_in=100,
    )


def sakov2008(n: int = 40) -> Problem:
    """Lorenz-96, 40 scalars, all observed with error variance 1 (Sakov & Oke 2008)."""
    start = np.zeros(n)
    start[0] = 1.0
    return Problem(
        name="lorenz96-sakov2008",
        dimension=n,
        advance=lambda members, _: lorenz96.advance(members, 1, 0.05),
        scalar=np.arange(n),
        error=np.ones(n),
        start=start,
        start_sd=np.full(n, np.sqrt(0.001)),
        cycles=2400,
        burn_in=400,
        positions=np.arange(float(n))[:, None],
        period=np.array([float(n)]),
    )
