"""The steady gain: one run, with the covariances that an ensemble has left (MIKE FM's type 3).

    K = C (D + R)^-1,    x_a = x_f + K (y - h(x_f))

C and D are the stored covariances of the stations (`halocast.filters.operation.covariances`), R is
today's. Where observations are missing K is made anew of the stations that are there: rows of zero
in K would leave the weights of the others wrong. For a linear model that does not change, averaged
covariances tend to those of the algebraic Riccati equation, and the run to the Kalman filter.

Cost: one forecast; p^3 / 3 for a new set of stations, else n p.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from halocast.errors import ConfigError
from halocast.filters.operation.covariances import Covariances, load
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem
from halocast.settings import Settings


class SteadySettings(Settings):
    """A single run with a constant gain."""

    method: Literal["steady"] = Field("steady", description="The filter.")
    covariances: Path = Field(description="File of the stored covariances.")


class Run(NamedTuple):
    """The state (n,), the stations that are there (q,), and their gain (n, q)."""

    state: np.ndarray
    present: np.ndarray
    gain: np.ndarray


class SteadyGain:
    """The steady gain as a method of the laboratory; a value that is NaN is missing."""

    def __init__(self, settings: SteadySettings) -> None:
        self._covariances = load(settings.covariances)

    def start(self, problem: Problem, seed: int) -> Run:
        """Begin with the mean of what is known.

        Raises
        ------
        ConfigError
            The covariances are not of this state and these stations, or the stations move.
        """
        stored = self._covariances.state.shape
        if problem.observed_at is not None:
            raise ConfigError(
                "a steady gain is of fixed stations, and this problem's move",
                where=problem.name,
                remedy="choose an ensemble method",
            )
        if stored != (problem.dimension, problem.observations):
            raise ConfigError(
                f"covariances of {stored[0]} scalars with {stored[1]} stations were stored; this "
                f"problem has {problem.dimension} and {problem.observations}",
                where=problem.name,
                remedy="store them from a run of the same problem",
            )
        nothing = np.zeros(problem.observations, bool)
        return Run(problem.start, nothing, np.empty((problem.dimension, 0)))

    def cycle(
        self, problem: Problem, state: Run, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Run, Outcome]:
        """Forecast, and add the gain's increment."""
        ahead = problem.advance(state.state[None], cycle)[0]  # without noise: the best guess
        present, gain = np.isfinite(value), state.gain
        if not np.array_equal(present, state.present):
            gain = steady_gain(self._covariances, problem.error**2, present)
        heard = problem.predict(ahead[None])[0]
        analysis = ahead + gain @ (value - heard)[present]
        unknown = np.full(ahead.size, np.nan)
        return Run(analysis, present, gain), Outcome(ahead, unknown, analysis, unknown)


def steady_gain(covariances: Covariances, variance: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the gain of the stations that are there.

    Parameters
    ----------
    covariances
        Of all p stations.
    variance
        Of the observations' errors, (p,).
    present
        Which stations are there, bool (p,); q of them.

    Returns
    -------
    K, shape (n, q).

    Raises
    ------
    ConfigError
        D + R is not positive definite.
    """
    there = np.flatnonzero(present)
    total = covariances.between[np.ix_(there, there)] + np.diag(variance[there])
    try:
        factor = cho_factor(total)
    except (LinAlgError, ValueError) as error:
        raise ConfigError(
            f"the stations' covariances with the errors' variances cannot be inverted: {error}",
            where="steady gain",
            remedy="give every observation a positive error; store covariances of stations that "
            "were there at once",
        ) from error
    return cho_solve(factor, covariances.state[:, there].T).T
