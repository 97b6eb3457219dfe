"""Split-explicit time stepping: the barotropic mode sub-cycled in two dimensions.

The layers step with the three stages of Wicker & Skamarock (2002, Mon. Wea. Rev. 130, 2088-2097),

    y1 = y + dt/3 k(y);    y2 = y + dt/2 k(y1);    y' = y + dt k(y2),

k being the whole tendency. Surface gravity waves are too fast for dt, so each stage corrects its
result for what they do meanwhile: with de, du the departures of the surface and of the
depth-mean velocity from the state k was evaluated at,

    d du / dt = mean_k(k_u) - f z x du - g grad(de),    d de / dt = k_eta - div(H du),

run by forward-backward steps from the start of the step to the stage's time (as in WRF and MPAS).
The gradient is taken of de + 0.1 (de - de_before), which damps what divergence the splitting
makes. Then every layer gets the acceleration - f z x du - g grad(de), and its transport the mean
over the sub-steps of h_k du: the layers' thicknesses add up to the sub-cycled surface to rounding
(Hallberg 1997, J. Comput. Phys. 135, 54-65), volume and heat are conserved, and a uniform
temperature stays uniform.

g is that of the whole external mode, whose interfaces move with the surface: c0^2 / H.

Cost: three tendencies a step of 600 s instead of four of 75 s; a sub-step costs 1 ns a cell.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.models.shallow_water import kernels as kn
from halocast.models.shallow_water.boundaries import (
    U,
    nudge_temperature,
    prescribe,
    relax,
    targets_at,
    wind_at,
)
from halocast.models.shallow_water.kernels import JIT, ROW, WEST
from halocast.models.shallow_water.padding import aligned, wrap, wrap_state
from halocast.models.shallow_water.rk4 import LAST, T, advance_stage, to_lattice_row
from halocast.models.shallow_water.special import (
    find_laplacians,
    find_thin_layers,
    limit_outflow,
    limit_transports,
    thickness_of,
)


class Barotropic(NamedTuple):
    """Scratch of the sub-cycling, (ny + 2, nxp) each but the last three."""

    surface: np.ndarray  # de
    before: np.ndarray  # de one sub-step ago
    u: np.ndarray  # du, dv
    v: np.ndarray
    sum_u: np.ndarray
    sum_v: np.ndarray
    slow_u: np.ndarray  # stage's length times the depth-mean tendency
    slow_v: np.ndarray
    first_u: np.ndarray  # du, dv at the start
    first_v: np.ndarray
    width_u: np.ndarray  # H times the width of the face
    width_v: np.ndarray
    rate: np.ndarray  # k_eta
    total: np.ndarray  # sum over layers of the convergence of h_k du
    thickness: np.ndarray  # (L (ny + 2), nxp) of the state k was evaluated at
    made: np.ndarray  # (L (ny + 2), nxp) of the state the stage made, before its correction
    flow: np.ndarray  # (3 (ny + 2), nxp) transports of one layer, and of its heat


def make_barotropic(layers: int, ny: int, nx: int, dtype: type) -> Barotropic:
    """Allocate the scratch of the sub-cycling."""
    stacked = {"thickness": layers * ny, "made": layers * ny, "flow": 3 * ny}
    return Barotropic(
        **{name: aligned((stacked.get(name, ny), nx), dtype) for name in Barotropic._fields}
    )


@njit(**ROW)
def _add_mean_row(n, H, h, h_next, east, wet, j, A, B, r, out):  # pragma: no cover - compiled
    """Add (h_i + h_(i+east)) (A - B) of one layer along a row; h_next is the other cell's row."""
    for cell in range(n - WEST):
        i = cell + WEST
        out[j, i] += wet[j, i] * (H[h, i] + H[h_next, i + east]) * (A[r, i] - B[r, i])


@njit(**ROW)
def _zonal_row(
    n, part, f, g, damping, wet, j, slow, E, P, DU, DV, total
):  # pragma: no cover - compiled
    """One sub-step of du along row j, and its sum; f and g times a quarter and all of dt."""
    for cell in range(n - WEST):
        i = cell + WEST
        ahead = E[j, i + 1] + damping * (E[j, i + 1] - P[j, i + 1])
        here = E[j, i] + damping * (E[j, i] - P[j, i])
        turn = f * (DV[j, i] + DV[j, i + 1] + DV[j - 1, i] + DV[j - 1, i + 1])
        DU[j, i] += wet[j, i] * (part * slow[j, i] + turn - g * (ahead - here))
    for cell in range(n - WEST):
        i = cell + WEST
        total[j, i] += DU[j, i]


