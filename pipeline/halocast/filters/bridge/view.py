"""What the bridge's kernels see of a group of blocks, and the covariances of a block's scalars.

Rows and pairs are those of `halocast.filters.sighting`: a pair is a scalar seen by a block, all its
observations with one taper weight w, which inflates each error to sd / sqrt(w).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.base import BlockGroup
from halocast.filters.sighting import Sighting
from halocast.localization.taper import gaspari_cohn_at
from halocast.noise.correlation import Correlation
from halocast.noise.covariance import covariance_between
from halocast.noise.terms import Terms


class Plane(NamedTuple):
    """The lattice of cells, for the ensemble covariance's localization.

    ``size`` is (rows, columns), ``radius`` Gaspari and Cohn's half-width in cells.
    """

    size: np.ndarray
    periodic: np.ndarray
    radius: float


class View(NamedTuple):
    """Observed scalars (S) of m members, their observations (O) scalar after scalar, and pairs.

    Attributes
    ----------
    forecast, noise, anomaly
        Noise-free forecast, each member's model noise, and the forecast less its mean over
        members divided by sqrt(m - 1), shape (S, m).
    cell
        Flat cell of each scalar.
    row
        Row of each scalar in ``terms``.
    terms, correlation
        The model noise of the observed scalars.
    start
        CSR of the observations of each scalar, (S + 1,).
    value, error, noise_kind, df
        The observations, (O,).
    pair_start, pair_scalar, pair_weight
        CSR of the scalars each block sees.
    plane
        The lattice of cells.
    """

    forecast: np.ndarray
    noise: np.ndarray
    anomaly: np.ndarray
    cell: np.ndarray
    row: np.ndarray
    terms: Terms
    correlation: Correlation
    start: np.ndarray
    value: np.ndarray
    error: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    pair_start: np.ndarray
    pair_scalar: np.ndarray
    pair_weight: np.ndarray
    plane: Plane


def view_group(group: BlockGroup, seen: Sighting, radius: float) -> View:
    """Gather a group's observed scalars; ``radius`` localizes the ensemble covariance."""
    first = seen.first
    forecast = np.ascontiguousarray(group.observed[:, first].T)
    anomaly = np.empty_like(forecast)
    fill_anomalies(forecast, anomaly)
    row_scalar = np.repeat(np.arange(first.size), np.diff(seen.row_start))

    def sort(column: np.ndarray, kind: type) -> np.ndarray:
        return column[seen.observation].astype(kind, copy=False)

    return View(
        forecast=forecast,
        noise=np.ascontiguousarray(group.observed_noise[:, first].T),
        anomaly=anomaly,
        cell=group.cell[first].astype(np.int64),
        row=first,
        terms=group.observed_terms(),
        correlation=group.correlation,
        start=seen.scalar_start,
        value=sort(group.value, np.float64),
        error=sort(group.error, np.float64),
        noise_kind=sort(group.noise_kind, np.int8),
        df=sort(group.df, np.float64),
        pair_start=seen.pair_start,
        pair_scalar=row_scalar[seen.pair_row],
        pair_weight=seen.row_weight[seen.pair_row],
        plane=Plane(
            np.array(group.grid.shape, np.int64), np.array(group.grid.periodic), float(radius)
        ),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def fill_anomalies(forecast, anomaly):
    """Fill the anomalies over members of each row, (k, m), divided by sqrt(m - 1).

    Differences are taken from the first member: where all agree they are exactly 0.
    """
    m = forecast.shape[1]
    scale = 1.0 / np.sqrt(max(m - 1.0, 1.0))
    for s in range(forecast.shape[0]):
        shift = 0.0
        for i in range(m):
            shift += forecast[s, i] - forecast[s, 0]
        shift /= m
        for i in range(m):
            anomaly[s, i] = scale * (forecast[s, i] - forecast[s, 0] - shift)


@njit(cache=True, nogil=True, error_model="numpy")
def localization(plane, cell_a, cell_b):
    """Gaspari and Cohn's function of the distance of two flat cells."""
    nx = plane.size[1]
    dy = abs(cell_a // nx - cell_b // nx)
    dx = abs(cell_a % nx - cell_b % nx)
    if plane.periodic[0]:
        dy = min(dy, plane.size[0] - dy)
    if plane.periodic[1]:
        dx = min(dx, nx - dx)
    return gaspari_cohn_at(np.sqrt(float(dy * dy + dx * dx)) / plane.radius)


@njit(cache=True, nogil=True, error_model="numpy")
def scalar_covariances(view, scalars):
    """Q and B = Q + rho o P of some observed scalars (p,), each (p, p) and full."""
    p, m = scalars.size, view.anomaly.shape[1]
    noise, kernel = np.empty((p, p)), np.empty((p, p))
    for a in range(p):
        sa = scalars[a]
        for c in range(a, p):
            sc = scalars[c]
            q = covariance_between(
                view.correlation, view.terms, view.row[sa], view.terms, view.row[sc]
            )
            share = 0.0
            for i in range(m):
                share += view.anomaly[sa, i] * view.anomaly[sc, i]
            b = q + localization(view.plane, view.cell[sa], view.cell[sc]) * share
            noise[a, c], noise[c, a] = q, q
            kernel[a, c], kernel[c, a] = b, b
    return noise, kernel


@njit(cache=True, nogil=True, error_model="numpy")
def gather_rows(table, rows):
    """The rows (p,) of a table, (p, m)."""
    out = np.empty((rows.size, table.shape[1]))
    for a in range(rows.size):
        for i in range(table.shape[1]):
            out[a, i] = table[rows[a], i]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def merge_observations(value, sd, factor, normal):
    """The observations of a scalar as one, by precision: its value, variance and perturbation.

    ``factor`` multiplies 1 / sd^2 of each, ``normal`` is each one's standard normal; all (k,). The
    perturbation has the variance of the merged error.
    """
    total, shift, push = 0.0, 0.0, 0.0
    for o in range(value.size):
        root = np.sqrt(factor[o]) / sd[o]
        total += root * root
        shift += root * root * (value[o] - value[0])
        push += root * normal[o]
    return value[0] + shift / total, 1.0 / total, push / total
