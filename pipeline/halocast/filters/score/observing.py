"""Places for observations: what a score has learned to be told, and what a cycle tells it.

A score learns a list of places, each with the error it is trained about: the problem's observations
in their order, or every scalar of the state where what is observed changes from cycle to cycle. A
cycle fills some of the places; where nothing was observed (no such observation in this cycle, or
its value is missing) the value is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.errors import ConfigError, RunError
from halocast.laboratory.problem import Problem

_ROUNDING = 1e-9  # errors this near each other, relatively, are the same


class Places(NamedTuple):
    """Where a score can be told observations.

    Attributes
    ----------
    scalar
        Which scalar of the state each place is, (s,); None where observations are no scalars, and
        places are known by their order.
    error
        Standard deviations of the errors that training is about, (s,).
    """

    scalar: np.ndarray | None
    error: np.ndarray

    def predict(self, problem: Problem, states: np.ndarray) -> np.ndarray:
        """Return what states (N, n) predict for all places, (N, s)."""
        return problem.predict(states) if self.scalar is None else states[:, self.scalar]


class Seen(NamedTuple):
    """Values at the places, NaN where there is none, and their errors' sds, each (s,)."""

    value: np.ndarray
    sd: np.ndarray


def places_of(problem: Problem) -> Places:
    """Return the places of a problem's observations.

    Raises
    ------
    ConfigError
        What is observed changes, and the errors are not all equal: which is whose is not known.
    """
    if problem.observe is not None:
        return Places(None, problem.error)
    if problem.observed_at is None:
        return Places(problem.scalar, problem.error)
    if np.ptp(problem.error) > _ROUNDING * problem.error[0]:
        raise ConfigError(
            "a score learns observations that move where their errors are equal; these are "
            f"{problem.error.min():.3g} to {problem.error.max():.3g}",
            where=problem.name,
            remedy="choose an ensemble method",
        )
    return Places(np.arange(problem.dimension), np.full(problem.dimension, problem.error[0]))


def seen_of(problem: Problem, value: np.ndarray, places: Places) -> Seen:
    """Put a cycle's observations (p,) into their places.

    Raises
    ------
    ConfigError
        One is of no place that was learned, or two are of the same.
    """
    at = _where(problem, places)
    seen = Seen(np.full(places.error.size, np.nan), places.error.copy())
    seen.value[at], seen.sd[at] = value, problem.error
    return seen


def _where(problem: Problem, places: Places) -> np.ndarray:
    if places.scalar is None or problem.observe is not None:
        if (places.scalar is None) != (problem.observe is not None) or (
            problem.observations != places.error.size
        ):
            raise _unknown(problem, f"{places.error.size} observations by an operator of its own")
        return np.arange(places.error.size)
    order = np.argsort(places.scalar)
    found = np.searchsorted(places.scalar, problem.scalar, sorter=order)
    at = order[np.minimum(found, order.size - 1)]
    if (places.scalar[at] != problem.scalar).any() or np.unique(at).size < at.size:
        raise _unknown(problem, f"scalars {places.scalar.tolist()}, each once")
    return at


def _unknown(problem: Problem, learned: str) -> ConfigError:
    return ConfigError(
        "observations that the score has not learned",
        where=problem.name,
        remedy=f"it was trained on {learned}: observe some of them, or train on this problem",
    )


def require_learned(seen: Seen, places: Places, factors: tuple[float, float] | None) -> None:
    """Refuse what a learned score was not trained for.

    Parameters
    ----------
    factors
        Range of the errors in training, about those of ``places``; None where it has learned the
        whole network with its own errors only.

    Raises
    ------
    RunError
        An observation is missing, or its error is outside what was learned.
    """
    there = np.isfinite(seen.value)
    if factors is None and not there.all():
        raise RunError(
            f"{np.count_nonzero(~there)} of {there.size} observations are missing, and the score "
            "has learned all of them together",
            remedy="masked: true learns any of them",
        )
    low, high = (1.0, 1.0) if factors is None else factors
    ratio = seen.sd[there] / places.error[there]
    if (ratio < low * (1 - _ROUNDING)).any() or (ratio > high * (1 + _ROUNDING)).any():
        raise RunError(
            f"errors of {ratio.min():.3g} to {ratio.max():.3g} times those of the training, which "
            f"had {low:.3g} to {high:.3g}",
            remedy="masked: true, and error_factors that hold them; or train on this problem",
        )
