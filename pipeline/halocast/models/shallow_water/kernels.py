"""Tendencies of the multilayer shallow-water equations on an Arakawa C grid, row by row.

Unknowns of layer k are the displacement e_k of the top of the layer from its height at rest
(e_0 is the sea-surface height), the velocity (u_k, v_k) and the temperature T_k. With R_k the
thickness at rest, h_k = e_k - e_(k+1) + R_k, so a fluid at rest has e = 0 exactly and the
pressure gradient of rough topography vanishes exactly.

    U = h_u u dy,  V = h_v v dx                   transports, h_u and h_v two-cell means
    q = (f + zeta) / h_q                          potential vorticity at corners
    de_k/dt = - sum_(m>=k) div(U, V)_m
    du_k/dt = + mean_y(q mean_x V) / dx - d_x (K + M) / dx + stress
    dv_k/dt = - mean_x(q mean_y U) / dy - d_y (K + M) / dy + stress
    d(hT)_k/dt = - div(U mean_x T - kappa h_u d_x T, ...)

This is the energy-conserving scheme of Sadourny (1975, J. Atmos. Sci. 32, 680-689) with the face
and cell areas of the sphere: K weighs u^2 and v^2 by the areas of their faces, so the kinetic
energy lost to thickness changes is the energy the mass fluxes carry. Friction is the divergence
of the thickness-weighted stress (tension and shear; Griffies & Hallberg 2000), which conserves
momentum and dissipates energy. Slip is free: corners that touch land carry no relative vorticity
and no shear stress.

Arrays are padded (by land, or the other side of a periodic axis) with one row south and north and
with ``WEST`` columns, of which the nearest matters; index (j, i) of an
array at faces or corners is the face or corner north and east of cell (j, i). What a row of
tendencies needs of thickness, transports, vorticity, ... are at most two rows each: these live in
*windows* of two rows, row j in slot j % 2, which stay in the nearest cache.

Each inner loop runs along a row, writes one array and reads few, so the compiler can afford to
test that they do not overlap, and vectorises it. No literal stands in an inner loop: constants
come in the arrays' own precision.

Cost: about 130 operations and four divisions a cell, layer and call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

JIT: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
ROW: dict[str, Any] = {**JIT, "forceinline": True}  # a call would pass every metric by value
WEST = 8  # padding west of column 0: rows of cells start on a cache line


# What a row of the grid needs, one record a padded row, in the working precision. The halves and
# quarters of two- and four-point means are folded in, so that the loops hold no constants.
ROW_METRICS = (
    "half_dy",  # dy / 2
    "half_dx_north",  # dx / 2 at north faces
    "dy",
    "dx",
    "area",  # of a cell
    "per_area",
    "per_dx",
    "per_dy",
    "quarter_per_dx",
    "quarter_per_dy",
    "quarter",
    "half",
    "kinetic_north",  # area of the north face / (4 area of the cell)
    "kinetic_south",
    "coriolis",  # at corners
    "per_dx_north",
    "dx_per_dy",
    "dx_north_per_dy",
    "zonal_tension",  # 2 / dx: the 2 of 1 / mean(h)
    "zonal_north",  # 2 dx_north^2 / (dx^2 dy) at the row's north side
    "zonal_south",  # the same at its south side
    "meridional_shear",  # 2 / dx_north
    "meridional_north",  # 2 dx^2 / (dx_north^2 dy) of the next row
    "meridional_south",  # the same of this row
    "corner_mean",  # area at corners over the area of the four cells
    "half_dy_per_dx",
    "half_dx_north_per_dy",
)


class Metrics(NamedTuple):
    """Geometry in the working precision: records by padded row, planes by padded cell.

    Few arrays, because each one makes every compiled function that sees them longer.
    """

    rows: np.ndarray  # (ny + 2,) records of ROW_METRICS
    per_corner_area: np.ndarray  # 0 where a corner touches land
    wet_area: np.ndarray  # sea area of the four cells round a corner
    sea: np.ndarray  # 1 or 0: cells
    sea_u: np.ndarray  # 1 or 0: east faces with sea on both sides
    sea_v: np.ndarray


@njit(**ROW)
def thickness_row(n, S, e, e_below, R, rest, H, h):  # pragma: no cover - compiled
    """h = e_k - e_(k+1) + R_k."""
    for i in range(n):
        H[h, i] = S[e, i] - S[e_below, i] + R[rest, i]


@njit(**ROW)
def bottom_thickness_row(n, S, e, R, rest, H, h):  # pragma: no cover - compiled
    """h = e_k + R_k of the lowest layer."""
    for i in range(n):
        H[h, i] = S[e, i] + R[rest, i]


@njit(**ROW)
def zonal_transport_row(n, half_dy, S, u, H, h, Z, out):  # pragma: no cover - compiled
    """U at east faces."""
    for i in range(n - 1):
        Z[out, i] = half_dy * S[u, i] * (H[h, i] + H[h, i + 1])


@njit(**ROW)
def meridional_transport_row(n, half_dx, S, v, H, h, h_north, Z, out):  # pragma: no cover
    """V at north faces."""
    for i in range(n):
        Z[out, i] = half_dx * S[v, i] * (H[h, i] + H[h_north, i])


@njit(**ROW)
def vorticity_row(
    n, row, ahead, per_area, wet, j, S, u, v, H, h, h_north, Q, q
):  # pragma: no cover - compiled
    """q = (f + zeta) / h at the corners north-east of row j."""
    f, dy, dx, dx_next = row.coriolis, row.dy, row.dx, ahead.dx
    area, area_next = row.area, ahead.area
    for i in range(n - 1):
        circulation = dy * (S[v, i + 1] - S[v, i]) - (dx_next * S[u + 1, i] - dx * S[u, i])
        volume = area * (H[h, i] + H[h, i + 1]) + area_next * (H[h_north, i] + H[h_north, i + 1])
        Q[q, i] = (f + circulation * per_area[j, i]) * wet[j, i] / volume


@njit(**ROW)
def pressure_row(n, gravity, S, e, M, above, out):  # pragma: no cover - compiled
    """M_k = M_(k-1) + g'_k e_k."""
    for i in range(n):
        M[out, i] = M[above, i] + gravity * S[e, i]


