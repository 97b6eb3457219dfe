"""The layers at rest and their vertical modes.

Linear waves over a flat bottom obey d2h_k/dt2 = H_k lap M_k with M_k = sum_m G_km h_m, where
G_km = sum of the gravities of the interfaces above both layers. The layer matrix diag(H) G has the
squared phase speeds as eigenvalues; its eigenvectors are the modes' thickness patterns. Mode 0 is
barotropic (c near sqrt(g H)), mode 1 the first baroclinic.
"""

from __future__ import annotations

import numpy as np

from halocast.models.shallow_water.settings import ShallowWaterSettings

_REST_LATTICE = 2.0**20  # rest thicknesses are multiples of 2^-20 m: sums with them are exact


def gravities(settings: ShallowWaterSettings) -> np.ndarray:
    """Gravity of each layer's top: g, then the reduced gravities, m s⁻², shape (L,)."""
    density = np.array(settings.densities)
    g = settings.gravity
    return np.concatenate([[g], g * np.diff(density) / settings.reference_density])


def rest_thickness(settings: ShallowWaterSettings, depth: np.ndarray) -> np.ndarray:
    """Thickness of the layers at rest in m, shape (L, ny, nx); the lowest takes up the depth."""
    rest = np.empty((len(settings.thicknesses), *depth.shape))
    rest[:] = np.array(settings.thicknesses)[:, None, None]
    rest[-1] = depth - sum(settings.thicknesses[:-1])
    return np.rint(rest * _REST_LATTICE) / _REST_LATTICE


def vertical_modes(thickness: np.ndarray, gravity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phase speeds and interface displacements of the vertical modes.

    Parameters
    ----------
    thickness, gravity
        Rest thickness (m) and gravity of the top (m s⁻²) of each layer, shapes (L,).

    Returns
    -------
    speed
        Phase speeds in m s⁻¹, descending, shape (L,).
    displacement
        Displacement of the top of each layer for 1 m at the surface, shape (mode, L).
    """
    depth_above = np.cumsum(gravity)
    matrix = thickness[:, None] * np.minimum.outer(depth_above, depth_above)
    eigenvalues, vectors = np.linalg.eig(matrix)
    order = np.argsort(-eigenvalues.real)
    tops = np.cumsum(vectors.real[::-1], axis=0)[::-1].T[order]
    return np.sqrt(eigenvalues.real[order]), tops / tops[:, :1]


def surface_response(settings: ShallowWaterSettings, baroclinic_share: float) -> np.ndarray:
    """Displacement of each layer's top when the surface rises by 1 m, shape (L,).

    ``baroclinic_share`` of it in the first baroclinic mode, the rest in the barotropic one. The
    modes are those of the layers at rest over a flat bottom, everywhere the same, so that rough
    topography leaves no trace in the lower layers' pressure.
    """
    _, tops = vertical_modes(np.array(settings.thicknesses), gravities(settings))
    if len(tops) == 1:
        return tops[0]
    return (1 - baroclinic_share) * tops[0] + baroclinic_share * tops[1]
