"""The problems of the field's papers, by the names that boards call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from halocast.errors import ConfigError
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems import (
    linear_advection,
    lorenz63,
    lorenz96,
    quasi_geostrophic,
)

PROBLEMS: dict[str, Callable[..., Problem]] = {
    "lorenz63-sakov2012": lorenz63.sakov2012,
    "lorenz63-anderson2010rhf": lorenz63.anderson2010rhf,
    "lorenz63-wiljes2017": lorenz63.wiljes2017,
    "lorenz96-sakov2008": lorenz96.sakov2008,
    "lorenz96-bocquet2010": lorenz96.bocquet2010,
    "lorenz96-bocquet2010_m40": lorenz96.bocquet2010_m40,
    "lorenz96-frei2013bridging": lorenz96.frei2013bridging,
    "lorenz96-spantini2019": lorenz96.spantini2019,
    "lorenz96-todter2015": lorenz96.todter2015,
    "lorenz96-todter2015-gaussian": lorenz96.todter2015_gaussian,
    "lorenz96-miyoshi2011": lorenz96.miyoshi2011,
    "linear-advection-raanes2015": linear_advection.raanes2015,
    "quasi-geostrophic-sakov2008": quasi_geostrophic.sakov2008,
}


def problem_of(name: str, **options: Any) -> Problem:
    """Return a problem by its name, some of its numbers chosen.

    Raises
    ------
    ConfigError
        There is no such problem.
    """
    if name not in PROBLEMS:
        raise ConfigError(f"no problem {name!r}", remedy=f"one of {', '.join(sorted(PROBLEMS))}")
    return PROBLEMS[name](**options)
