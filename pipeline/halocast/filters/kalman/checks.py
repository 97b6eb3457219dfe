"""What no Kalman method can work with, refused with the reason."""

from __future__ import annotations

import numpy as np

from halocast.errors import ConfigError


def require_errors(error: np.ndarray, where: str) -> None:
    """Refuse observation errors that make R singular.

    Parameters
    ----------
    error
        Standard deviations of the observations' errors, (p,).
    where
        The method that asks.

    Raises
    ------
    ConfigError
        One is not a positive, finite number.
    """
    bad = np.flatnonzero(~(np.isfinite(error) & (error > 0)))
    if bad.size:
        raise ConfigError(
            f"the error of observation {bad[0]} is {error[bad[0]]:g}: R is singular",
            where=where,
            remedy="give every observation an error standard deviation greater than 0",
        )


def require_size(size: int, largest: int, where: str, why: str) -> None:
    """Refuse a state that a dense method cannot hold.

    Parameters
    ----------
    size, largest
        Scalars of the state, and how many the method takes.
    where
        The method that asks.
    why
        What grows with the size.

    Raises
    ------
    ConfigError
        ``size`` is greater.
    """
    if size > largest:
        raise ConfigError(
            f"a state of {size} scalars is too large for {where}, which stops at {largest}: {why}",
            where=where,
            remedy="use a method that scales: an ensemble (etkf, letkf), enoi or a local filter",
        )
