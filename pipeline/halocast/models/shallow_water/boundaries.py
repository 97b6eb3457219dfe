"""Open boundaries, surface nudging and wind: what the forcing does to a member.

The outermost ring of sea cells of a non-periodic axis is open when forcing is given. There,
displacements, temperatures and the velocities between ring cells are prescribed. The velocity
through a face between the ring and the interior is the prescribed one plus the barotropic
radiation of Flather (1976), the same in every layer:

    u_k = u_k,ext + s sqrt(g / H) (eta_interior - eta_ext),   s = 1 where outward is positive

In a zone next to the ring every field is relaxed towards the forcing, y' = -r (y - y_ext), and the
temperature of the top layer is nudged everywhere, T_0' = -lambda (T_0 - T_ref). Both are applied
exactly over a step, y += (1 - exp(-r dt)) (y_ext - y), so their strength does not depend on dt.

Forcing is linear in time between its steps, (1 - w) a + w b, with w from absolute seconds. At a
step of the product w is exactly 0 or 1, so it does not matter which window a time belongs to.

Cost: the zone is a list of cells; 70 x 80 x 3 with 8 cells of zone costs about 10 % of a step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.models.shallow_water.kernels import JIT

_LATTICE = 2.0**39
E, U, V, T = 0, 1, 2, 3


class Boundary(NamedTuple):
    """Forcing of one window as the time stepping sees it; indices are of padded arrays.

    Zone entries that own a prescribed or radiating value come first, ``edge`` of them.
    """

    seconds: np.ndarray  # (n,) int64 since 1970
    target: np.ndarray  # (n, 4, L, zone) displacement, u, v, T
    row: np.ndarray  # (zone,)
    column: np.ndarray
    share: np.ndarray  # (3, zone) 1 - exp(-r dt) at centres, east and north faces
    edge: np.ndarray  # (1,) number of entries to prescribe
    open_cell: np.ndarray  # (zone,) bool: ring cell
    open_u: np.ndarray  # bool: east face between two ring cells
    open_v: np.ndarray
    radiating: np.ndarray  # (faces, 5): field U or V, entry of the face, interior row and column,
    #                        entry of the ring cell
    celerity: np.ndarray  # (faces,) s sqrt(g / H)
    sst: np.ndarray  # (n, ny + 2, nxp), or no rows
    sst_share: np.ndarray  # (1,) 1 - exp(-lambda dt)
    tau: np.ndarray  # (n, 2, ny + 2, nxp) 2 tau / rho at faces, or no rows


@njit(**JIT)
def bracket(seconds, t):  # pragma: no cover - compiled
    """Index of the forcing step before t, and the weight of the next one."""
    last = seconds.size - 1
    i = 0
    while i < last - 1 and seconds[i + 1] <= t:
        i += 1
    if last < 1:
        return 0, 0, 0.0
    return i, i + 1, (t - seconds[i]) / (seconds[i + 1] - seconds[i])


@njit(**JIT)
def targets_at(b, t, count, now):  # pragma: no cover - compiled
    """Interpolate the boundary's targets linearly to the time ``t`` (s), into ``now``."""
    i, k, weight = bracket(b.seconds, t)
    w = b.target.dtype.type(weight)
    rest = b.target.dtype.type(1.0 - weight)
    for f in range(4):
        for layer in range(now.shape[1]):
            before, after, out = b.target[i, f, layer], b.target[k, f, layer], now[f, layer]
            for z in range(count):
                out[z] = rest * before[z] + w * after[z]


@njit(**JIT)
def prescribe(b, t, state, now):  # pragma: no cover - compiled
    """Set the ring and the faces next to it to the forcing at time t (seconds)."""
    count = b.edge[0]
    if count == 0:
        return
    targets_at(b, t, count, now)
    lattice = state.dtype.type(_LATTICE)
    layers = state.shape[1]
    for layer in range(layers):
        e, u, v, temperature = state[E, layer], state[U, layer], state[V, layer], state[T, layer]
        for z in range(count):
            j, i = b.row[z], b.column[z]
            if b.open_cell[z]:
                value = now[E, layer, z]
                e[j, i] = np.rint(value * lattice) / lattice if layer > 0 else value
                temperature[j, i] = now[T, layer, z]
            if b.open_u[z]:
                u[j, i] = now[U, layer, z]
            if b.open_v[z]:
                v[j, i] = now[V, layer, z]
    for r in range(b.celerity.size):
        field, z = b.radiating[r, 0], b.radiating[r, 1]
        eta = state[E, 0, b.radiating[r, 2], b.radiating[r, 3]]
        excess = eta - now[E, 0, b.radiating[r, 4]]
        radiated = b.celerity[r] * excess
        for layer in range(layers):
            state[field, layer, b.row[z], b.column[z]] = now[field, layer, z] + radiated


@njit(**JIT)
def relax(b, t, state, now):  # pragma: no cover - compiled
    """Relax the zone towards the forcing at time t over one step."""
    count = b.row.size
    if count == 0:
        return
    targets_at(b, t, count, now)
    lattice = state.dtype.type(_LATTICE)
    for f in range(4):
        share = b.share[0] if f in (E, T) else b.share[f]
        for layer in range(state.shape[1]):
            field, target = state[f, layer], now[f, layer]
            if f == E and layer > 0:
                for z in range(count):
                    j, i = b.row[z], b.column[z]
                    value = field[j, i] + share[z] * (target[z] - field[j, i])
                    field[j, i] = np.rint(value * lattice) / lattice
            else:
                for z in range(count):
                    j, i = b.row[z], b.column[z]
                    field[j, i] += share[z] * (target[z] - field[j, i])


@njit(**JIT)
def nudge_temperature(b, t, sea, temperature):  # pragma: no cover - compiled
    """Nudge the top layer's temperature towards the forcing's at time t over one step."""
    if b.sst.shape[0] == 0:
        return
    i, k, weight = bracket(b.seconds, t)
    w = b.sst.dtype.type(weight)
    rest = b.sst.dtype.type(1.0 - weight)
    share = b.sst_share[0]
    before, after = b.sst[i], b.sst[k]
    for j in range(sea.shape[0]):
        for c in range(sea.shape[1]):
            reference = rest * before[j, c] + w * after[j, c]
            temperature[j, c] += share * sea[j, c] * (reference - temperature[j, c])


@njit(**JIT)
def wind_at(b, t, tau):  # pragma: no cover - compiled
    """Write the wind stress at time t into ``tau`` (2, ny + 2, nxp); say whether there is any."""
    if b.tau.shape[0] == 0:
        return False
    i, k, weight = bracket(b.seconds, t)
    w = b.tau.dtype.type(weight)
    rest = b.tau.dtype.type(1.0 - weight)
    for f in range(2):
        for j in range(tau.shape[1]):
            for c in range(tau.shape[2]):
                tau[f, j, c] = rest * b.tau[i, f, j, c] + w * b.tau[k, f, j, c]
    return True
