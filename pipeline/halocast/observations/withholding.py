"""Which observations are kept back: a choice that depends on the run's seed and its platforms.

A drifter is kept back for the whole run, an altimeter's pass as a whole, any other row on its own:
what is scored against must not be seen through a neighbour of the same instrument.

Each platform has one uniform number, at an address made of its identity. The drifters of a run are
sorted by theirs, and its passes too, and of each the first are kept back, as many as the share
says: of a handful never all and never none. So the choice is the same in any order, cycle or
process, and a larger share keeps back more of the same. Other rows are kept back where their number
is below the share. Cost: a sort of the run's platforms a cycle, 10 ns an observation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.draws import Purpose, uniform_at
from halocast.observations.settings import WithholdSettings
from halocast.sources.rows import PRODUCTS

DRIFTERS, SWOT, OTHER = 0, 1, 2
"""Kinds of product, which are averaged, thinned and withheld differently."""

_PURPOSE = int(Purpose.WITHHOLDING)


def _kind(product: str) -> int:
    if product.startswith("swot") or product == "twin-swath":
        return SWOT
    return DRIFTERS if product.startswith(("gdp", "drifter", "twin-drifter")) else OTHER


_KIND_OF_PRODUCT = np.array([_kind(product) for product in PRODUCTS], dtype=np.int64)


def product_kind(product: np.ndarray) -> np.ndarray:
    """Return the kind (DRIFTERS, SWOT or OTHER) of each product code, same shape."""
    return _KIND_OF_PRODUCT[product]


class Platforms(NamedTuple):
    """The platforms of a run, among which some are kept back: sorted, each once."""

    drifters: np.ndarray
    passes: np.ndarray


def platforms_of(product: np.ndarray, platform: np.ndarray) -> Platforms:
    """Return the platforms in rows with these product codes and platforms, shape (r,)."""
    kind = product_kind(product)
    return Platforms(np.unique(platform[kind == DRIFTERS]), np.unique(platform[kind == SWOT]))


def choose_withheld(
    product: np.ndarray,
    platform: np.ndarray,
    number: np.ndarray,
    settings: WithholdSettings,
    seed: int,
    among: Platforms,
) -> np.ndarray:
    """Choose the observations to keep back.

    Parameters
    ----------
    product, platform
        Codes and platforms, shape (p,); a platform is a drifter or an altimeter's pass.
    number
        Global row number, the identity of observations of other products, shape (p,).
    settings
        The shares. Of two platforms or more at least one is kept back and at least one is not,
        where there is a share; a single one is not kept back.
    seed
        Seed of the run.
    among
        The platforms of the whole run.

    Returns
    -------
    Mask, shape (p,).
    """
    kind = product_kind(product)
    withheld = (kind == OTHER) & (_uniforms_of(number, OTHER, seed) < settings.other)
    for which, all_of_it, share in (
        (DRIFTERS, among.drifters, settings.drifters),
        (SWOT, among.passes, settings.swot),
    ):
        chosen = _first_share(all_of_it, share, which, seed)
        withheld |= (kind == which) & np.isin(platform, chosen)
    return withheld


def _first_share(platforms: np.ndarray, share: float, kind: int, seed: int) -> np.ndarray:
    """Return the share of the platforms that comes first in the order of their uniforms."""
    n = platforms.size
    if share == 0 or n < 2:
        return platforms[:0]
    count = min(max(round(share * n), 1), n - 1)
    return platforms[np.lexsort((platforms, _uniforms_of(platforms, kind, seed)))[:count]]


def _uniforms_of(identity: np.ndarray, kind: int, seed: int) -> np.ndarray:
    result = np.empty(identity.size)
    _fill_uniforms_of(result, identity.astype(np.int64), kind, np.uint64(seed))
    return result


@njit(cache=True, nogil=True)
def _fill_uniforms_of(result, identity, kind, seed):  # pragma: no cover - compiled
    """Uniforms at (seed, 0, WITHHOLDING, low half of the identity), element kind | high half."""
    for i in range(identity.size):
        low = identity[i] & 0xFFFFFFFF
        high = (identity[i] >> 32) & 0x3FFFFFFF
        result[i] = uniform_at(seed, 0, _PURPOSE, low, (kind << 30) | high)
