"""Blocks and halos that follow the observations: a partition of each cycle's own.

The LSMCMC paper (section 4) allows a time-dependent partition and leaves it to future work. Where
observations are dense, blocks are small and halos short; where they are sparse, blocks are large
and halos reach for some. The partition is a tree: the grid's largest blocks are halved along their
longer side while they hold more than a given number of observed cells and their halves are not
smaller than the smallest block. The halo of a block is the shortest on a ladder that holds a given
number of them.

Both depend on the cycle's observed cells alone: the same everywhere, in any order of observations.

Cost: a summed-area table, a few operations a block, and one incidence a rung of the ladder.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from halocast.localization.blocks import Blocks, incidence, partition, rectangles
from halocast.settings import Settings

_RUNG = 1.0  # cells


class AdaptiveLocalization(Settings):
    """Bounds of blocks and halos that follow the observations of each cycle."""

    largest: tuple[PositiveInt, PositiveInt] = Field(
        (8, 8), description="Rows and columns of a block where there is little to see."
    )
    smallest: tuple[PositiveInt, PositiveInt] = Field(
        (2, 2), description="No block is made smaller."
    )
    observations_per_block: PositiveInt = Field(
        4, description="Blocks that hold more observed cells are halved."
    )
    shortest_halo: float = Field(
        2.0, gt=1, allow_inf_nan=False, description="Shortest halo, in cells."
    )
    longest_halo: float = Field(
        10.0, gt=1, allow_inf_nan=False, description="Longest halo, in cells."
    )
    observations_per_halo: PositiveInt = Field(
        12, description="Observed cells a halo reaches for, block included."
    )

    @model_validator(mode="after")
    def _bounds_agree(self) -> AdaptiveLocalization:
        if any(s > g for s, g in zip(self.smallest, self.largest)):
            raise ValueError(
                f"smallest {list(self.smallest)} is larger than largest {list(self.largest)}"
            )
        if self.shortest_halo > self.longest_halo:
            raise ValueError(
                f"shortest_halo {self.shortest_halo:g} is longer than longest_halo "
                f"{self.longest_halo:g}"
            )
        return self


def adaptive_partition(
    shape: tuple[int, int],
    cells: np.ndarray,
    settings: AdaptiveLocalization,
    periodic: tuple[bool, bool] = (False, False),
) -> Blocks:
    """Cut a grid into blocks, with a halo each, that follow the observed cells.

    Parameters
    ----------
    shape
        Rows and columns of the grid.
    cells
        Flat cells of the observations, shape (p,), in any order; a cell counts once.
    settings
        The bounds.
    periodic
        Whether the rows and the columns of the grid wrap around.
    """
    seen = np.unique(cells)
    blocks = _tree(shape, seen, settings)
    return blocks._replace(halo=_halos(blocks, seen, settings, periodic))


def adaptive_problem(adaptive: AdaptiveLocalization | None, taper: str) -> str | None:
    """Say why a filter's taper does not go with blocks that follow the observations."""
    if adaptive is None or taper != "paper":
        return None
    return (
        "taper paper needs a halo that reaches every block's corners, and adaptive blocks choose "
        "their halo: use taper continuous"
    )


def finest_partition(shape: tuple[int, int], settings: AdaptiveLocalization) -> Blocks:
    """Cut a grid into as many blocks as it can ever have: those of a grid observed everywhere."""
    busiest = settings.model_copy(update={"observations_per_block": 0})
    return _tree(shape, np.arange(shape[0] * shape[1]), busiest)


def coarsest_partition(shape: tuple[int, int], settings: AdaptiveLocalization) -> Blocks:
    """Cut a grid into as few blocks as it can have: those of a grid without observations."""
    return partition(shape, settings.largest)


def _tree(shape: tuple[int, int], seen: np.ndarray, settings: AdaptiveLocalization) -> Blocks:
    count = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int64)
    observed = np.zeros(shape[0] * shape[1], dtype=np.int64)
    observed[seen] = 1
    count[1:, 1:] = observed.reshape(shape).cumsum(axis=0).cumsum(axis=1)
    roots = partition(shape, settings.largest)
    waiting = [(*r, *c) for r, c in zip(roots.rows.tolist(), roots.columns.tolist())][::-1]
    leaves = []
    while waiting:
        south, north, west, east = rectangle = waiting.pop()
        inside = (
            count[north + 1, east + 1] - count[south, east + 1]
            - count[north + 1, west] + count[south, west]
        )  # fmt: skip
        halves = _halves(rectangle, settings.smallest)
        if halves is None or inside <= settings.observations_per_block:
            leaves.append(rectangle)
        else:
            waiting += halves[::-1]
    bounds = np.array(leaves, dtype=np.int64)
    return rectangles(shape, bounds[:, :2], bounds[:, 2:])


def _halves(
    rectangle: tuple[int, int, int, int], smallest: tuple[int, int]
) -> list[tuple[int, int, int, int]] | None:
    """Halve a rectangle along its longer side, or the other; None where halves are too small."""
    south, north, west, east = rectangle
    height, width = north - south + 1, east - west + 1
    tall, wide = height // 2 >= smallest[0], width // 2 >= smallest[1]
    if tall and (height >= width or not wide):
        middle = south + height // 2
        return [(south, middle - 1, west, east), (middle, north, west, east)]
    if wide:
        middle = west + width // 2
        return [(south, north, west, middle - 1), (south, north, middle, east)]
    return None


def _halos(
    blocks: Blocks, seen: np.ndarray, settings: AdaptiveLocalization, periodic: tuple[bool, bool]
) -> np.ndarray:
    halo = np.full(blocks.n_blocks, settings.longest_halo)
    rungs = np.arange(settings.shortest_halo, settings.longest_halo, _RUNG)
    for radius in rungs[::-1]:
        found = np.diff(incidence(blocks, seen, halo=float(radius), periodic=periodic).start)
        halo[found >= settings.observations_per_halo] = radius
    return halo
