"""Columns of layers: state arrays to displacements and back, and layers kept thick enough.

The state array of a member is (ssh, u0, v0, t0, h1, u1, v1, t1, ...); the time stepping uses the
displacements e_k of the tops of the layers from rest, e_0 = ssh. Displacements of inner interfaces
live on a lattice of 2^-39 m, rest thicknesses on one of 2^-20 m, so that

    h_k = e_k - e_(k+1) + R_k    (k >= 1)

is exact in float64 up to 16 km, and its inverse too.
"""

from __future__ import annotations

import numpy as np

_LATTICE = 2.0**39


def to_lattice(displacement: np.ndarray) -> np.ndarray:
    """Round displacements (L, ...) of inner interfaces to the lattice, not the surface's."""
    out = displacement.copy()
    out[1:] = np.rint(out[1:] * _LATTICE) / _LATTICE
    return out


def displacements(state: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Displacements (L, ...) of tops from a state (F, ...) and rest thicknesses (L, ...)."""
    thickness = state[0::4]
    out = np.empty_like(rest)
    out[0] = state[0]
    below = np.zeros_like(rest[0])
    for k in range(len(rest) - 1, 0, -1):
        below = below + (thickness[k] - rest[k])
        out[k] = below
    return to_lattice(out)


def thicknesses(displacement: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Thickness (L, ...) of the layers from the displacements of their tops."""
    below = np.concatenate([displacement[1:], np.zeros_like(displacement[:1])])
    return displacement - below + rest


def keep_thick(displacement: np.ndarray, rest: np.ndarray, minimum: float) -> np.ndarray:
    """Move inner interfaces, as little as it takes, until every layer has ``minimum`` thickness.

    Parameters
    ----------
    displacement, rest
        Shapes (L, ...), m. The surface is not moved.

    Returns
    -------
    Displacements (L, ...); a column that is thick enough comes back unchanged.
    """
    out = displacement.copy()
    layers = len(rest)
    for k in range(1, layers):
        out[k] = np.minimum(out[k], out[k - 1] + (rest[k - 1] - minimum))
    floor = minimum - rest[-1]
    for k in range(layers - 1, 0, -1):
        out[k] = np.maximum(out[k], floor)
        floor = out[k] + (minimum - rest[k - 1])
    return to_lattice(out)
