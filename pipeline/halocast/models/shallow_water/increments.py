"""What an increment of sea-surface height does to the layers below it, column by column.

``top``           h_0 alone changes: the interfaces stay, the bottom pressure does not.
``proportional``  every layer changes by its share of the column.
``balanced``      the interfaces move together so that the bottom pressure keeps (Cooper & Haines
                  1996, J. Geophys. Res. 101, 1059-1077):

    g d_eta + sum_(k>=1) g'_k d_e = 0   =>   d_e = - g d_eta / sum_(k>=1) g'_k
"""

from __future__ import annotations

import numpy as np
from numba import njit

_METHODS = ("top", "proportional", "balanced")
_PROPORTIONAL, _BALANCED = 1, 2
_LATTICE = 2.0**39  # as in `columns`


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
    if len(rest) > 1:
        lead = -gravity[0] / gravity[1:].sum()
        _complete(drawn, ancestor, rest, _METHODS.index(method), lead, minimum, out)
    return out


@njit(cache=True, nogil=True)
def _complete(drawn, ancestor, rest, method, lead, minimum, out):  # pragma: no cover - compiled
    """Fill the thicknesses of ``out`` (F, c), column by column, in the order of `columns`' sums.

    ``lead`` is what the interfaces do for each metre of surface where they are balanced.
    """
    layers, n = rest.shape
    top, kept, before = np.empty(layers + 1), np.empty(layers + 1), np.empty(layers)
    top[layers] = kept[layers] = 0.0
    for c in range(n):
        rise = drawn[0, c] - ancestor[0, c]
        if method == _PROPORTIONAL:
            _tops(ancestor, rest, c, top)
            for k in range(layers):
                before[k] = top[k] - top[k + 1] + rest[k, c]
            for k in range(layers - 2, -1, -1):
                before[k] += before[k + 1]  # height above the bottom
        _tops(drawn, rest, c, top)
        for k in range(1, layers):
            if method == _PROPORTIONAL:
                top[k] += rise * before[k] / before[0]
            elif method == _BALANCED:
                top[k] += lead * rise
        _keep_thick(top, rest, c, minimum, kept)
        still = rise == 0.0
        for k in range(layers):
            if kept[k] - kept[k + 1] + rest[k, c] != top[k] - top[k + 1] + rest[k, c]:
                still = False
        if not still:
            for k in range(1, layers):
                out[4 * k, c] = kept[k] - kept[k + 1] + rest[k, c]


@njit(cache=True, nogil=True, inline="always")
def _tops(state, rest, c, top):  # pragma: no cover - compiled
    """As `columns.displacements`, of one column."""
    below = 0.0
    for k in range(rest.shape[0] - 1, 0, -1):
        below = below + (state[4 * k, c] - rest[k, c])
        top[k] = np.rint(below * _LATTICE) / _LATTICE
    top[0] = state[0, c]


@njit(cache=True, nogil=True, inline="always")
def _keep_thick(top, rest, c, minimum, kept):  # pragma: no cover - compiled
    """As `columns.keep_thick`, of one column."""
    layers = rest.shape[0]
    kept[0] = top[0]
    for k in range(1, layers):
        kept[k] = np.minimum(top[k], kept[k - 1] + (rest[k - 1, c] - minimum))
    floor = minimum - rest[layers - 1, c]
    for k in range(layers - 1, 0, -1):
        kept[k] = np.maximum(kept[k], floor)
        floor = kept[k] + (minimum - rest[k - 1, c])
    for k in range(1, layers):
        kept[k] = np.rint(kept[k] * _LATTICE) / _LATTICE
