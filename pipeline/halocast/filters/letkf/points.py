"""Analysis points: which observations act on one, and what the transform does to its cells.

Every point is by itself: its answer depends on its own observations in the table's order, not on
the block or group that asked, to the last bit.
"""

from __future__ import annotations

from math import asin, cos, inf, radians, sin, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.letkf.transform import fill_transform
from halocast.grid import EARTH_RADIUS
from halocast.localization.taper import gaspari_cohn_at
from halocast.localization.water import Ways, by_water
from halocast.samplers.densities import apply_operator


class Local(NamedTuple):
    """What the analysis points of a group share: scaled observations, and distances.

    ``anomaly`` is R^(-1/2) Y / sqrt(m - 1), (p, m); ``departure`` R^(-1/2) (y - mean), (p,); of
    observations whose row and column are ``row`` and ``column``. ``metric`` says how far apart
    points are: 0 in cells, 1 in metres on a plane of spacing ``step``, 2 in metres on the sphere,
    where ``origin`` and ``step`` give latitude and longitude (degrees) of row and column, 3 in
    metres by water: by ``ways`` round the observations' cells, ``source`` (p,) among their sources.
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
    ways: Ways
    source: np.ndarray


class Scratch(NamedTuple):
    """Room to work in, made once a group: of a point, then of a cell with F fields."""

    s: np.ndarray  # (most observations of a block, m)
    delta: np.ndarray  # the same number
    square: np.ndarray  # (m, m)
    vectors: np.ndarray  # (m, m)
    row: np.ndarray  # (m,)
    weight: np.ndarray  # (m,) of the mean
    transform: np.ndarray  # (m, m)
    column: np.ndarray  # (m, F)


@njit(cache=True, nogil=True)
def make_scratch(obs_start, m, n_fields):
    """Make room for the block with the most observations."""
    most = 0
    for b in range(obs_start.size - 1):
        most = max(most, obs_start[b + 1] - obs_start[b])
    return Scratch(
        np.empty((most, m)), np.empty(most), np.empty((m, m)), np.empty((m, m)), np.empty(m),
        np.empty(m), np.empty((m, m)), np.empty((m, n_fields)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def predict(scalars, operator, center, scale):
    """Apply the observations' operators to members' scalars (m, p), in place."""
    for i in range(scalars.shape[0]):
        for o in range(scalars.shape[1]):
            scalars[i, o] = apply_operator(operator[o], scalars[i, o], center[o], scale[o])


@njit(cache=True, nogil=True)
def distance(local, row, column, o):
    """Distance from a point to observation ``o`` by metrics 0 to 2; infinite where too far."""
    dy, dx = abs(row - local.row[o]), abs(column - local.column[o])
    if local.periodic[0]:
        dy = min(dy % local.shape[0], local.shape[0] - dy % local.shape[0])
    if local.periodic[1]:
        dx = min(dx % local.shape[1], local.shape[1] - dx % local.shape[1])
    if local.metric < 2:
        dy, dx = dy * local.step[0], dx * local.step[1]
        return sqrt(dy * dy + dx * dx)
    if radians(dy * local.step[0]) * EARTH_RADIUS >= 2.0 * local.radius:
        return inf  # most observations are spared the trigonometry
    here = radians(local.origin[0] + row * local.step[0])
    there = radians(local.origin[0] + local.row[o] * local.step[0])
    a = sin(0.5 * (here - there)) ** 2
    a += cos(here) * cos(there) * sin(0.5 * radians(dx * local.step[1])) ** 2
    return 2.0 * EARTH_RADIUS * asin(min(1.0, sqrt(a)))


@njit(cache=True, nogil=True)
def gather_point(local, row, column, candidates, s, delta):
    """Put the tapered observations of a point in ``s`` and ``delta``; return how many there are."""
    # inside `distance` the lookup would cost all points a third of their time
    p, ways, cell = 0, local.ways, row * int(local.shape[1]) + column
    for o in candidates:
        if local.metric == 3:
            far = by_water(ways, local.source[o], cell)
        else:
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
def transform_cell(members, c, weight, transform, column):
    """Transform the members (m, F, c) of one cell in place.

    Deviations are from the first member, so that members that are all alike stay what they are.
    """
    m, n_fields, _ = members.shape
    root = sqrt(m - 1.0)
    for i in range(m):
        for f in range(n_fields):
            column[i, f] = members[i, f, c] - members[0, f, c]
    for f in range(n_fields):
        first, mean, shift = members[0, f, c], 0.0, 0.0
        for i in range(m):
            mean += column[i, f]
        mean /= m
        for i in range(m):
            column[i, f] -= mean
            shift += column[i, f] * weight[i]
        mean += shift / root
        for i in range(m):
            total = 0.0
            for j in range(m):
                total += column[j, f] * transform[j, i]
            members[i, f, c] = first + (mean + total)


@njit(cache=True, nogil=True)
def update_cells(local, cells, cell_start, obs_start, obs_index, members):
    """Update the members (m, F, c) of a group in place, every cell with its own transform.

    Returns the degrees of freedom for signal, trace(I - T^2), meant over the cells of each block.
    """
    m, n_fields, _ = members.shape
    width = int(local.shape[1])
    room = make_scratch(obs_start, m, n_fields)
    signal = np.zeros(cell_start.size - 1)
    for b in range(cell_start.size - 1):
        candidates = obs_index[obs_start[b] : obs_start[b + 1]]
        for c in range(cell_start[b], cell_start[b + 1]):
            y, x = cells[c] // width, cells[c] % width
            if solve_point(local, y, x, candidates, room, room.weight, room.transform) == 0:
                continue
            signal[b] += _signal(room.transform)
            transform_cell(members, c, room.weight, room.transform, room.column)
        signal[b] /= max(cell_start[b + 1] - cell_start[b], 1)
    return signal


@njit(cache=True, nogil=True)
def update_cells_between(local, stride, cells, cell_start, obs_start, obs_index, members):
    """As `update_cells`, with transforms of every ``stride``-th point and linear ones between.

    Weights vary slowly where the taper is long (Yang et al. 2009). The points lie at multiples of
    the stride in rows and columns of the grid, wherever the group is; the transforms of all points
    round the group's cells are kept, m^2 numbers each.
    """
    m, n_fields, _ = members.shape
    width = int(local.shape[1])
    columns = width // stride + 2
    slot, known = _number_points(cells, width, stride, columns)
    weights, transforms = np.empty((known, m)), np.empty((known, m, m))
    seen = np.full(known, -1)
    room = make_scratch(obs_start, m, n_fields)
    signal = np.zeros(cell_start.size - 1)
    for b in range(cell_start.size - 1):
        candidates = obs_index[obs_start[b] : obs_start[b + 1]]
        for c in range(cell_start[b], cell_start[b + 1]):
            j, i = cells[c] // width // stride, cells[c] % width // stride
            fy = (cells[c] // width % stride) / stride
            fx = (cells[c] % width % stride) / stride
            room.weight[:] = 0.0
            room.transform[:] = 0.0
            found = 0
            for corner in range(4):
                up, right = corner // 2, corner % 2
                share = (fy if up else 1.0 - fy) * (fx if right else 1.0 - fx)
                if share == 0.0:
                    continue
                k = slot[(j + up) * columns + i + right]
                if seen[k] < 0:
                    y, x = (j + up) * stride, (i + right) * stride
                    seen[k] = solve_point(local, y, x, candidates, room, weights[k], transforms[k])
                found += seen[k]
                _add(share, weights[k], transforms[k], room.weight, room.transform)
            if found == 0:
                continue
            signal[b] += _signal(room.transform)
            transform_cell(members, c, room.weight, room.transform, room.column)
        signal[b] /= max(cell_start[b + 1] - cell_start[b], 1)
    return signal


@njit(cache=True, nogil=True)
def solve_point(local, row, column, candidates, room, weight, transform):
    """Fill the weights (m,) and the transform (m, m) of a point; return how much it observes."""
    p = gather_point(local, row, column, candidates, room.s, room.delta)
    fill_transform(room.s, room.delta, p, room.square, room.vectors, room.row, weight, transform)
    return p


@njit(cache=True, nogil=True)
def _add(share, weight, transform, total_weight, total_transform):
    m = weight.size
    for i in range(m):
        total_weight[i] += share * weight[i]
        for j in range(m):
            total_transform[i, j] += share * transform[i, j]


@njit(cache=True, nogil=True)
def _number_points(cells, width, stride, columns):
    """Number the lattice points round some cells; return slots by point, and how many."""
    rows = cells.max() // width // stride + 2
    slot, known = np.full(rows * columns, -1), 0
    for cell in cells:
        j, i = cell // width // stride, cell % width // stride
        for corner in range(4):
            at = (j + corner // 2) * columns + i + corner % 2
            if slot[at] < 0:
                slot[at] = known
                known += 1
    return slot, known


@njit(cache=True, nogil=True)
def _signal(transform):
    total = 0.0
    for i in range(transform.shape[0]):
        total += 1.0
        for j in range(transform.shape[0]):
            total -= transform[i, j] * transform[i, j]
    return total