@njit(**ROW)
def bernoulli_row(n, row, S, u, v, M, pressure, Z, out):  # pragma: no cover - compiled
    """K + M of cells."""
    quarter, north, south = row.quarter, row.kinetic_north, row.kinetic_south
    for cell in range(n - WEST):
        i = cell + WEST
        Z[out, i] = M[pressure, i] + (
            quarter * (S[u, i] * S[u, i] + S[u, i - 1] * S[u, i - 1])
            + north * (S[v, i] * S[v, i])
            + south * (S[v - 1, i] * S[v - 1, i])
        )


@njit(**ROW)
def tension_row(n, nu, row, behind, S, u, v, H, h, Z, out):  # pragma: no cover - compiled
    """nu h (du/dx - dv/dy) at cells."""
    a = row.per_dx
    north, south = row.dx_per_dy * row.per_dx_north, row.dx_per_dy * behind.per_dx_north
    for cell in range(n - WEST):
        i = cell + WEST
        strain = a * (S[u, i] - S[u, i - 1]) - (north * S[v, i] - south * S[v - 1, i])
        Z[out, i] = nu * H[h, i] * strain


@njit(**ROW)
def shear_row(
    n, nu, row, ahead, per_area, j, S, u, v, H, h, h_north, Z, out
):  # pragma: no cover - compiled
    """nu h (du/dy + dv/dx) at the corners north-east of row j; 0 where they touch land."""
    south, north = row.dx_north_per_dy * row.per_dx, row.dx_north_per_dy * ahead.per_dx
    below, above = nu * row.corner_mean * row.area, nu * row.corner_mean * ahead.area
    c = row.per_dx_north
    for i in range(n - 1):
        strain = north * S[u + 1, i] - south * S[u, i] + c * (S[v, i + 1] - S[v, i])
        volume = below * (H[h, i] + H[h, i + 1]) + above * (H[h_north, i] + H[h_north, i + 1])
        Z[out, i] = per_area[j, i] * volume * strain


@njit(**ROW)
def zonal_momentum_row(n, row, Q, q, q_south, Y, V, V_south, W, B, out):  # pragma: no cover
    """Coriolis, advection and pressure of u."""
    c, d = row.quarter_per_dx, row.per_dx
    for cell in range(n - WEST):
        i = cell + WEST
        out[i] = c * (
            Q[q, i] * (Y[V, i] + Y[V, i + 1]) + Q[q_south, i] * (Y[V_south, i] + Y[V_south, i + 1])
        ) - d * (W[B, i + 1] - W[B, i])


