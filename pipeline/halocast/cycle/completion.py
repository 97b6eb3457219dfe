"""What an update has as its consequence in the layers below, column by column."""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.models.base import Model

_STRETCH = 512  # scalars whose members are summed at once


def complete(model: Model, group: BlockGroup, drawn: BlockUpdate, *, carried: bool) -> BlockUpdate:
    """Let the model carry what was drawn downwards; mean and spread follow the members.

    Where the layers below were updated too (``carried``) the model only keeps them thick enough.
    """
    if len(model.layout) == 1:
        return drawn  # nothing lies below
    ancestor = np.repeat(drawn.ancestor, np.diff(group.cell_start), axis=1)  # (m, c)
    members = np.empty_like(drawn.members)
    for k in range(group.members):
        source = drawn.members[k] if carried else group.forecast[k]
        if not carried and (ancestor[k] != k).any():
            source = np.take_along_axis(group.forecast, ancestor[k][None, None], axis=0)[0]
        members[k] = model.complete(drawn.members[k], source, group.cells)
    m, shape = group.members, drawn.mean.shape
    mean, spread = drawn.mean.ravel().copy(), drawn.spread.ravel().copy()
    before, after = drawn.members.reshape(m, -1), members.reshape(m, -1)
    _follow(before, after, np.sqrt(m / max(m - 1, 1)), mean, spread)
    return drawn._replace(members=members, mean=mean.reshape(shape), spread=spread.reshape(shape))


@njit(cache=True, nogil=True)
def _follow(before, after, unbiased, mean, spread):  # pragma: no cover - compiled
    """Shift the mean (n,) and renew the spread (n,) of what changed between members (m, n)."""
    m, n = before.shape
    changed = np.empty(_STRETCH, np.bool_)
    shift, centre = np.empty(_STRETCH), np.empty(_STRETCH)
    for first in range(0, n, _STRETCH):
        size = min(_STRETCH, n - first)
        changed[:] = False
        for j in range(m):
            for c in range(size):
                if after[j, first + c] != before[j, first + c]:
                    changed[c] = True
        if not changed.any():
            continue
        shift[:] = 0.0
        centre[:] = 0.0
        for j in range(m):
            for c in range(size):
                shift[c] += after[j, first + c] - before[j, first + c]
                centre[c] += after[j, first + c]
        for c in range(size):
            centre[c] /= m
            if changed[c]:
                mean[first + c] += shift[c] / m
                spread[first + c] = 0.0
        for j in range(m):
            for c in range(size):
                if changed[c]:
                    d = after[j, first + c] - centre[c]
                    spread[first + c] += d * d
        for c in range(size):
            if changed[c]:
                spread[first + c] = np.sqrt(spread[first + c] / m) * unbiased
