"""Quantile-conserving filters: the rank-histogram filter and its probit-space successor.

Observations are taken one at a time, as in the EAKF (Anderson 2003). The predicted observation's
members v keep their quantiles, v^a = F_a^-1(F(v)), F a family's distribution of them
(`halocast.filters.quantile.families`), F_a its product with the likelihood. Every scalar follows
by regression, tapered by r_j:

``rhf``      rank histogram, x_j += r_j cov(x_j, v) / var(v) (v^a - v)    (Anderson 2010)
``qceff``    a family of choice, and the same with probits, z = Phi^-1(F(x)), of scalars and
             prediction, x_j^a = F_j^-1(Phi(z_j + dz_j))                   (Anderson 2022, 2023)

so that with qceff no scalar leaves its bounds; normal distributions make both the EAKF. Student-t
errors count as such in the rank histogram and the kernel, in the normal family as Gaussian ones
of their scale. Inflation is by probits in qceff, which keeps bounds too.

Cost O(p (n + p) m log m) for qceff and O(p (n + p) m) for rhf; with kernels 60 m times that of m.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from halocast.errors import ConfigError, RunError
from halocast.filters.ensemble.rotation import rotate
from halocast.filters.particle.weights import require_usable
from halocast.filters.quantile.families import (
    HISTOGRAM,
    KERNEL,
    NORMAL,
    conserved,
    mean_and_deviation,
    probits,
    values_of,
)
from halocast.filters.window import Analysis, Window, from_members
from halocast.settings import Settings

_FAMILIES = {"normal": NORMAL, "rank-histogram": HISTOGRAM, "kernel": KERNEL}


class RhfSettings(Settings):
    """The rank-histogram filter."""

    method: Literal["rhf"] = Field("rhf", description="The filter.")
    inflation: float = Field(
        1.0, gt=0, le=10, description="Factor on the anomalies after the analysis."
    )
    rotation: bool = Field(
        False, description="Members are rotated at random after it, mean and covariance kept."
    )


class QceffSettings(Settings):
    """The quantile-conserving ensemble filter."""

    method: Literal["qceff"] = Field("qceff", description="The filter.")
    family: Literal["normal", "rank-histogram", "kernel"] = Field(
        "rank-histogram", description="The distribution that is fitted to each scalar's members."
    )
    lower: float | tuple[float | None, ...] | None = Field(
        None,
        description="Least value of every field, or of each in the model's order (null: none).",
    )
    upper: float | tuple[float | None, ...] | None = Field(
        None, description="Largest value, likewise."
    )
    inflation: float = Field(
        1.0, gt=0, le=10, description="Factor on the probits' anomalies after the analysis."
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> QceffSettings:
        if self.family == "normal" and (self.lower is not None or self.upper is not None):
            raise ValueError(
                "a normal distribution has no bounds: use family rank-histogram or kernel"
            )
        return self


def analyse_rhf(window: Window, settings: RhfSettings) -> Analysis:
    """Update members by rank histograms, and scalars by linear regression.

    Raises
    ------
    ConfigError, RunError
        See `require_usable`.
    """
    require_usable(window)
    free = np.full(window.forecast.shape[1] + window.value.size, np.inf)
    members = _swept(window, HISTOGRAM, -free, free, False)
    if settings.inflation == 1.0 and not settings.rotation:
        return from_members(members)
    mean = members.mean(axis=0)
    moved = settings.inflation * (members - mean)
    return from_members(mean + (rotate(window, moved) if settings.rotation else moved))


def analyse_qceff(window: Window, settings: QceffSettings) -> Analysis:
    """Update members by a family's distributions, and scalars by regression of probits.

    Raises
    ------
    ConfigError
        Bounds are not as many as fields, or in the wrong order; see also `require_usable`.
    RunError
        A member is outside its bounds; see also `require_usable`.
    """
    require_usable(window)
    lower, upper = bounds(window, settings)
    family = _FAMILIES[settings.family]
    members = _swept(window, family, lower, upper, True)
    if settings.inflation != 1.0:
        n = members.shape[1]
        members = _inflated(members, family, lower[:n], upper[:n], settings.inflation)
    return from_members(members)


def bounds(window: Window, settings: QceffSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and largest values (n + p,) of scalars and predictions.

    A prediction of one scalar has that scalar's bounds, another has none.
    """
    low = _each(settings.lower, window, -np.inf)
    high = _each(settings.upper, window, np.inf)
    if not (low < high).all():
        j = int(np.argmin(low < high))
        raise ConfigError(
            f"scalar {j} has bounds {low[j]:g} and {high[j]:g}, which leave it no room",
            where="filter.lower, filter.upper",
            remedy="give the smaller one as lower",
        )
    outside = (window.forecast < low) | (window.forecast > high)
    if outside.any():
        i, j = np.argwhere(outside)[0]
        raise RunError(
            f"{int(outside.sum())} forecasts are outside their bounds, the first "
            f"{window.forecast[i, j]:g} with bounds {low[j]:g} and {high[j]:g}",
            where=f"cycle {window.cycle}, member {i}, scalar {j}",
            remedy="widen the bounds, or let the model keep them",
        )
    # [-1]: an observation of no scalar
    seen_low = np.append(low, -np.inf)[window.scalar]
    seen_high = np.append(high, np.inf)[window.scalar]
    return np.concatenate([low, seen_low]), np.concatenate([high, seen_high])