@njit(**ROW)
def meridional_momentum_row(n, row, Q, q, X, U, U_north, W, B, B_north, out):  # pragma: no cover
    """Coriolis, advection and pressure of v."""
    c, d = row.quarter_per_dy, row.per_dy
    for cell in range(n - WEST):
        i = cell + WEST
        out[i] = -c * (
            Q[q, i] * (X[U, i] + X[U_north, i]) + Q[q, i - 1] * (X[U, i - 1] + X[U_north, i - 1])
        ) - d * (W[B_north, i] - W[B, i])


@njit(**ROW)
def zonal_friction_row(
    n, row, X, tension, Y, shear, shear_south, H, h, out
):  # pragma: no cover - compiled
    """Add the stress divergence over h to the tendency of u."""
    a, north, south = row.zonal_tension, row.zonal_north, row.zonal_south
    for cell in range(n - WEST):
        i = cell + WEST
        force = a * (X[tension, i + 1] - X[tension, i]) + (
            north * Y[shear, i] - south * Y[shear_south, i]
        )
        out[i] += force / (H[h, i] + H[h, i + 1])


@njit(**ROW)
def meridional_friction_row(
    n, row, X, tension, tension_north, Y, shear, H, h, h_north, out
):  # pragma: no cover - compiled
    """Add the stress divergence over h to the tendency of v."""
    a, north, south = row.meridional_shear, row.meridional_north, row.meridional_south
    for cell in range(n - WEST):
        i = cell + WEST
        force = a * (Y[shear, i] - Y[shear, i - 1]) - (
            north * X[tension_north, i] - south * X[tension, i]
        )
        out[i] += force / (H[h, i] + H[h_north, i])


@njit(**ROW)
def convergence_row(n, per_area, X, U, Y, V, V_south, total):  # pragma: no cover - compiled
    """Add the convergence of one layer's transport to the sum over the layers below."""
    for cell in range(n - WEST):
        i = cell + WEST
        total[i] += per_area * (X[U, i - 1] - X[U, i] + Y[V_south, i] - Y[V, i])


@njit(**ROW)
def meridional_heat_row(
    n, kappa, row, wet, j, Y, V, S, t, H, h, h_north, Z, out
):  # pragma: no cover
    """Temperature transport through the north faces of row j."""
    half, c = row.half, kappa * row.half_dx_north_per_dy
    for i in range(n):
        Z[out, i] = half * Y[V, i] * (S[t, i] + S[t + 1, i]) - c * wet[j, i] * (
            H[h, i] + H[h_north, i]
        ) * (S[t + 1, i] - S[t, i])


@njit(**ROW)
def heat_row(
    n, kappa, row, wet, j, X, U, S, t, H, h, Y, F, F_south, out
):  # pragma: no cover - compiled
    """Tendency of h T along row j: zonal transports here, meridional ones in Y."""
    per_area = row.per_area
    half, c = per_area * row.half, per_area * kappa * row.half_dy_per_dx
    for cell in range(n - WEST):
        i = cell + WEST
        east = half * X[U, i] * (S[t, i] + S[t, i + 1]) - c * wet[j, i] * (
            H[h, i] + H[h, i + 1]
        ) * (S[t, i + 1] - S[t, i])
        west = half * X[U, i - 1] * (S[t, i - 1] + S[t, i]) - c * wet[j, i - 1] * (
            H[h, i - 1] + H[h, i]
        ) * (S[t, i] - S[t, i - 1])
        out[i] = west - east + per_area * (Y[F_south, i] - Y[F, i])


@njit(**ROW)
def zonal_stress_row(n, tau, j, H, h, mixed, out):  # pragma: no cover - compiled
    """Add the wind's push, 2 tau / rho over the sum of two h, to u along row j.

    The sum is at least ``mixed``: a layer thinner than the depth that wind stirs takes its share.
    """
    for cell in range(n - WEST):
        i = cell + WEST
        out[i] += tau[j, i] / max(H[h, i] + H[h, i + 1], mixed)


@njit(**ROW)
def meridional_stress_row(n, tau, j, H, h, h_north, mixed, out):  # pragma: no cover - compiled
    """The same for v."""
    for cell in range(n - WEST):
        i = cell + WEST
        out[i] += tau[j, i] / max(H[h, i] + H[h_north, i], mixed)


@njit(**ROW)
def drag_row(n, rate, S, u, out):  # pragma: no cover - compiled
    """Add linear drag to a velocity."""
    for cell in range(n - WEST):
        i = cell + WEST
        out[i] -= rate * S[u, i]
