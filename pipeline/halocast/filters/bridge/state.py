"""From a block's observed scalars to all scalars of its cells.

A state scalar x of member i moves by B_x v1_i + Q_x v2_i (`halocast.filters.bridge.stages`), with
B_x = Q_x + rho o P_x its covariance with the observed scalars. The members then have the mean of
the distribution (Rao-Blackwell). Cost: about p (3 m + p) operations a scalar.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.filters.bridge.stages import kernel_variances
from halocast.filters.bridge.view import fill_anomalies, localization
from halocast.noise.covariance import covariance_between
from halocast.samplers.dense import add_product


@njit(cache=True, nogil=True, error_model="numpy")
def cell_factors(view, scalars, cells):
    """Localization between a block's observed scalars and its cells, (p, cells)."""
    out = np.empty((scalars.size, cells.size))
    for a in range(scalars.size):
        for c in range(cells.size):
            out[a, c] = localization(view.plane, view.cell[scalars[a]], cells[c])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def state_covariances(view, scalars, terms, first_row, factor, anomaly):
    """Q_x and B_x of the cells of one field, as columns, (p, cells); whether any is not 0.

    ``anomaly`` (cells, m) is of that field; its first cell is row ``first_row`` of ``terms``.
    """
    p, n = factor.shape
    noise_x, kernel_x = np.zeros((p, n)), np.zeros((p, n))
    some = False
    for c in range(n):
        x = first_row + c
        noisy = terms.start[x + 1] > terms.start[x]
        for a in range(p):
            s = scalars[a]
            if noisy:
                noise_x[a, c] = covariance_between(
                    view.correlation, view.terms, view.row[s], terms, x
                )
            kernel_x[a, c] = noise_x[a, c]
            if factor[a, c] > 0.0:
                share = 0.0
                for i in range(anomaly.shape[1]):
                    share += view.anomaly[s, i] * anomaly[c, i]
                kernel_x[a, c] += factor[a, c] * share
            some = some or kernel_x[a, c] != 0.0 or noise_x[a, c] != 0.0
    return noise_x, kernel_x, some


@njit(cache=True, nogil=True, error_model="numpy")
def moves(noise_x, kernel_x, steps, bridge):
    """B_x v1 + Q_x v2 of the cells of one field, (cells, n), for steps (2, p, n)."""
    out = np.zeros((noise_x.shape[1], steps.shape[2]))
    if bridge > 0.0:
        add_product(kernel_x.T.copy(), steps[0], out)
    if bridge < 1.0:
        add_product(noise_x.T.copy(), steps[1], out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def place_moves(move, target, begin, members, mean):
    """Add moves (cells, m) to members (m, c), and make ``target`` (cells,) the mean's move."""
    n, m = move.shape
    for c in range(n):
        total = 0.0
        for i in range(m):
            total += move[c, i]
        shift = target[c] - total / m
        for i in range(m):
            members[i, begin + c] += move[c, i] + shift
        mean[begin + c] += target[c]


@njit(cache=True, nogil=True, error_model="numpy")
def gather_cells(forecast, begin, n):
    """Forecast of some cells of one field with the members innermost, (n, m)."""
    m = forecast.shape[0]
    out = np.empty((n, m))
    for i in range(m):
        for c in range(n):
            out[c, i] = forecast[i, begin + c]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def closed_spread(noise_x, kernel_x, stages, weight, component, forecast, noise_sd, spread):
    """Fill the mixture's standard deviation of the cells of one field, (cells,).

    ``component`` (cells, m) is where each ancestor's mean goes; ``forecast`` (cells, m).
    """
    variance = np.empty(spread.size)
    for c in range(spread.size):
        variance[c] = noise_sd[c] * noise_sd[c]
    kernel_variances(stages, noise_x, kernel_x, variance)
    for c in range(spread.size):
        first, second = 0.0, 0.0
        for j in range(weight.size):
            d = forecast[c, j] - forecast[c, 0] + component[c, j]
            first += weight[j] * d
        for j in range(weight.size):
            d = forecast[c, j] - forecast[c, 0] + component[c, j] - first
            second += weight[j] * (d * d)
        spread[c] = np.sqrt(max(variance[c], 0.0) + second)


@njit(cache=True, nogil=True, error_model="numpy")
def sample_spread(members, mean, begin, spread):
    """Fill the members' standard deviation about the mean, of the cells of one field (cells,)."""
    m = members.shape[0]
    for c in range(spread.size):
        total = 0.0
        for i in range(m):
            d = members[i, begin + c] - mean[begin + c]
            total += d * d
        spread[c] = np.sqrt(total / max(m - 1.0, 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def average_steps(steps, weight):
    """The weighted mean over members of steps (2, p, m), as (2, p, 1)."""
    out = np.zeros((2, steps.shape[1], 1))
    for k in range(2):
        for a in range(steps.shape[1]):
            for j in range(weight.size):
                out[k, a, 0] += weight[j] * steps[k, a, j]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def settle_closed(
    view, terms, scalars, cells, begin, forecast, noise_sd, stages, steps, component, weight,
    members, mean, spread,
):  # fmt: skip
    """Move all fields of a block whose distribution is a Gaussian mixture.

    ``members`` (m, F, c) and ``mean`` (F, c) come in as the mixture of the forecasts and go out
    updated, with ``spread`` (F, c); ``begin`` is the block's first local cell, ``cells`` are its
    global ones.
    """
    factor = cell_factors(view, scalars, cells)
    target = average_steps(component, weight)
    n, m = cells.size, forecast.shape[0]
    anomaly = np.empty((n, m))
    for f in range(forecast.shape[1]):
        tile = gather_cells(forecast[:, f], begin, n)
        fill_anomalies(tile, anomaly)
        noise_x, kernel_x, some = state_covariances(
            view, scalars, terms, f * noise_sd.shape[1] + begin, factor, anomaly
        )
        own = slice(begin, begin + n)
        if some:
            move = moves(noise_x, kernel_x, steps, stages.bridge)
            goal = moves(noise_x, kernel_x, target, stages.bridge)
            place_moves(move, goal[:, 0], begin, members[:, f], mean[f])
        where = moves(noise_x, kernel_x, component, stages.bridge)
        closed_spread(
            noise_x, kernel_x, stages, weight, where, tile, noise_sd[f, own], spread[f, own]
        )


@njit(cache=True, nogil=True, error_model="numpy")
def settle_sampled(
    view, terms, scalars, cells, begin, forecast, noise_sd, bridge, steps, target,
    members, mean, spread,
):  # fmt: skip
    """Move all fields of a block whose distribution is known by its draws.

    As `settle_closed`; ``target`` (2, p, 1) moves the mean, and the spread is the members' own.
    """
    factor = cell_factors(view, scalars, cells)
    n, m = cells.size, forecast.shape[0]
    anomaly = np.empty((n, m))
    for f in range(forecast.shape[1]):
        tile = gather_cells(forecast[:, f], begin, n)
        fill_anomalies(tile, anomaly)
        noise_x, kernel_x, some = state_covariances(
            view, scalars, terms, f * noise_sd.shape[1] + begin, factor, anomaly
        )
        if some:
            move = moves(noise_x, kernel_x, steps, bridge)
            goal = moves(noise_x, kernel_x, target, bridge)
            place_moves(move, goal[:, 0], begin, members[:, f], mean[f])
        sample_spread(members[:, f], mean[f], begin, spread[f, begin : begin + n])
