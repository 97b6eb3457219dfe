"""Lorenz-63 as the papers observe it (the set-ups are those DAPPER documents).

All advance by steps of 0.01 and begin about the same point of the attractor, with variance 2.
"""

from __future__ import annotations

import numpy as np

from halocast.laboratory.problem import Problem
from halocast.models.small import lorenz63

_STEP = 0.01


def sakov2012(interval: float = 0.25) -> Problem:
    """All three observed every ``interval``, error variance 2 (Sakov, Oliver & Bertino 2012)."""
    return _observed("sakov2012", np.arange(3), interval, 2.0)


def anderson2010rhf() -> Problem:
    """All three observed every 0.12, error variance 8 (Anderson 2010)."""
    return _observed("anderson2010rhf", np.arange(3), 0.12, 8.0)


def wiljes2017() -> Problem:
    """x alone observed every 0.12, error variance 8 (de Wiljes, Acevedo & Reich 2018)."""
    return _observed("wiljes2017", np.array([0]), 0.12, 8.0)


def _observed(name: str, scalar: np.ndarray, interval: float, variance: float) -> Problem:
    steps = round(interval / _STEP)
    return Problem(
        name=f"lorenz63-{name}",
        dimension=3,
        advance=lambda members, _: lorenz63.advance(members, steps, _STEP),
        scalar=scalar,
        error=np.full(scalar.size, np.sqrt(variance)),
        start=np.array(lorenz63.START),
        start_sd=np.full(3, np.sqrt(2.0)),
        cycles=2100,
        burn_in=100,
        tangent=lambda state, _: lorenz63.tangent(state, steps, _STEP),
    )
