"""Lorenz-96 as the papers observe it (the set-ups are those DAPPER documents); forcing 8.

A burn-in of 20 units of time is left out of the scores, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from halocast.draws import Address, Purpose, uniforms
from halocast.errors import ConfigError
from halocast.laboratory.problem import Problem
from halocast.models.small import lorenz96
from halocast.samplers.densities import GAUSSIAN, LAPLACE, laplace_quantile

_BURN_IN = 20.0
_CYCLES = 2000


def sakov2008(n: int = 40) -> Problem:
    """All 40 observed every 0.05, error variance 1 (Sakov & Oke 2008)."""
    start = np.zeros(n)
    start[0] = 1.0
    return _ring("sakov2008", np.arange(n), 1, 1.0, start=start)


def bocquet2010() -> Problem:
    """Every second of 10 observed every 0.05, error sd 1.5 (Bocquet, Pires & Wu 2010)."""
    return _ring("bocquet2010", np.arange(0, 10, 2), 1, 2.25, start=np.zeros(10))


def bocquet2010_m40() -> Problem:
    """The same with 40: every second observed every 0.05, error sd 1.5."""
    return _ring("bocquet2010_m40", np.arange(0, 40, 2), 1, 2.25, start=np.zeros(40))


def frei2013bridging() -> Problem:
    """Odd sites of 40 observed every 0.4, error variance 0.5 (Frei & Kuensch 2013)."""
    return _ring("frei2013bridging", np.arange(1, 40, 2), 8, 0.5, start=np.zeros(40))


def spantini2019() -> Problem:
    """Even sites of 40 observed every 0.4, error variance 0.5, steps of 0.02 (Spantini 2019)."""
    start = np.zeros(40)
    start[0] = 1.0
    return _ring(
        "spantini2019", np.arange(0, 40, 2), 20, 0.5, start=start, start_variance=0.1, step=0.02
    )


def todter2015(told: Literal["laplace", "gaussian"] = "laplace") -> Problem:
    """Every second of 80 observed every 0.1, Laplace errors of variance 1 (Toedter & Ahrens 2015).

    Filters are ``told`` Laplace's density, or as in DAPPER a Gaussian of its variance.

    Raises
    ------
    ConfigError
        They are told another one.
    """
    if told not in ("laplace", "gaussian"):
        raise ConfigError(f"no density {told!r} to tell", remedy="told: laplace or gaussian")
    return _ring(
        "todter2015", np.arange(0, 80, 2), 2, 1.0, start=np.zeros(80),
        draw_error=lambda seed, cycle: laplace(seed, cycle, 40),
        noise_kind=LAPLACE if told == "laplace" else GAUSSIAN,
    )  # fmt: skip


def todter2015_gaussian() -> Problem:
    """The same with Gaussian errors of variance 1."""
    return _ring("todter2015-gaussian", np.arange(0, 80, 2), 2, 1.0, start=np.zeros(80))


def miyoshi2011() -> Problem:
    """The land half of 40 observed every 0.05, error variance 1, steps of 0.005 (Miyoshi 2011)."""
    start = np.zeros(40)
    start[0] = 1.0
    return _ring("miyoshi2011", np.arange(20), 10, 1.0, start=start, step=0.005)


def laplace(seed: int, cycle: int, count: int) -> np.ndarray:
    """Draw Laplace errors of variance 1 for the true observations of a cycle."""
    return laplace_quantile(uniforms(Address(seed, cycle, Purpose.NATURE_OBSERVATIONS, 0), count))


def _ring(
    name: str,
    scalar: np.ndarray,
    steps: int,
    variance: float,
    *,
    start: np.ndarray,
    start_variance: float = 0.001,
    step: float = 0.05,
    draw_error: Callable[[int, int], np.ndarray] | None = None,
    noise_kind: int = GAUSSIAN,
) -> Problem:
    n = start.size
    burn_in = round(_BURN_IN / (steps * step))
    return Problem(
        name=f"lorenz96-{name}",
        dimension=n,
        advance=lambda members, _: lorenz96.advance(members, steps, step),
        scalar=scalar,
        error=np.full(scalar.size, np.sqrt(variance)),
        start=start,
        start_sd=np.full(n, np.sqrt(start_variance)),
        cycles=_CYCLES + burn_in,
        burn_in=burn_in,
        draw_error=draw_error,
        noise_kind=noise_kind,
        tangent=lambda state, _: lorenz96.tangent(state, steps, step),
        positions=np.arange(float(n))[:, None],
        period=np.array([float(n)]),
    )
