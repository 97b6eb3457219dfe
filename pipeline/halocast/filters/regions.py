"""Regions: which blocks of a group share their ancestors, and what each region sees.

In variant 2 of LSMCMC (paper, Algorithm 2) every block is a region with the observations of its
halo. In variant 1 (Algorithm 1) all blocks with an observation in them are one region, in the
unlocalized filter (Algorithm A.1) the whole domain is; both see every observation of the cycle,
untapered. Blocks of no region make up a second one that sees nothing.

A region may be larger than the group: then every group that holds a part of it weighs its
ancestors, or runs its chains, anew, with the same result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.filters.base import BlockGroup
from halocast.filters.sighting import Sighting, sight, sight_jointly


class Regions(NamedTuple):
    """The regions of a group.

    Attributes
    ----------
    seen
        What they see; its pairs are the regions'.
    of_block
        Region of each block of the group, (B,).
    address
        Random address of each region, (R,), the same in every group.
    """

    seen: Sighting
    of_block: np.ndarray
    address: np.ndarray

    @property
    def updated(self) -> np.ndarray:
        """Which regions see anything, bool (R,)."""
        return np.diff(self.seen.pair_start) > 0

    @property
    def of_own(self) -> np.ndarray:
        """Region of each own scalar, (O,)."""
        return self.of_block[self.seen.own_block]

    def observations(self) -> np.ndarray:
        """Return how many observations each region sees, (R,)."""
        per_scalar = np.diff(self.seen.scalar_start)
        scalar = scalar_of_row(self.seen)[self.seen.pair_row]
        region = np.repeat(np.arange(self.address.size), np.diff(self.seen.pair_start))
        return np.bincount(region, per_scalar[scalar], self.address.size)


def scalar_of_row(seen: Sighting) -> np.ndarray:
    """Return the scalar of each row, (R,)."""
    return np.repeat(np.arange(seen.first.size), np.diff(seen.row_start))


def every_block(group: BlockGroup) -> Regions:
    """Each block on its own."""
    return Regions(sight(group), np.arange(group.n_blocks), group.block)


def observed_blocks(group: BlockGroup) -> Regions:
    """All blocks that hold an observation, together; the group sees all observations."""
    seen = sight_jointly(group)
    of_block = np.ones(group.n_blocks, dtype=np.int64)
    of_block[seen.own_block] = 0
    return Regions(seen, of_block, np.arange(2))


def whole_domain(group: BlockGroup) -> Regions:
    """All blocks together; the group sees all observations."""
    return Regions(sight_jointly(group), np.zeros(group.n_blocks, dtype=np.int64), np.arange(2))
