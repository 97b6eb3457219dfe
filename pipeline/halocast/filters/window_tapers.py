"""Schur localization of a window: factors of covariances, by distance and between variables.

    rho(scalar, observation) = S(2 d / halo) x factor(variable of one, variable of the other)

with Gaspari and Cohn's S and the distance d of their cells, and the same between observations. S is
positive definite on the line, plane and, by great circles, very nearly on the sphere, so that
rho o P is a covariance; a step is not. A product with factors is, where the matrix of factors is
positive definite: of three variables with factors 1 but for one pair's 0 it is not (Kang et al.
2011 set some to 0 all the same). Filters that solve with a Cholesky factor say so by an analysis
that is not finite, serial ones never mind.

Cost: of n cells and p observations p (n + p) distances, see `halocast.localization.distances`; by
water 70 nanoseconds each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from halocast.errors import ConfigError
from halocast.filters.base import BlockGroup
from halocast.filters.local_settings import LocalSettings
from halocast.localization.distances import apart, distances_in_cells, distances_in_metres
from halocast.localization.kilometres import METRES
from halocast.localization.taper import taper_within
from halocast.localization.water import Ways, by_water, waters_of


class Tapers:
    """The factors of a group's covariances.

    Raises
    ------
    ConfigError
        There are factors of variables that the state does not have.
    """

    def __init__(self, group: BlockGroup, settings: LocalSettings) -> None:
        in_cells = settings.distance == "cells"
        self._observed, self._field = group.cell, group.field
        self._halo = settings.halo if in_cells else METRES * settings.halo
        measure = distances_in_cells if in_cells else distances_in_metres
        self._distances = measure(group.grid)
        self._ways: Ways | None = None
        if settings.distance == "water":
            self._ways = waters_of(group.grid, self._halo).around(group.cell)
            self._source = np.searchsorted(self._ways.source, group.cell)
        self._factors = factors_between(settings.factors, group.variables)
        self._fields = group.forecast.shape[1]
        # in cells and without factors such scalars are inflated like their block, as ever
        self.spares = not in_cells or self._factors is not None

    def of(self, cells: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the factors between the scalars of cells and observations, and between these.

        Shapes (F * c, p) and (p, p).
        """
        across = np.tile(self._at(cells, index), (self._fields, 1))
        between = self._at(self._observed[index], index)
        if self._factors is not None:
            field = self._field[index]
            across *= np.repeat(self._factors[:, field], cells.size, axis=0)
            between *= self._factors[np.ix_(field, field)]
        return across, between

    def _at(self, cells: np.ndarray, index: np.ndarray) -> np.ndarray:
        if self._ways is None:
            return _tapers(self._distances, cells, self._observed[index], self._halo)
        return _tapers_by_water(self._ways, cells, self._source[index], self._halo)


def factors_between(
    factors: dict[str, dict[str, float]], variables: Sequence[str]
) -> np.ndarray | None:
    """Return the factors between the fields of a state, symmetric (F, F); None if all are 1.

    Parameters
    ----------
    factors
        Those that are not 1, each pair once.
    variables
        The variable of each field, (F,).

    Raises
    ------
    ConfigError
        A variable is not of the state.
    """
    problem = unknown_variables(factors, variables)
    if problem:
        raise ConfigError(problem, where="filter.factors")
    out, of_field = np.ones((len(variables),) * 2), np.array(variables)
    for one, others in factors.items():
        for other, factor in others.items():
            out[np.ix_(of_field == one, of_field == other)] = factor
            out[np.ix_(of_field == other, of_field == one)] = factor
    return None if (out == 1.0).all() else out


def unknown_variables(factors: dict[str, dict[str, float]], variables: Sequence[str]) -> str | None:
    """Say which variables of some factors a state does not have, and which it has."""
    named = {*factors, *(name for others in factors.values() for name in others)}
    unknown = sorted(named.difference(variables))
    if not unknown:
        return None
    known = ", ".join(dict.fromkeys(variables)) or "fields without names"
    return f"factors between {', '.join(unknown)}: no such variable; the state has {known}"


@njit(cache=True, nogil=True)
def _tapers(distances, cells, others, halo):  # pragma: no cover - compiled
    out = np.empty((cells.size, others.size))
    for a in range(cells.size):
        for b in range(others.size):
            out[a, b] = taper_within(apart(distances, cells[a], others[b]), halo)
    return out


@njit(cache=True, nogil=True)
def _tapers_by_water(ways, cells, source, halo):  # pragma: no cover - compiled
    out = np.empty((cells.size, source.size))
    for a in range(cells.size):
        for b in range(source.size):
            out[a, b] = taper_within(by_water(ways, source[b], cells[a]), halo)
    return out
