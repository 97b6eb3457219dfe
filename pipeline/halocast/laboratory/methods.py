"""How a filter is cycled.

Most filters are an ensemble and its analysis: `EnsembleMethod` forecasts all members, shows the
analysis its window, and keeps what it gives back. A method that needs the model itself (extended
Kalman filter, variational methods) has a cycle of its own: any class with the two functions of
`Method`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from halocast.draws import Address, Purpose, normals
from halocast.filters.window import Analysis, Window
from halocast.laboratory.problem import Problem

# factors between scalars and observations (n, p), and between observations (p, p)
Tapers = tuple[np.ndarray | None, np.ndarray | None]


class Outcome(NamedTuple):
    """What a cycle gives: forecast and analysis mean and spread, (n,), and members if any."""

    forecast: np.ndarray
    forecast_spread: np.ndarray
    analysis: np.ndarray
    analysis_spread: np.ndarray
    members: np.ndarray | None = None


class Method(Protocol):
    """A filter with a cycle of its own."""

    def start(self, problem: Problem, seed: int) -> Any:
        """Return what the first cycle begins with."""

    def cycle(
        self, problem: Problem, state: Any, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Any, Outcome]:
        """Forecast from the last observation time to this one, and assimilate ``value`` (p,)."""


class Ensemble(NamedTuple):
    """Members (m, n), and what the analysis remembers."""

    members: np.ndarray
    memory: Any


class EnsembleMethod:
    """An ensemble, and an analysis of the whole state as one window.

    Parameters
    ----------
    analyse
        (window, settings) -> analysis.
    settings
        Its settings.
    members
        Number of members.
    tapers
        (problem) -> factors for Schur localization; None without.
    jitter
        For filters that need model noise where the problem has none, see `jitter_of`.
    first_memory
        (problem, seed) -> what the first cycle remembers.
    """

    def __init__(
        self,
        analyse: Callable[[Window, Any], Analysis],
        settings: Any,
        members: int,
        tapers: Callable[[Problem], Tapers] | None = None,
        jitter: float = 0.0,
        first_memory: Callable[[Problem, int], Any] = lambda problem, seed: None,
    ) -> None:
        self._analyse, self._settings, self._members = analyse, settings, members
        self._tapers, self._jitter, self._first_memory = tapers, jitter, first_memory

    def start(self, problem: Problem, seed: int) -> Ensemble:
        """Draw the first members."""
        first = problem.first_states(Purpose.INITIAL_STATE, self._members, seed)
        return Ensemble(first, self._first_memory(problem, seed))

    def cycle(
        self, problem: Problem, state: Ensemble, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Ensemble, Outcome]:
        """Forecast all members, and analyse them."""
        tapers = (None, None) if self._tapers is None else self._tapers(problem)
        window = forecast_window(
            problem, state.members, self._jitter, value, tapers, seed, cycle, state.memory
        )
        analysis = self._analyse(window, self._settings)
        outcome = outcome_of(window.forecast, analysis)
        return Ensemble(analysis.members, analysis.memory), outcome


def forecast_window(
    problem: Problem,
    members: np.ndarray,
    jitter: float,
    value: np.ndarray,
    tapers: Tapers,
    seed: int,
    cycle: int,
    memory: Any,
) -> Window:
    """Forecast members (m, n) with their model noise and jitter; return the whole state's window.

    ``noise_sd`` is of both together.
    """
    quiet = problem.advance(members, cycle)
    noise = problem.model_noise(Purpose.MODEL_NOISE, members.shape[0], seed, cycle)
    sd, kernel = jitter_of(quiet, jitter, seed, cycle)
    window = window_of(problem, quiet, noise + kernel, value, tapers, seed, cycle, memory)
    return window._replace(noise_sd=np.hypot(window.noise_sd, sd))


def jitter_of(
    forecast: np.ndarray, share: float, seed: int, cycle: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw model noise for filters that cannot do without, where a problem has none.

    It is independent from scalar to scalar and from cycle to cycle, of standard deviation ``share``
    times the spread of the forecast (m, n), a kernel smoother's bandwidth (Musso, Oudjane & LeGland
    2001); its mean over the members is 0.

    Returns
    -------
    The standard deviations (n,), and each member's noise (m, n).
    """
    m, n = forecast.shape
    if share == 0.0:
        return np.zeros(n), np.zeros((m, n))
    sd = share * forecast.std(axis=0, ddof=1)
    drawn = np.array([normals(Address(seed, cycle, Purpose.JITTER, i), n) for i in range(m)])
    return sd, sd * (drawn - drawn.mean(axis=0))


def outcome_of(forecast: np.ndarray, analysis: Analysis) -> Outcome:
    """Return what a cycle gives of its forecast members (m, n) and its analysis."""
    spread = forecast.std(axis=0, ddof=min(1, forecast.shape[0] - 1))
    return Outcome(forecast.mean(axis=0), spread, analysis.mean, analysis.spread, analysis.members)


def window_of(
    problem: Problem,
    quiet: np.ndarray,
    noise: np.ndarray,
    value: np.ndarray,
    tapers: Tapers,
    seed: int,
    cycle: int,
    memory: Any,
) -> Window:
    """Make the window of a whole state: forecasts ``quiet`` and their model noise, (m, n)."""
    p, n = problem.observations, problem.dimension
    members = quiet + noise
    predicted = problem.predict(members)
    scalar = problem.scalar if problem.observe is None else np.full(p, -1)
    return Window(
        forecast=members,
        predicted=predicted,
        number=np.arange(p),
        value=value,
        error=problem.error,
        weight=np.ones(p),
        noise_kind=np.full(p, problem.noise_kind),
        df=np.full(p, problem.df),
        scalar=scalar,
        noise_free=quiet,
        predicted_noise_free=problem.predict(quiet) if noise.any() else predicted,
        noise_sd=np.zeros(n) if problem.noise_sd is None else problem.noise_sd,
        taper=tapers[0],
        taper_between=tapers[1],
        seed=seed,
        cycle=cycle,
        block=0,
        memory=memory,
    )