@njit(**ROW)
def _meridional_row(
    n, part, f, g, damping, wet, j, slow, E, P, DU, DV, total
):  # pragma: no cover - compiled
    """The same for dv, with the new du."""
    for cell in range(n - WEST):
        i = cell + WEST
        ahead = E[j + 1, i] + damping * (E[j + 1, i] - P[j + 1, i])
        here = E[j, i] + damping * (E[j, i] - P[j, i])
        turn = f * (DU[j, i] + DU[j, i - 1] + DU[j + 1, i] + DU[j + 1, i - 1])
        DV[j, i] += wet[j, i] * (part * slow[j, i] - turn - g * (ahead - here))
    for cell in range(n - WEST):
        i = cell + WEST
        total[j, i] += DV[j, i]


@njit(**ROW)
def _surface_row(n, dt, per_area, j, rate, HU, DU, HV, DV, E, P):  # pragma: no cover - compiled
    """One sub-step of de along row j."""
    for cell in range(n - WEST):
        i = cell + WEST
        P[j, i] = E[j, i]
    c = dt * per_area
    for cell in range(n - WEST):
        i = cell + WEST
        E[j, i] += dt * rate[j, i] + c * (
            HU[j, i - 1] * DU[j, i - 1]
            - HU[j, i] * DU[j, i]
            + HV[j - 1, i] * DV[j - 1, i]
            - HV[j, i] * DV[j, i]
        )


@njit(**ROW)
def _shift_row(n, Z, r, wet, j, last, first, slow):  # pragma: no cover - compiled
    """Give one layer's velocity what the surface gravity waves did to it."""
    for cell in range(n - WEST):
        i = cell + WEST
        Z[r, i] += wet[j, i] * (last[j, i] - first[j, i] - slow[j, i])


@njit(**JIT)
def _prepare(S, Y0, Z, m, p, x, nx):  # pragma: no cover - compiled
    """Departures at the start, slow tendencies and face depths of a stage."""
    layers, ny2, n1 = p.gravity.size, m.sea.shape[0], WEST + nx
    H = x.thickness
    for field in (x.slow_u, x.slow_v, x.first_u, x.first_v, x.width_u, x.width_v):
        field[:] = p.constants[0].zero
    for layer in range(layers):
        first = layer * ny2
        thickness_of(S, layer, p, ny2, n1 + 1, H, first)
        for j in range(1, ny2 - 1):
            h, u, v = first + j, first + (layers * ny2) + j, first + (2 * layers * ny2) + j
            _add_mean_row(n1, H, h, h, 1, m.sea_u, j, Z, Y0, u, x.slow_u)
            _add_mean_row(n1, H, h, h + 1, 0, m.sea_v, j, Z, Y0, v, x.slow_v)
            _add_mean_row(n1, H, h, h, 1, m.sea_u, j, Y0, S, u, x.first_u)
            _add_mean_row(n1, H, h, h + 1, 0, m.sea_v, j, Y0, S, v, x.first_v)
            for i in range(WEST, n1):
                x.width_u[j, i] += H[h, i] + H[h, i + 1]
                x.width_v[j, i] += H[h, i] + H[h + 1, i]
    for j in range(1, ny2 - 1):
        for i in range(WEST, n1):
            x.slow_u[j, i] /= x.width_u[j, i]
            x.slow_v[j, i] /= x.width_v[j, i]
            x.first_u[j, i] /= x.width_u[j, i]
            x.first_v[j, i] /= x.width_v[j, i]
            x.width_u[j, i] *= m.rows[j].half_dy * m.sea_u[j, i]
            x.width_v[j, i] *= m.rows[j].half_dx_north * m.sea_v[j, i]
    for field in (x.first_u, x.first_v, x.width_u, x.width_v):
        wrap(field, 0, ny2, nx, p.periodic)


@njit(**JIT)
def _radiation_base(b, target, S, m, p, x, base):  # pragma: no cover - compiled
    """What du at a radiating face is beside celerity times de of the interior."""
    layers, ny2 = p.gravity.size, m.sea.shape[0]
    for r in range(base.size):
        field, z, ring = b.radiating[r, 0], b.radiating[r, 1], b.radiating[r, 4]
        j, i = b.row[z], b.column[z]
        jn, ie = (j, i + 1) if field == U else (j + 1, i)
        flow, depth = p.constants[0].zero, p.constants[0].zero
        for layer in range(layers):
            h = x.thickness[layer * ny2 + j, i] + x.thickness[layer * ny2 + jn, ie]
            speed = S[(field * layers + layer) * ny2 + j, i]
            flow += h * (target[field, layer, z] - speed)
            depth += h
        eta = S[b.radiating[r, 2], b.radiating[r, 3]]
        base[r] = flow / depth + b.celerity[r] * (eta - target[0, 0, ring])


