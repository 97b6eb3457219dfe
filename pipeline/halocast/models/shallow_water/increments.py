"""What an increment of sea-surface height does to the layers below it, column by column.

``top``           h_0 alone changes: the interfaces stay, the bottom pressure does not.
``proportional``  every layer changes by its share of the column.
``balanced``      the interfaces move together so that the bottom pressure keeps (Cooper & Haines
                  1996, J. Geophys. Res. 101, 1059-1077):

    g d_eta + sum_(k>=1) g'_k d_e = 0   =>   d_e = - g d_eta / sum_(k>=1) g'_k
"""

from __future__ import annotations

import numpy as np

from halocast.models.shallow_water.columns import displacements, keep_thick, thicknesses


def interface_increment(
    method: str, rise: np.ndarray, thickness: np.ndarray, gravity: np.ndarray
) -> np.ndarray:
    """Displacement (L, c) of the layers' tops when the surface rises by ``rise`` (c,).

    Parameters
    ----------
    method
        ``top``, ``proportional`` or ``balanced``.
    thickness
        Of the columns before, (L, c), m.
    gravity
        g and the reduced gravities, (L,), m s⁻².
    """
    out = np.zeros_like(thickness)
    out[0] = rise
    if method == "proportional":
        height = np.cumsum(thickness[::-1], axis=0)[::-1]
        out[1:] = rise * height[1:] / height[0]
    elif method == "balanced" and len(gravity) > 1:
        out[1:] = -gravity[0] / gravity[1:].sum() * rise
    return out


def complete_columns(
    drawn: np.ndarray,
    ancestor: np.ndarray,
    rest: np.ndarray,
    gravity: np.ndarray,
    method: str,
    minimum: float,
) -> np.ndarray:
    """Let drawn surface heights move the interfaces below, keeping every layer thick enough.

    Parameters
    ----------
    drawn, ancestor
        Columns (F, c) after and before the update.
    rest
        Rest thickness (L, c).

    Returns
    -------
    Columns (F, c); only the thicknesses differ from ``drawn``.
    """
    out = drawn.copy()
    if len(rest) == 1:
        return out
    before = thicknesses(displacements(ancestor, rest), rest)
    moved = interface_increment(method, drawn[0] - ancestor[0], before, gravity)
    now = displacements(drawn, rest)
    now[1:] += moved[1:]
    kept = thicknesses(keep_thick(now, rest, minimum), rest)
    still = (drawn[0] == ancestor[0]) & (kept == thicknesses(now, rest)).all(axis=0)
    out[4::4] = np.where(still, drawn[4::4], kept[1:])
    return out
