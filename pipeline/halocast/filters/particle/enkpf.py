"""Between the ensemble Kalman filter and the particle filter (Frei & Kuensch 2013, Biometrika).

The likelihood is split, p(y|x) = p(y|x)^g p(y|x)^(1 - g). A Kalman step takes the first part with
the ensemble's covariance P; what it leaves, a mixture of Gaussians at the moved members, is
weighted by the second part and drawn from, which is exact:

    L  = sqrt(g) P H' (g H P H' + R)^-1        v_i = x_i + sqrt(g) L (y - h(x_i))
    Q  = L R L'                                log w_i = -(1 - g)/2 |y - H v_i|^2 in (S2)^-1
    S2 = (1 - g) H Q H' + R                    x_i^u = v_s(i) + L e_i
    K2 = (1 - g) Q H' S2^-1                    x_i^a = x_i^u + K2 (y + e'_i / sqrt(1 - g) - H x_i^u)

with s(i) systematic draws from w and e, e' ~ N(0, R), centred. In this writing nothing is divided
by g or 1 - g: g = 1 is the stochastic EnKF, g = 0 the bootstrap filter. g is the least of a grid
(from 1/15) for which the weights' effective number is a given share of the members. That evens
the weights, no more: with one set of weights for 40 scalars observed often and 100 members
(Bocquet's problem) the ensemble still collapses, and a g near 1 has to be given.

For nonlinear h, H P and H P H' are the ensemble's covariances with and of the predictions (Shen &
Tang 2015). The mean that is reported is that of the mixture, sum w_i (v_i + K2 (y - H v_i)),
without the noise of the draws.

Student-t errors are taken for Gaussian ones of the same scale. Covariances are tapered where the
window has a taper; small local windows use tapered weights instead, each with a g of its own
(Robert & Kuensch 2017). Cost O(m n p + p^3), and m p^2 for each of up to five values of g.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.errors import RunError
from halocast.filters.ensemble.dense import product, solve_positive
from halocast.filters.particle.outcome import place, resampled_slots
from halocast.filters.particle.resampling import Resampling
from halocast.filters.particle.weights import effective_number, normalise, require_usable
from halocast.filters.window import Analysis, Window
from halocast.settings import Settings

GRID = 15
"""g is one of k / GRID where it is chosen by the weights."""


class EnkpfSettings(Settings):
    """The ensemble Kalman particle filter."""

    method: Literal["enkpf"] = Field("enkpf", description="The filter.")
    gamma: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the likelihood that the Kalman step takes; null: by effective_share.",
    )
    effective_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Effective number of the weights, as a share of the members, that gamma is "
        "raised for.",
    )
    resampling: Resampling = Field("systematic", description="How copies are drawn.")
    inflation: float = Field(
        1.0, gt=0, le=10, description="Factor on the anomalies after the analysis."
    )


class _Split(NamedTuple):
    """The Kalman step with a share g of the likelihood, and the weights it leaves.

    ``root`` L (n, p), ``seen`` H L (p, p), ``left`` y - H v (m, p), ``total`` S2 (p, p).
    """

    gamma: float
    root: np.ndarray
    seen: np.ndarray
    left: np.ndarray
    total: np.ndarray
    weight: np.ndarray


class _Covariances(NamedTuple):
    """P H' (n, p) and H P H' (p, p), tapered."""

    across: np.ndarray
    between: np.ndarray


def analyse(window: Window, settings: EnkpfSettings) -> Analysis:
    """Move members by a part of the likelihood, weight them by the rest, and draw.

    Returns
    -------
    ``health``: the weights' effective number ``ess``, and ``gamma``.

    Raises
    ------
    ConfigError, RunError
        See `require_usable`; the predictions' covariance with a taper that is none.
    """
    require_usable(window)
    split = _chosen(window, settings)
    gamma, r = split.gamma, window.variance
    moved = window.forecast + np.sqrt(gamma) * product(
        window.value - window.predicted, split.root.T.copy()
    )
    slots = resampled_slots(window, split.weight, settings.resampling)
    first, second = _perturbations(window, 0), _perturbations(window, 1)
    # K2 = (1 - g) L G with G = R (H L)' S2^-1
    inner = _solved(window, split.total, (split.seen * r).T.copy())
    left = split.left[slots] - product(first, split.seen.T.copy())
    pull = product((1.0 - gamma) * left + np.sqrt(1.0 - gamma) * second, inner.T.copy())
    members = moved[slots] + product(first + pull, split.root.T.copy())
    remaining = inner @ (split.weight @ split.left)
    mean = split.weight @ moved + (1.0 - gamma) * split.root @ remaining
    if settings.inflation != 1.0:  # at 1 copies stay copies, bit for bit
        centre = members.mean(axis=0)
        members = centre + settings.inflation * (members - centre)
    health = {"ess": effective_number(split.weight), "gamma": gamma}
    return Analysis(members, mean, members.std(axis=0, ddof=1), health)


def _chosen(window: Window, settings: EnkpfSettings) -> _Split:
    """Split the likelihood as asked, or at the least g whose weights are even enough."""
    covariances = _covariances(window)
    if settings.gamma is not None:
        return _split(window, covariances, settings.gamma)
    low, high = 1, GRID  # at 0 copies stay copies, and a small ensemble never parts again
    best = _split(window, covariances, 1.0)
    while low < high:  # the effective number grows with g
        middle = (low + high) // 2
        tried = _split(window, covariances, middle / GRID)
        if effective_number(tried.weight) >= settings.effective_share * window.members:
            high, best = middle, tried
        else:
            low = middle + 1
    return best


def _covariances(window: Window) -> _Covariances:
    m = window.members
    state = window.forecast - window.forecast.mean(axis=0)
    seen = window.predicted - window.predicted.mean(axis=0)
    across, between = (
        product(state.T.copy(), seen) / (m - 1),
        product(seen.T.copy(), seen) / (m - 1),
    )
    if window.taper is not None and window.taper_between is not None:
        across, between = across * window.taper, between * window.taper_between
    return _Covariances(across, between)


def _split(window: Window, covariances: _Covariances, gamma: float) -> _Split:
    r = window.variance
    inner = gamma * covariances.between + np.diag(r)
    both = np.sqrt(gamma) * np.vstack([covariances.across, covariances.between])
    solved = _solved(window, inner, both)
    n = covariances.across.shape[0]
    root, seen = solved[:n], solved[n:]
    misfit = window.value - window.predicted
    left = misfit - np.sqrt(gamma) * product(misfit, seen.T.copy())
    total = (1.0 - gamma) * product(seen * r, seen.T.copy()) + np.diag(r)
    square = (left * _solved(window, total, left)).sum(axis=1)
    weight = normalise(-0.5 * (1.0 - gamma) * square, place(window))
    return _Split(gamma, root, seen, left, total, weight)


def _solved(window: Window, matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    out = solve_positive(matrix, right)
    if not np.isfinite(out).all():
        raise RunError(
            "the covariance of the predictions with their errors is not positive definite",
            where=place(window),
            remedy="give every observation an error above 0, and a taper of positive type",
        )
    return out


def _perturbations(window: Window, draw: int) -> np.ndarray:
    drawn = window.observation_normals(draw)
    return (drawn - drawn.mean(axis=0)) * np.sqrt(window.variance)