@njit(**JIT)
def _sub_cycle(count, plan, m, p, b, base, x, nx):  # pragma: no cover - compiled
    """Run du, dv and de over a stage in ``count`` sub-steps."""
    dt, part, damping, g = plan[1], plan[2], plan[3], plan[4]
    ny2, n1 = m.sea.shape[0], WEST + nx
    E, P, DU, DV = x.surface, x.before, x.u, x.v
    SU, SV, HU, HV, rate = x.slow_u, x.slow_v, x.width_u, x.width_v, x.rate
    MU, MV, sea_u, sea_v = x.sum_u, x.sum_v, m.sea_u, m.sea_v
    rows = m.rows
    g, quarter = g * dt, m.rows[0].quarter * dt
    eighth = quarter * m.rows[0].half
    for _ in range(count):
        for j in range(1, ny2 - 1):
            turn = eighth * (rows[j].coriolis + rows[j - 1].coriolis)
            _zonal_row(n1, part, turn, g * rows[j].per_dx, damping, sea_u, j, SU, E, P, DU, DV, MU)
        wrap(DU, 0, ny2, nx, p.periodic)
        for j in range(1, ny2 - 1):
            turn = quarter * rows[j].coriolis
            _meridional_row(
                n1, part, turn, g * rows[j].per_dy, damping, sea_v, j, SV, E, P, DU, DV, MV
            )
        for r in range(base.size):
            z = b.radiating[r, 1]
            j, i = b.row[z], b.column[z]
            value = base[r] + b.celerity[r] * E[b.radiating[r, 2], b.radiating[r, 3]]
            if b.radiating[r, 0] == U:
                MU[j, i] += value - DU[j, i]
                DU[j, i] = value
            else:
                MV[j, i] += value - DV[j, i]
                DV[j, i] = value
        wrap(DU, 0, ny2, nx, p.periodic)
        wrap(DV, 0, ny2, nx, p.periodic)
        for j in range(1, ny2 - 1):
            _surface_row(n1, dt, rows[j].per_area, j, rate, HU, DU, HV, DV, E, P)
        wrap(E, 0, ny2, nx, p.periodic)
        wrap(P, 0, ny2, nx, p.periodic)


@njit(**ROW)
def _mean_transport_row(n, width, wet, j, M, H, h, h_next, east, Z, out):  # pragma: no cover
    """Transport h_k du of one layer, du a mean over the sub-steps; ``width`` halved."""
    for i in range(n - 1):
        Z[out, i] = width * wet[j, i] * M[j, i] * (H[h, i] + H[h_next, i + east])


@njit(**ROW)
def _add_row(n, w, k, Z, r):  # pragma: no cover - compiled
    for cell in range(n - WEST):
        i = cell + WEST
        Z[r, i] += w * k[i]


@njit(**ROW)
def _divide_heat_row(n, w, k, Z, t, H, h, R, new):  # pragma: no cover - compiled
    """T = (T h + w k) / h_new."""
    for cell in range(n - WEST):
        i = cell + WEST
        Z[t, i] = (Z[t, i] * H[h, i] + w * k[i]) / R[new, i]


@njit(**JIT)
def _correct(w, part, S, Z, m, p, work, x, nx):  # pragma: no cover - compiled
    """Give the layers of a stage's result what the sub-cycling found."""
    layers, ny2, n1 = p.gravity.size, m.sea.shape[0], WEST + nx
    H, Y, F, total, k = x.thickness, x.flow, 2 * ny2, x.total, work.row[0]
    MU, MV, sea_u, sea_v, made = x.sum_u, x.sum_v, m.sea_u, m.sea_v, x.made
    zero, lattice, spacing = p.constants[0].zero, p.constants[0].lattice, p.constants[0].spacing
    wrap(MU, 0, ny2, nx, p.periodic)
    wrap(MV, 0, ny2, nx, p.periodic)
    total[:] = zero
    for layer in range(layers):
        thickness_of(Z, layer, p, ny2, n1 + 1, made, layer * ny2)
    for layer in range(layers - 1, -1, -1):
        first = layer * ny2
        for j in range(ny2):
            width_u, width_v = part * m.rows[j].half_dy, part * m.rows[j].half_dx_north
            h = first + j
            _mean_transport_row(n1 + 1, width_u, sea_u, j, MU, H, h, h, 1, Y, j)
            if j < ny2 - 1:
                _mean_transport_row(n1 + 2, width_v, sea_v, j, MV, H, h, h + 1, 0, Y, ny2 + j)
        if work.thin[layer]:
            for j in range(first, first + ny2):
                for i in range(n1 + 1):
                    work.room[j, i] = made[j, i] - p.constants[0].minimum
            limit_outflow(w, Y, 0, ny2, work.room, first, work.scratch, 0, m, p, nx)
        for j in range(ny2 - 1):
            h, t = first + j, first + (3 * layers * ny2) + j
            kn.meridional_heat_row(
                n1, zero, m.rows[j], sea_v, j, Y, ny2 + j, S, t, H, h, h + 1, Y, F + j
            )
        for j in range(1, ny2 - 1):
            e = first + j
            u, v, t = e + layers * ny2, e + 2 * layers * ny2, e + 3 * layers * ny2
            per_area = m.rows[j].per_area
            kn.heat_row(n1, zero, m.rows[j], sea_u, j, Y, j, S, t, H, e, Y, F + j, F + j - 1, k)
            kn.convergence_row(n1, per_area, Y, j, Y, ny2 + j, ny2 + j - 1, total[j])
            _add_row(n1, w, total[j], Z, e)
            if layer > 0:
                to_lattice_row(n1, lattice, spacing, Z, e)
            if layer == layers - 1:
                kn.bottom_thickness_row(n1, Z, e, p.rest, e, work.thickness, 0)
            else:
                kn.thickness_row(n1, Z, e, e + ny2, p.rest, e, work.thickness, 0)
            _divide_heat_row(n1, w, k, Z, t, made, e, work.thickness, 0)
            _shift_row(n1, Z, u, sea_u, j, x.u, x.first_u, x.slow_u)
            _shift_row(n1, Z, v, sea_v, j, x.v, x.first_v, x.slow_v)