def _each(
    bound: float | tuple[float | None, ...] | None, window: Window, none: float
) -> np.ndarray:
    n = window.forecast.shape[1]
    if bound is None or isinstance(bound, int | float):
        return np.full(n, none if bound is None else float(bound))
    if len(bound) == 0 or n % len(bound) != 0:
        raise ConfigError(
            f"{len(bound)} bounds for windows of {n} scalars",
            where="filter.lower, filter.upper",
            remedy="give one number for all fields, or one (or null) for each",
        )
    # a window holds all cells of the first field, then all of the second, …
    return np.repeat([none if b is None else float(b) for b in bound], n // len(bound))


def _swept(
    window: Window, family: int, lower: np.ndarray, upper: np.ndarray, by_probits: bool
) -> np.ndarray:
    n, p = window.forecast.shape[1], window.value.size
    taper = np.ones((n + p, p))
    if window.taper is not None and window.taper_between is not None:
        taper = np.vstack([window.taper, window.taper_between])
    state = np.hstack([window.forecast, window.predicted]).T.copy()
    _sweep(
        state, taper, n, window.value, np.sqrt(window.variance), window.noise_kind, window.df,
        family, lower, upper, by_probits,
    )  # fmt: skip
    return state[:n].T.copy()


@njit(cache=True, nogil=True)
def _sweep(
    state, taper, n, value, error, kind, df, family, lower, upper, by_probits
):  # pragma: no cover - compiled
    """Update scalars and predictions ``state`` (n + p, m) by one observation after the other."""
    for o in range(value.size):
        v = state[n + o].copy()
        mean, deviation = mean_and_deviation(v)
        if deviation <= 1e-14 * abs(mean):
            continue  # all members agree: nothing to learn
        low, high = lower[n + o], upper[n + o]
        after = conserved(v, family, low, high, value[o], error[o], kind[o], df[o])
        if by_probits:
            source = probits(v, v, family, low, high, True)
            step = probits(after, v, family, low, high, False) - source
        else:
            source, step = v, after - v
        source = source - source.mean()
        step /= np.sum(source * source)
        for j in range(state.shape[0]):
            if taper[j, o] == 0.0:
                continue
            if by_probits:
                _follow_probits(state[j], source, taper[j, o] * step, family, lower[j], upper[j])
            else:
                state[j] += taper[j, o] * np.sum(source * state[j]) * step


@njit(cache=True, nogil=True)
def _follow_probits(x, source, step, family, lower, upper):  # pragma: no cover - compiled
    mean, deviation = mean_and_deviation(x)
    if deviation <= 1e-14 * abs(mean):
        return
    z = probits(x, x, family, lower, upper, True)
    x[:] = values_of(z + np.sum(source * z) * step, x, family, lower, upper)


@njit(cache=True, nogil=True)
def _inflated(members, family, lower, upper, factor):  # pragma: no cover - compiled
    out = members.copy()
    for j in range(members.shape[1]):
        x = members[:, j].copy()
        mean, deviation = mean_and_deviation(x)
        if deviation > 1e-14 * abs(mean):
            z = probits(x, x, family, lower[j], upper[j], True)
            centre = z.mean()
            out[:, j] = values_of(centre + factor * (z - centre), x, family, lower[j], upper[j])
    return out
