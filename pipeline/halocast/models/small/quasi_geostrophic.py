"""The wind-driven ocean of Sakov & Oke (2008): quasi-geostrophic, one layer and a half, a box.

    dq/dt = -psi_x - r J(psi, q) - k lap psi + a lap^2 psi - b lap^3 psi + 2 pi sin(2 pi y)
    q = lap psi - F psi,        psi = lap psi = lap^2 psi = 0 at the walls

on the unit square with N + 1 points a side; a state is psi, row (y) after row. J is Arakawa's
(1966) Jacobian, which conserves energy and enstrophy; time steps are Runge-Kutta of fourth order;
psi comes from q by sine transforms, exactly the inverse of the five-point operator.

Cost: 10 ms a member and 5 units of time (4 steps) with N = 128.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy import fft


class Parameters(NamedTuple):
    """The equation's numbers; the defaults are Sakov & Oke's.

    F is ``stretching``, r ``rossby``, and k, a, b the ``friction`` of bottom, harmonic and
    biharmonic kind; ``wind`` multiplies the forcing.
    """

    stretching: float = 1600.0
    rossby: float = 1e-5
    bottom: float = 0.0
    harmonic: float = 0.0
    biharmonic: float = 2e-12
    wind: float = 1.0


SAKOV_OKE = Parameters()


def advance(
    members: np.ndarray, steps: int, dt: float, parameters: Parameters = SAKOV_OKE
) -> np.ndarray:
    """Advance members (m, (N + 1)^2) by some steps of ``dt``."""
    side = round(np.sqrt(members.shape[1]))
    inverse = inverse_eigenvalues(side - 1, parameters.stretching)
    out = np.zeros((members.shape[0], side, side))
    # one member at a time: a member's bits do not depend on how many there are
    for member, psi in zip(out, members.reshape(-1, side, side), strict=True):
        member[1:-1, 1:-1] = psi[1:-1, 1:-1]
        for _ in range(steps):
            member[:] = _step(member, dt, inverse, parameters)
    return out.reshape(members.shape)


def inverse_eigenvalues(n: int, stretching: float) -> np.ndarray:
    """1 / eigenvalues of lap - F on n cells a side, for sine waves (n - 1, n - 1)."""
    line = -4.0 * n**2 * np.sin(np.pi * np.arange(1, n) / (2 * n)) ** 2
    return 1.0 / (line[:, None] + line[None, :] - stretching)


def stream_function(q: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Solve lap psi - F psi = q for psi, 0 at the walls, (N + 1, N + 1)."""
    psi = np.zeros_like(q)
    waves = fft.dstn(q[1:-1, 1:-1], type=1) * inverse
    psi[1:-1, 1:-1] = fft.idstn(waves, type=1)
    return psi


def vorticity(psi: np.ndarray, stretching: float) -> np.ndarray:
    """q = lap psi - F psi, (N + 1, N + 1)."""
    return laplacian(psi) - stretching * psi


def _step(psi: np.ndarray, dt: float, inverse: np.ndarray, parameters: Parameters) -> np.ndarray:
    q = vorticity(psi, parameters.stretching)
    total = k = tendency(psi, parameters)
    for share, count in ((0.5, 2), (0.5, 2), (1.0, 1)):
        k = tendency(stream_function(q + share * dt * k, inverse), parameters)
        total = total + count * k
    return stream_function(q + dt / 6 * total, inverse)


def tendency(psi: np.ndarray, parameters: Parameters = SAKOV_OKE) -> np.ndarray:
    """dq/dt at a stream function (N + 1, N + 1)."""
    zeta = laplacian(psi)
    return _tendency(psi, zeta, laplacian(zeta), *parameters)


@njit(cache=True, nogil=True)
def laplacian(psi):
    """Five-point Laplacian inside, 0 at the walls."""
    n = psi.shape[0] - 1
    out = np.zeros_like(psi)
    for j in range(1, n):
        for i in range(1, n):
            around = psi[j, i - 1] + psi[j, i + 1] + psi[j - 1, i] + psi[j + 1, i]
            out[j, i] = (around - 4.0 * psi[j, i]) * n**2
    return out


@njit(cache=True, nogil=True)
def jacobian(p, q):
    """Arakawa's J(p, q) = p_x q_y - p_y q_x inside, 0 at the walls."""
    n = p.shape[0] - 1
    out = np.zeros_like(p)
    for j in range(1, n):
        for i in range(1, n):
            w, e, s, o = i - 1, i + 1, j - 1, j + 1
            plus = (p[j, e] - p[j, w]) * (q[o, i] - q[s, i]) - (p[o, i] - p[s, i]) * (
                q[j, e] - q[j, w]
            )
            cross = (
                p[j, e] * (q[o, e] - q[s, e]) - p[j, w] * (q[o, w] - q[s, w])
                - p[o, i] * (q[o, e] - q[o, w]) + p[s, i] * (q[s, e] - q[s, w])
            )  # fmt: skip
            turned = (
                q[o, i] * (p[o, e] - p[o, w]) - q[s, i] * (p[s, e] - p[s, w])
                - q[j, e] * (p[o, e] - p[s, e]) + q[j, w] * (p[o, w] - p[s, w])
            )  # fmt: skip
            out[j, i] = (plus + cross + turned) * n**2 / 12.0
    return out


@njit(cache=True, nogil=True)
def _tendency(psi, zeta, curvature, stretching, rossby, bottom, harmonic, biharmonic, wind):
    n = psi.shape[0] - 1
    out = -rossby * jacobian(psi, zeta)  # J(psi, F psi) is 0, in Arakawa's form too
    rough = laplacian(curvature)
    for j in range(1, n):
        forcing = wind * 2.0 * np.pi * np.sin(2.0 * np.pi * j / n)
        for i in range(1, n):
            slope = (psi[j, i + 1] - psi[j, i - 1]) * 0.5 * n
            friction = bottom * zeta[j, i] - harmonic * curvature[j, i] + biharmonic * rough[j, i]
            out[j, i] += forcing - slope - friction
    return out
