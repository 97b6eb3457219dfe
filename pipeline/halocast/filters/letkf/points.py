"""Analysis points: which observations act on one, and what the transform does to its cells.

Every point is by itself: its answer depends on its own observations in the table's order, not on
the block or group that asked, to the last bit.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.letkf.transform import fill_transform
from halocast.grid import EARTH_RADIUS
from halocast.localization.taper import gaspari_cohn_at
from halocast.samplers.densities import apply_operator


class Local(NamedTuple):
    """What the analysis points of a group share: scaled observations, and distances.

    ``anomaly`` is R^(-1/2) Y / sqrt(m - 1), (p, m); ``departure`` R^(-1/2) (y - mean), (p,); of
    observations whose row and column are ``row`` and ``column``. ``metric`` says how far apart
    points are: 0 in cells, 1 in metres on a plane of spacing ``step``, 2 in metres on the sphere,
    where ``origin`` and ``step`` give latitude and longitude (degrees) of row and column.
    """

    anomaly: np.ndarray
    departure: np.ndarray
    row: np.ndarray
    column: np.ndarray
    radius: float
    metric: int
    origin: np.ndarray
    step: np.ndarray
    shape: np.ndarray
    periodic: np.ndarray


@njit(cache=True, nogil=True)
def predict(scalars, operator, center, scale):
    """Apply the observations' operators to members' scalars (m, p), in place."""
    for i in range(scalars.shape[0]):
        for o in range(scalars.shape[1]):
            scalars[i, o] = apply_operator(operator[o], scalars[i, o], center[o], scale[o])


@njit(cache=True, nogil=True)
def distance(local, row, column, o):
    """Distance from a point to observation ``o``, in cells or metres."""
    dy, dx = abs(row - local.row[o]), abs(column - local.column[o])
    if local.periodic[0]:
        dy = min(dy % local.shape[0], local.shape[0] - dy % local.shape[0])
    if local.periodic[1]:
        dx = min(dx % local.shape[1], local.shape[1] - dx % local.shape[1])
    if local.metric < 2:
        dy, dx = dy * local.step[0], dx * local.step[1]
        return sqrt(dy * dy + dx * dx)
    here = radians(local.origin[0] + row * local.step[0])
    there = radians(local.origin[0] + local.row[o] * local.step[0])
    a = sin(0.5 * (here - there)) ** 2
    a += cos(here) * cos(there) * sin(0.5 * radians(dx * local.step[1])) ** 2
    return 2.0 * EARTH_RADIUS * asin(min(1.0, sqrt(a)))


@njit(cache=True, nogil=True)
def gather_point(local, row, column, candidates, s, delta):
    """Put the tapered observations of a point in ``s`` and ``delta``; return how many there are."""
    p = 0
    for o in candidates:
        far = distance(local, row, column, o)
        if far >= 2.0 * local.radius:
            continue
        rho = gaspari_cohn_at(far / local.radius)
        if rho <= 0.0:
            continue
        root = sqrt(rho)
        delta[p] = root * local.departure[o]
        for i in range(s.shape[1]):
            s[p, i] = root * local.anomaly[o, i]
        p += 1
    return p


@njit(cache=True, nogil=True)
def apply_transform(members, mean, weight, transform, scratch):
    """Transform the members (m, F) of a cell in place; ``mean`` is its prior mean (F,)."""
    m, n_fields = members.shape
    root = sqrt(m - 1.0)
    for f in range(n_fields):
        shift = 0.0
        for i in range(m):
            scratch[i] = members[i, f] - mean[f]
            shift += scratch[i] * weight[i]
        shift /= root
        for i in range(m):
            total = 0.0
            for j in range(m):
                total += scratch[j] * transform[j, i]
            members[i, f] = mean[f] + shift + total


@njit(cache=True, nogil=True)
def update_cells(local, cells, cell_start, obs_start, obs_index, members):
    """Update the members (m, F, c) of a group in place, every cell with its own transform.

    Returns the degrees of freedom for signal, trace(I - T^2), meant over the cells of each block.
    """
    m, n_fields, _ = members.shape
    width = int(local.shape[1])
    most = 1
    for b in range(cell_start.size - 1):
        most = max(most, obs_start[b + 1] - obs_start[b])
    side = max(most, m)
    s, delta = np.empty((most, m)), np.empty(most)
    square, vectors = np.empty((side, side)), np.empty((side, side))
    row, weight, transform = np.empty(m), np.empty(m), np.empty((m, m))
    column, mean, scratch = np.empty((m, n_fields)), np.empty(n_fields), np.empty(m)
    signal = np.zeros(cell_start.size - 1)
    for b in range(cell_start.size - 1):
        candidates = obs_index[obs_start[b] : obs_start[b + 1]]
        for c in range(cell_start[b], cell_start[b + 1]):
            p = gather_point(local, cells[c] // width, cells[c] % width, candidates, s, delta)
            if p == 0:
                continue
            fill_transform(s, delta, p, square, vectors, row, weight, transform)
            signal[b] += _signal(transform)
            _take_cell(members, c, column, mean)
            apply_transform(column, mean, weight, transform, scratch)
            for i in range(m):
                for f in range(n_fields):
                    members[i, f, c] = column[i, f]
        signal[b] /= max(cell_start[b + 1] - cell_start[b], 1)
    return signal


@njit(cache=True, nogil=True)
def update_cells_between(local, stride, cells, cell_start, obs_start, obs_index, members):
    """As `update_cells`, with transforms of every ``stride``-th point and linear ones between.

    Weights vary slowly where the taper is long (Yang et al. 2009). The points lie at multiples of
    the stride in rows and columns of the grid, wherever the group is.
    """
    m, n_fields, _ = members.shape
    width = int(local.shape[1])
    rows, columns = int(local.shape[0]) // stride + 2, width // stride + 2
    slot, known = _number_points(cells, width, stride, columns, rows * columns)
    weights, transforms = np.zeros((known, m)), np.zeros((known, m, m))
    seen = np.full(known, -1)
    most = 1
    for b in range(cell_start.size - 1):
        most = max(most, obs_start[b + 1] - obs_start[b])
    side = max(most, m)
    s, delta, row = np.empty((most, m)), np.empty(most), np.empty(m)
    square, vectors = np.empty((side, side)), np.empty((side, side))
    weight, transform = np.empty(m), np.empty((m, m))
    column, mean, scratch = np.empty((m, n_fields)), np.empty(n_fields), np.empty(m)
    signal = np.zeros(cell_start.size - 1)
    for b in range(cell_start.size - 1):
        candidates = obs_index[obs_start[b] : obs_start[b + 1]]
        for c in range(cell_start[b], cell_start[b + 1]):
            y, x = cells[c] // width, cells[c] % width
            j, i = y // stride, x // stride
            fy, fx = (y % stride) / stride, (x % stride) / stride
            weight[:] = 0.0
            transform[:] = 0.0
            found = 0
            for corner in range(4):
                up, right = corner // 2, corner % 2
                share = (fy if up else 1.0 - fy) * (fx if right else 1.0 - fx)
                if share == 0.0:
                    continue
                k = slot[(j + up) * columns + i + right]
                if seen[k] < 0:
                    seen[k] = gather_point(
                        local, (j + up) * stride, (i + right) * stride, candidates, s, delta
                    )
                    fill_transform(
                        s, delta, seen[k], square, vectors, row, weights[k], transforms[k]
                    )
                found += seen[k]
                for a in range(m):
                    weight[a] += share * weights[k, a]
                    for q in range(m):
                        transform[a, q] += share * transforms[k, a, q]
            if found == 0:
                continue
            signal[b] += _signal(transform)
            _take_cell(members, c, column, mean)
            apply_transform(column, mean, weight, transform, scratch)
            for a in range(m):
                for f in range(n_fields):
                    members[a, f, c] = column[a, f]
        signal[b] /= max(cell_start[b + 1] - cell_start[b], 1)
    return signal


@njit(cache=True, nogil=True)
def _number_points(cells, width, stride, columns, size):
    """Number the lattice points round some cells; return slots by point, and how many."""
    slot, known = np.full(size, -1), 0
    for cell in cells:
        j, i = cell // width // stride, cell % width // stride
        for corner in range(4):
            at = (j + corner // 2) * columns + i + corner % 2
            if slot[at] < 0:
                slot[at] = known
                known += 1
    return slot, known


@njit(cache=True, nogil=True)
def _take_cell(members, c, column, mean):
    m, n_fields, _ = members.shape
    for f in range(n_fields):
        mean[f] = 0.0
    for i in range(m):
        for f in range(n_fields):
            column[i, f] = members[i, f, c]
            mean[f] += column[i, f]
    for f in range(n_fields):
        mean[f] /= m


@njit(cache=True, nogil=True)
def _signal(transform):
    total = 0.0
    for i in range(transform.shape[0]):
        total += 1.0
        for j in range(transform.shape[0]):
            total -= transform[i, j] * transform[i, j]
    return total
