"""Which observations are kept back: a choice that depends on nothing but the run's seed.

A drifter is kept back for the whole run, a SWOT pass as a whole, any other row on its own: what is
scored against must not be seen through a neighbour of the same instrument. Each platform has one
uniform number, at an address made of its identity, and is kept back where that is below the share;
so the choice is the same in any order, cycle or process, and a larger share keeps back more of the
same. Cost: 10 ns an observation.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.draws import Purpose, uniform_at
from halocast.observations.settings import WithholdSettings
from halocast.sources.rows import PRODUCTS

DRIFTERS, SWOT, OTHER = 0, 1, 2
"""Kinds of product, which are averaged, thinned and withheld differently."""

_PURPOSE = int(Purpose.WITHHOLDING)


def _kind(product: str) -> int:
    if product.startswith("swot"):
        return SWOT
    return DRIFTERS if product.startswith(("gdp", "drifter")) else OTHER


_KIND_OF_PRODUCT = np.array([_kind(product) for product in PRODUCTS], dtype=np.int64)


def product_kind(product: np.ndarray) -> np.ndarray:
    """Return the kind (DRIFTERS, SWOT or OTHER) of each product code, same shape."""
    return _KIND_OF_PRODUCT[product]


def choose_withheld(
    product: np.ndarray,
    platform: np.ndarray,
    number: np.ndarray,
    settings: WithholdSettings,
    seed: int,
) -> np.ndarray:
    """Choose the observations to keep back.

    Parameters
    ----------
    product, platform
        Codes and platforms, shape (p,); a platform is a drifter or a SWOT pass.
    number
        Global row number, the identity of observations of other products, shape (p,).
    settings
        The shares.
    seed
        Seed of the run.

    Returns
    -------
    Mask, shape (p,).
    """
    kind = product_kind(product)
    share = np.array([settings.drifters, settings.swot, settings.other])[kind]
    identity = np.where(kind == OTHER, number, platform).astype(np.int64)
    return _uniforms_of(identity, kind, np.uint64(seed)) < share


@njit(cache=True, nogil=True)
def _uniforms_of(identity, kind, seed):  # pragma: no cover - compiled
    """Uniforms at (seed, 0, WITHHOLDING, low half of the identity), element kind | high half."""
    result = np.empty(identity.size)
    for i in range(identity.size):
        low = identity[i] & 0xFFFFFFFF
        high = (identity[i] >> 32) & 0x3FFFFFFF
        result[i] = uniform_at(seed, 0, _PURPOSE, low, (kind[i] << 30) | high)
    return result
