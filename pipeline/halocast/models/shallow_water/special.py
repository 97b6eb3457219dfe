"""What only some steps need: the limit of thin layers and the biharmonic friction's Laplacian."""

from __future__ import annotations

from numba import njit

from halocast.models.shallow_water import kernels as kn
from halocast.models.shallow_water.kernels import JIT, WEST
from halocast.models.shallow_water.padding import wrap


@njit(**JIT)
def thickness_of(S, layer, p, ny2, n, H, h):  # pragma: no cover - compiled
    """Thickness of one layer into the rows of H from h on."""
    for j in range(ny2):
        e = layer * ny2 + j
        if layer == p.gravity.size - 1:
            kn.bottom_thickness_row(n, S, e, p.rest, e, H, h + j)
        else:
            kn.thickness_row(n, S, e, e + ny2, p.rest, e, H, h + j)


@njit(**JIT)
def find_thin_layers(S, p, m, nx, work):  # pragma: no cover - compiled
    """Mark the layers with a sea cell below four h_min, and note their room above h_min.

    Elsewhere no limit can bind: a step would have to carry off three quarters of a cell.
    """
    limit, ny2, H = p.constants[0].thin, m.sea.shape[0], work.room
    for layer in range(p.gravity.size):
        h = layer * ny2
        thickness_of(S, layer, p, ny2, WEST + nx + 1, H, h)
        count = 0
        for j in range(ny2):
            for i in range(WEST + nx + 1):
                count += H[h + j, i] < limit * m.sea[j, i]
        work.thin[layer] = count > 0
        if count > 0:
            for j in range(h, h + ny2):
                for i in range(WEST + nx + 1):
                    H[j, i] -= p.constants[0].minimum


@njit(**JIT)
def limit_transports(dt, layer, S, m, p, work, nx):  # pragma: no cover - compiled
    """Transports of a layer, scaled so that no cell gives more than its room in a step."""
    layers, ny2 = p.gravity.size, m.sea.shape[0]
    H, X = work.scratch, work.limited
    first = layer * ny2
    second = first + layers * ny2
    thickness_of(S, layer, p, ny2, WEST + nx + 1, H, 0)
    for j in range(ny2):
        u = first + layers * ny2 + j
        kn.zonal_transport_row(WEST + nx + 1, m.rows[j].half_dy, S, u, H, j, X, first + j)
    for j in range(ny2 - 1):
        v = second + layers * ny2 + j
        kn.meridional_transport_row(
            WEST + nx + 1, m.rows[j].half_dx_north, S, v, H, j, j + 1, X, second + j
        )
    limit_outflow(dt, X, first, second, work.room, first, H, ny2, m, p, nx)


@njit(**JIT)
def limit_outflow(dt, X, first, second, room, free, H, share, m, p, nx):  # pragma: no cover
    """Scale transports so that no cell gives more than its room in a step.

    Zonal transports are the rows of X from ``first`` on, meridional ones from ``second`` on; the
    room above h_min those of ``room`` from ``free`` on; rows of H from ``share`` on are scratch.
    """
    ny2 = m.sea.shape[0]
    zero, one = p.constants[0].zero, p.constants[0].one
    for j in range(1, ny2 - 1):
        west_east, south_north = first + j, second + j
        for i in range(WEST, WEST + nx):
            out = (
                max(X[west_east, i], zero)
                - min(X[west_east, i - 1], zero)
                + max(X[south_north, i], zero)
                - min(X[south_north - 1, i], zero)
            )
            taken = dt * m.rows[j].per_area * out
            available = max(room[free + j, i], zero)
            H[share + j, i] = one if taken <= available else available / taken
    wrap(H, share, ny2, nx, p.periodic)
    for j in range(ny2):
        for i in range(WEST + nx):
            flow = X[first + j, i]
            X[first + j, i] = flow * (H[share + j, i] if flow > zero else H[share + j, i + 1])
    for j in range(ny2 - 1):
        for i in range(WEST + nx + 1):
            flow = X[second + j, i]
            X[second + j, i] = flow * (H[share + j, i] if flow > zero else H[share + j + 1, i])


@njit(**JIT)
def find_laplacians(S, m, p, work, nx):  # pragma: no cover - compiled
    """Stress divergence of unit viscosity over h of every layer, for the biharmonic friction."""
    layers, ny2 = p.gravity.size, m.sea.shape[0]
    n = WEST + nx + 1
    H, L = work.scratch, work.laplacian
    one = p.constants[0].one
    L[:] = p.constants[0].zero
    tension, shear = ny2, 2 * ny2  # rows of the scratch array, after the thickness
    for layer in range(layers):
        first = layer * ny2
        second = first + layers * ny2
        thickness_of(S, layer, p, ny2, n, H, 0)
        for j in range(ny2 - 1):
            r = j + 1
            u, v = second + j, second + layers * ny2 + j
            kn.tension_row(n, one, m.rows[r], m.rows[j], S, u + 1, v + 1, H, r, H, tension + r)
            kn.shear_row(
                n, one, m.rows[j], m.rows[r], m.per_corner_area, j, S, u, v, H, j, r, H, shear + j
            )
        for j in range(1, ny2 - 1):
            a, b, c, d = tension + j, shear + j, first + j, second + j
            kn.zonal_friction_row(n - 1, m.rows[j], H, a, H, b, b - 1, H, j, L[c])
            kn.meridional_friction_row(n - 1, m.rows[j], H, a, a + 1, H, b, H, j, j + 1, L[d])
            for i in range(WEST, n - 1):
                L[c, i] *= m.sea_u[j, i]
                L[d, i] *= m.sea_v[j, i]
        wrap(L, first, ny2, nx, p.periodic)
        wrap(L, second, ny2, nx, p.periodic)
