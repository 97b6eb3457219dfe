"""One exact draw a member: the default.

Ancestors are resampled systematically, survivors in their slots; an observed scalar is drawn at the
quantile of the member's own model noise there. Spread and shape are the posterior's, up to the
chance of m draws; members keep the noise they share with their neighbours, hence are coherent
over blocks as far as ancestors are. Cost: m a region and 2 ns a draw, or a quadrature each scalar.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.draws import Purpose, uniform_at
from halocast.filters.regions import Regions
from halocast.samplers.resampling import fill_ancestors

_ANCESTORS = int(Purpose.ANCESTORS)


def systematic_ancestors(regions: Regions, weight: np.ndarray, seed: int, cycle: int) -> np.ndarray:
    """Draw the ancestor of each member in each region, int32 (m, R), from weights (R, m)."""
    ancestor = np.empty(weight.shape[::-1], dtype=np.int32)
    _fill(regions.address, weight, np.uint64(seed), cycle, ancestor)
    return ancestor


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(address, weight, seed, cycle, ancestor):
    m = weight.shape[1]
    slots, chosen = np.empty(m, np.int64), np.empty(m, np.int32)
    for r in range(weight.shape[0]):
        uniform = uniform_at(seed, cycle, _ANCESTORS, address[r], 0)
        fill_ancestors(weight[r], uniform, chosen, slots)
        for i in range(m):
            ancestor[i, r] = chosen[i]