@njit(**JIT)
def _start_sums(S, m, p, work, nx):  # pragma: no cover - compiled
    """The state at the start of a step, with h T in the place of T."""
    layers, ny2, A = p.gravity.size, m.sea.shape[0], work.total
    A[:] = S
    for layer in range(layers):
        first = layer * ny2
        thickness_of(S, layer, p, ny2, WEST + nx + 1, work.scratch, 0)
        for j in range(ny2):
            t = first + 3 * layers * ny2 + j
            for i in range(WEST + nx + 1):
                A[t, i] = work.scratch[j, i] * S[t, i]


@njit(**JIT)
def run_split(
    state, start, steps, seconds, counts, plan, nx, m, p, work, x, b
):  # pragma: no cover - compiled
    """Advance a padded state (4, L, ny + 2, nxp) in place by ``steps`` steps of ``seconds``.

    ``counts`` (3,) are the sub-steps of the stages; a row of ``plan`` (3, 5) holds a stage's
    length, its sub-step, 1 / count, the damping and the gravity of the barotropic mode.
    """
    shape, ny2 = state.shape, m.sea.shape[0]
    S = state.reshape((-1, shape[3]))
    target = np.zeros(b.target.shape[1:], b.target.dtype)
    base = np.zeros(b.celerity.size, b.celerity.dtype)
    A = work.total
    prescribe(b, start, state, target)
    wrap_state(S, ny2, nx, p.periodic)
    for step in range(steps):
        t = start + step * seconds
        wind = wind_at(b, t + 0.5 * seconds, work.tau)
        _start_sums(S, m, p, work, nx)
        for stage in range(3):
            now = S if stage == 0 else (work.first if stage == 1 else work.second)
            out = S if stage == 2 else (work.first if stage == 0 else work.second)
            w, part = plan[stage, 0], plan[stage, 2]
            find_thin_layers(A, p, m, nx, work)
            for layer in range(shape[1]):
                if work.thin[layer]:
                    limit_transports(w, layer, now, m, p, work, nx)
            if p.constants[0].biharmonic > 0:
                find_laplacians(now, m, p, work, nx)
            advance_stage(LAST, w, w, now, A, A, out, m, p, work, nx, wind)
            end = t + seconds / (3 - stage)
            _prepare(now, A, out, m, p, x, nx)
            targets_at(b, end, b.edge[0], target)
            _radiation_base(b, target, now, m, p, x, base)
            for j in range(ny2):
                for i in range(shape[3]):
                    x.surface[j, i] = A[j, i] - now[j, i]
                    x.before[j, i] = x.surface[j, i]
                    x.rate[j, i] = (out[j, i] - A[j, i]) / w
                    x.u[j, i], x.v[j, i] = x.first_u[j, i], x.first_v[j, i]
                    x.sum_u[j, i], x.sum_v[j, i] = p.constants[0].zero, p.constants[0].zero
            wrap(x.surface, 0, ny2, nx, p.periodic)
            wrap(x.before, 0, ny2, nx, p.periodic)
            _sub_cycle(counts[stage], plan[stage], m, p, b, base, x, nx)
            _correct(w, part, now, out, m, p, work, x, nx)
            if stage == 2:
                relax(b, end, state, target)
                nudge_temperature(b, end, m.sea, state[T, 0])
            prescribe(b, end, out.reshape(shape), target)
            wrap_state(out, ny2, nx, p.periodic)
