"""What a textbook filter sees and gives: a window of the state, and the observations of it.

A window is a whole small state, or one block of a large one with the observations in its halo
(`halocast.filters.blockwise`). A method is a function ``analyse(window, settings) -> Analysis``;
it is pure, and what it draws comes from the window's address. What it wants to find again in the
next cycle (adaptive inflation, smoothed covariances, particle weights) it leaves in ``memory``.

Notation inside the methods (Evensen 2003; Hunt et al. 2007): E members (m, n), x the mean, A the
anomalies E - x, Y those of h(E), d the innovation y - mean h(E), R the diagonal of the errors'
variances. Anomalies are rows here: one member a row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from halocast.draws import Address, Purpose, normal_quantile, normals, uniform_at, uniforms
from halocast.samplers.densities import log_density

_OBSERVATION_NOISE = int(Purpose.OBSERVATION_NOISE)
_STRIDE = 64  # numbers a member has for one observation


class Window(NamedTuple):
    """What is updated together: n scalars, m members, p observations.

    Attributes
    ----------
    forecast
        Members with their model noise, shape (m, n).
    predicted
        What they predict for the observations, h of them, shape (m, p).
    number
        Numbers of the observations that no grouping changes: the addresses of their noise, (p,).
    value, error
        The observations, and the standard deviations of their errors, shape (p,).
    weight
        R-localization: an error variance counts divided by this, in (0, 1], shape (p,).
    noise_kind, df
        The errors' densities, codes of `halocast.samplers.densities`, shape (p,).
    scalar
        Which of the n scalars an observation is of, -1 where of none or of several, shape (p,).
    noise_free, predicted_noise_free
        The same without model noise, shapes (m, n) and (m, p).
    noise_sd
        Standard deviation of the model noise, shape (n,); 0 where there is none.
    taper, taper_between
        Schur localization: factors of the covariances between scalars and observations, (n, p),
        and between observations, (p, p); None without.
    seed, cycle, block
        The random address.
    memory
        What the method left in the cycle before; None in the first.
    """

    forecast: np.ndarray
    predicted: np.ndarray
    number: np.ndarray
    value: np.ndarray
    error: np.ndarray
    weight: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    scalar: np.ndarray
    noise_free: np.ndarray
    predicted_noise_free: np.ndarray
    noise_sd: np.ndarray
    taper: np.ndarray | None
    taper_between: np.ndarray | None
    seed: int
    cycle: int
    block: int
    memory: Any = None

    @property
    def members(self) -> int:
        """Number of members m."""
        return self.forecast.shape[0]

    @property
    def variance(self) -> np.ndarray:
        """Error variances as they count here, tapered, (p,)."""
        return np.square(self.error) / self.weight

    def log_likelihood(self, predicted: np.ndarray) -> np.ndarray:
        """Log likelihoods of predictions (k, p), each tapered, up to a constant, (k, p)."""
        return _log_likelihood(
            predicted, self.value, self.error, self.weight, self.noise_kind, self.df
        )

    def own_normals(self, purpose: Purpose, count: int) -> np.ndarray:
        """Draw standard normals that belong to this window."""
        return normals(Address(self.seed, self.cycle, purpose, self.block), count)

    def own_uniforms(self, purpose: Purpose, count: int) -> np.ndarray:
        """Draw uniforms that belong to this window."""
        return uniforms(Address(self.seed, self.cycle, purpose, self.block), count)

    def common_normals(self, purpose: Purpose, count: int) -> np.ndarray:
        """Draw standard normals that are the same in every window of a cycle."""
        return normals(Address(self.seed, self.cycle, purpose, 0), count)

    def observation_normals(self, draw: int = 0) -> np.ndarray:
        """Draw a standard normal for each member and observation, (m, p).

        An observation that several windows see has the same ones in each: members stay coherent.
        Methods that need several take ``draw`` 0, 1, …
        """
        out = np.empty((self.members, self.number.size))
        _fill_observation_normals(self.number, self.seed, self.cycle, draw, out)
        return out


class Analysis(NamedTuple):
    """What a method gives back.

    Attributes
    ----------
    members
        Analysed members, (m, n).
    mean, spread
        Mean and standard deviation of the analysis, (n,): the members' own where the method knows
        no better.
    health
        Scalars that say how the method fares: ``ess`` where members are weighted.
    memory
        For the next cycle.
    """

    members: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    health: dict[str, float]
    memory: Any = None


class Store(NamedTuple):
    """What a window of a filter with static states has in its memory: states of a long run.

    ``states`` (m_s, n), and what is ``predicted`` by each for the observations, (m_s, p).
    """

    states: np.ndarray
    predicted: np.ndarray


def from_members(members: np.ndarray, memory: Any = None, **health: float) -> Analysis:
    """Make the analysis whose mean and spread (with m - 1) are those of its members."""
    m = members.shape[0]
    return Analysis(
        members, members.mean(axis=0), members.std(axis=0, ddof=min(1, m - 1)), health, memory
    )


@njit(cache=True, nogil=True)
def _log_likelihood(predicted, value, error, weight, kind, df):  # pragma: no cover - compiled
    out = np.empty(predicted.shape)
    for i in range(predicted.shape[0]):
        for o in range(value.size):
            sd = error[o] / np.sqrt(weight[o])
            out[i, o] = log_density(kind[o], value[o] - predicted[i, o], sd, df[o])
    return out


@njit(cache=True, nogil=True)
def _fill_observation_normals(number, seed, cycle, draw, out):  # pragma: no cover - compiled
    for i in range(out.shape[0]):
        for o in range(number.size):
            out[i, o] = normal_quantile(
                uniform_at(seed, cycle, _OBSERVATION_NOISE, i * _STRIDE + draw, number[o])
            )
