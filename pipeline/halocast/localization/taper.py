"""Tapers: how the weight of an observation falls with its distance from a block.

The function is Gaspari and Cohn's (1999, QJRMS 125, 723-757, eq. 4.10; LSMCMC paper eq. 4.7), a
compactly supported correlation function of fifth order, S(0) = 1, S(1) = 5/24, S(r >= 2) = 0.
A weight w inflates an observation's error standard deviation to sd / sqrt(w) (paper eq. 4.6).

Two edges are offered:

``continuous``
    w = S(d / c), c = halo / 2, d from the observation to the block's nearest cell: 1 for the
    block's own observations, falling continuously to 0 at the halo's edge.
``paper``
    w = S(d / halo), d from the observation to the block's centroid, cut at d = halo, where the
    weight is still 5/24: an observation that crosses the edge enters with a jump. A block's own
    observations are tapered too.
"""

from __future__ import annotations

from math import hypot
from typing import Literal

import numpy as np
from numba import njit

Taper = Literal["continuous", "paper"]


@njit(cache=True, nogil=True)
def gaspari_cohn_at(r: float) -> float:
    """S(r) for one distance r >= 0 in units of the half-width (callable from compiled code)."""
    if r >= 2.0:
        return 0.0
    if r <= 1.0:
        return 1.0 + r * r * (-5.0 / 3.0 + r * (5.0 / 8.0 + r * (0.5 - 0.25 * r)))
    tail = 4.0 + r * (-5.0 + r * (5.0 / 3.0 + r * (5.0 / 8.0 + r * (-0.5 + r / 12.0))))
    return max(tail - 2.0 / (3.0 * r), 0.0)


@njit(cache=True, nogil=True)
def taper_within(distance: float, halo: float) -> float:
    """Taper from 1 at 0 to 0 at the halo's edge, in its unit (callable from compiled code)."""
    if distance == 0.0:
        return 1.0
    return 0.0 if distance >= halo else gaspari_cohn_at(2.0 * distance / halo)


@njit(cache=True, nogil=True)
def _gaspari_cohn(r, out):
    for i in range(r.size):
        out[i] = gaspari_cohn_at(abs(r[i]))


def gaspari_cohn(r: np.ndarray | float) -> np.ndarray:
    """Gaspari and Cohn's function of the distance r in units of the half-width, any shape.

    Parameters
    ----------
    r
        Distances (their sign does not matter); the support is |r| < 2.
    """
    distances = np.ascontiguousarray(r, dtype=float)
    out = np.empty(distances.size)
    _gaspari_cohn(distances.reshape(-1), out)
    return out.reshape(np.shape(r))


def halo_problem(block: tuple[int, int], halo: float, taper: Taper) -> str | None:
    """Say why a halo does not fit its taper and its block, and which number would; None if it does.

    Parameters
    ----------
    block
        Rows and columns of a block.
    halo
        Halo radius in cells.
    taper
        The taper's edge.
    """
    if taper == "paper":
        corner = hypot((block[0] - 1) / 2, (block[1] - 1) / 2)
        if halo < corner:
            return (
                f"halo {halo:g} is smaller than the distance {corner:.3g} from the centroid of a "
                f"{block[0]}x{block[1]} block to its corner cells, whose own observations would "
                f"lie outside the taper: use {np.ceil(10 * corner) / 10:g} cells or more, or a "
                "smaller block"
            )
    elif 0 < halo <= 1:
        return (
            f"halo {halo:g} is smaller than the taper needs: its weight is 0 at the halo's edge "
            "and the nearest cell outside a block is 1 cell away; use more than 1 (2.5 is usual), "
            "or 0 for own observations only"
        )
    return None
