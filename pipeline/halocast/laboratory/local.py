"""Local analyses and tapers of the laboratory.

``radius`` is the field's ``loc_rad``, as DAPPER means it: the distance at which the taper is about
exp(-1/2). The taper is Gaspari and Cohn's of half-width c = 1.82 radius, so it is 0 from 3.64 radii
on.

R-localization (`LocalMethod`): every scalar has a window of its own, of the observations near it,
their error variances divided by the taper (Hunt et al. 2007). Schur localization (`schur`): the
whole state is one window, and covariances are multiplied by the taper (Houtekamer & Mitchell
2001).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.filters.window import Analysis, Window
from halocast.laboratory.methods import Outcome, forecast_window, outcome_of
from halocast.laboratory.problem import Problem
from halocast.localization.taper import gaspari_cohn

HALF_WIDTH = 1.82  # radii
_LEAST = 1e-3  # a smaller weight is none, as in DAPPER


def taper_at(distance: np.ndarray, radius: float) -> np.ndarray:
    """Weight at some distances, any shape."""
    return gaspari_cohn(distance / (HALF_WIDTH * radius))


def schur(radius: float) -> Callable[[Problem], tuple[np.ndarray, np.ndarray]]:
    """Return the tapers of a problem: (n, p) between scalars and observations, (p, p) between."""
    known: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def tapers(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        require_places(problem)
        if not known or known[0][0] is not problem.scalar:
            every = np.arange(problem.dimension)
            to = taper_at(problem.distances(every, problem.scalar), radius)
            known[:] = [(problem.scalar, to, to[problem.scalar])]
        return known[0][1], known[0][2]

    return tapers


def require_places(problem: Problem) -> None:
    """Refuse a problem whose scalars or observations have no places.

    Raises
    ------
    ConfigError
        Nothing is near or far there.
    """
    if problem.positions is None or problem.observe is not None:
        raise ConfigError(
            f"{problem.name} cannot be localized: its scalars or observations have no places",
            remedy="leave the localization out",
        )


class Near(NamedTuple):
    """The observations near each scalar, and their weights; ``scalar`` is what they were of."""

    scalar: np.ndarray
    observation: list[np.ndarray]
    weight: list[np.ndarray]


class LocalEnsemble(NamedTuple):
    """Members (m, n), what each window remembers, and what is near what."""

    members: np.ndarray
    memories: list[Any]
    near: Near | None


class LocalMethod:
    """An ensemble, and an analysis of every scalar by itself.

    Parameters
    ----------
    analyse, settings, members
        As for `halocast.laboratory.methods.EnsembleMethod`.
    radius
        ``loc_rad``, in the unit of the problem's places.
    jitter
        As for `halocast.laboratory.methods.EnsembleMethod`.
    """

    def __init__(
        self,
        analyse: Callable[[Window, Any], Analysis],
        settings: Any,
        members: int,
        radius: float,
        jitter: float = 0.0,
    ) -> None:
        if not 0 < radius < np.inf:
            raise ConfigError(f"a radius of {radius:g} is none", remedy="give a positive one")
        self._analyse, self._settings, self._members = analyse, settings, members
        self._radius, self._jitter = radius, jitter

    def start(self, problem: Problem, seed: int) -> LocalEnsemble:
        """Draw the first members."""
        require_places(problem)
        first = problem.first_states(Purpose.INITIAL_STATE, self._members, seed)
        return LocalEnsemble(first, [None] * problem.dimension, None)

    def cycle(
        self, problem: Problem, state: LocalEnsemble, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[LocalEnsemble, Outcome]:
        """Forecast all members, and analyse them scalar by scalar."""
        near = state.near
        if near is None or near.scalar is not problem.scalar:
            near = self._look_around(problem)
        whole = forecast_window(
            problem, state.members, self._jitter, value, (None, None), seed, cycle, None
        )
        members, memories = whole.forecast.copy(), list(state.memories)
        mean = members.mean(axis=0)
        spread = members.std(axis=0, ddof=min(1, self._members - 1))
        for i, (index, weight) in enumerate(zip(near.observation, near.weight, strict=True)):
            if index.size == 0:
                continue
            window = narrow(whole, i, index, weight, memories[i])
            found = self._analyse(window, self._settings)
            members[:, i : i + 1] = found.members
            mean[i], spread[i], memories[i] = found.mean[0], found.spread[0], found.memory
        analysis = Analysis(members, mean, spread, {})
        return LocalEnsemble(members, memories, near), outcome_of(whole.forecast, analysis)

    def _look_around(self, problem: Problem) -> Near:
        index, weight = [], []
        for i in range(problem.dimension):
            taper = taper_at(problem.distances(np.array([i]), problem.scalar)[0], self._radius)
            index.append(np.flatnonzero(taper > _LEAST))
            weight.append(taper[index[-1]])
        return Near(problem.scalar, index, weight)


def narrow(whole: Window, i: int, index: np.ndarray, weight: np.ndarray, memory: Any) -> Window:
    """Make the window of scalar ``i``, of observations ``index`` (k,) with their weights."""
    return whole._replace(
        forecast=whole.forecast[:, i : i + 1],
        predicted=whole.predicted[:, index],
        number=whole.number[index],
        value=whole.value[index],
        error=whole.error[index],
        weight=weight,
        noise_kind=whole.noise_kind[index],
        df=whole.df[index],
        scalar=np.where(whole.scalar[index] == i, 0, -1),
        noise_free=whole.noise_free[:, i : i + 1],
        predicted_noise_free=whole.predicted_noise_free[:, index],
        noise_sd=whole.noise_sd[i : i + 1],
        block=i,
        memory=memory,
    )
