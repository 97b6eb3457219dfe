"""A group of blocks, cut into strips that fit a processor's cache.

An update makes a dozen arrays of the size of what it updates. A strip of a few thousand cells keeps
them in the cache, and in memory they are nothing beside the members themselves. No number depends
on how a group is cut, as none depends on how the blocks are cut into groups.
"""

from __future__ import annotations

import numpy as np

from halocast.localization.blocks import Blocks

STRIP = 6144  # cells


def cut_strips(blocks: Blocks, numbers: np.ndarray, least: int = STRIP) -> list[np.ndarray]:
    """Cut consecutive blocks into stretches of ``least`` cells or a little more.

    Parameters
    ----------
    blocks
        The partition.
    numbers
        Numbers of the blocks, rising one by one, shape (B,).
    least
        Cells a strip has at least, but for the last one.

    Returns
    -------
    The numbers of each strip's blocks. The flat cells of a strip all lie before those of the next,
    so that what is drawn along the rows of the grid is drawn once.
    """
    begin, end = blocks.cell_start[numbers], blocks.cell_start[numbers + 1]
    highest = np.maximum.accumulate(blocks.cells[end - 1])
    lowest = np.minimum.accumulate(blocks.cells[begin][::-1])[::-1]
    apart = np.flatnonzero(highest[:-1] < lowest[1:]) + 1  # where a strip may begin
    cuts, last = [], 0
    for place in apart.tolist():
        if begin[place] - begin[last] >= least:
            cuts.append(place)
            last = place
    return np.split(numbers, cuts)
