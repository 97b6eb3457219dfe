"""Layers from the surface fields of an ocean analysis.

The analysis knows the surface: height, velocity, temperature. Its height is put into the
barotropic and the first baroclinic mode of the layers at rest, whose displacements continue it
downwards; layers thinner than the minimum borrow from their neighbours. The top layer moves as the
analysis says, the layers below with the geostrophic velocity of their own pressure; a velocity
common to all layers, centimetres per second, makes the total transport free of divergence. The
top layer has the analysis' temperature, the others theirs at rest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from halocast.errors import InputError
from halocast.grid import Grid
from halocast.models.shallow_water.balance import geostrophic_velocity, montgomery_potential
from halocast.models.shallow_water.columns import keep_thick, thicknesses, to_lattice
from halocast.models.shallow_water.layers import gravities, surface_response
from halocast.models.shallow_water.nondivergence import without_divergence
from halocast.models.shallow_water.settings import ShallowWaterSettings


def method_text(settings: ShallowWaterSettings) -> str:
    """Say how layers are made from surface fields, for the record of a run."""
    return (
        "surface analysis to layers: "
        f"{settings.baroclinic_share:.0%} of the sea-surface height in the first baroclinic mode "
        "of the rest state, the remainder barotropic; top-layer velocity and temperature from the "
        "analysis; velocity below in geostrophic balance, temperature below at rest; divergence of "
        "the total transport removed"
    )


def layers_from_surface(
    surface: Mapping[str, np.ndarray],
    grid: Grid,
    rest: np.ndarray,
    settings: ShallowWaterSettings,
) -> np.ndarray:
    """Continue surface fields downwards.

    Parameters
    ----------
    surface
        ``ssh`` (m), ``u``, ``v`` (m s⁻¹) and ``t`` (K), each (ny, nx) at cell centres. ``u`` and
        ``v`` may be missing together: the top layer is then geostrophic too. So may ``t``.
    rest
        Rest thickness (L, ny, nx), m.

    Returns
    -------
    Displacement of the tops, u at east faces, v at north faces and temperature, (4, L, ny, nx).

    Raises
    ------
    InputError
        A field is missing or not finite at a sea cell.
    """
    for name in ("ssh", "u", "v", "t"):
        if name in surface:
            _check_finite(name, surface[name], grid)
    if "ssh" not in surface:
        raise InputError(
            "the forcing has no sea-surface height",
            where="forcing.ssh",
            remedy="ingest an ocean analysis with ssh",
        )
    out = np.zeros((4, *rest.shape))
    response = surface_response(settings, settings.baroclinic_share)
    height = np.where(grid.sea, surface["ssh"], 0.0)
    displaced = keep_thick(response[:, None, None] * height, rest, settings.minimum_thickness)
    out[0] = to_lattice(np.where(grid.sea, displaced, 0.0))
    out[1], out[2] = geostrophic_velocity(grid, montgomery_potential(out[0], gravities(settings)))
    if "u" in surface and "v" in surface:
        for field, (name, place, axis) in enumerate((("u", "east", 1), ("v", "north", 0)), 1):
            value = surface[name]
            between = 0.5 * (value + np.roll(value, -1, axis))
            out[field, 0] = np.where(grid.wet_at(place), between, 0.0)  # type: ignore[arg-type]
    out[1], out[2] = without_divergence(grid, thicknesses(out[0], rest), out[1], out[2])
    out[3] = np.array(settings.temperatures)[:, None, None]
    if "t" in surface:
        out[3, 0] = np.where(grid.sea, surface["t"], out[3, 0])
    return out


def _check_finite(name: str, value: np.ndarray, grid: Grid) -> None:
    bad = grid.sea & ~np.isfinite(value)
    if bad.any():
        j, i = np.argwhere(bad)[0]
        raise InputError(
            f"{name} is {value[j, i]} at {int(bad.sum())} sea cells",
            where=f"forcing, first at cell (y {j}, x {i}), {grid.y[j]:.2f}, {grid.x[i]:.2f}",
            remedy="fill the analysis near coasts before it goes into the store",
        )
