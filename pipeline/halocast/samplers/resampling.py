"""Systematic resampling with survivors in their slots.

One uniform u places m points (i + u) T / m on the cumulative weights (total T); ancestor j is
chosen as often as points fall on its stretch, so that |count_j - m w_j| < 1 and the expectation
of count_j is m w_j exactly. Every ancestor that is chosen at all keeps its own member slot and
only the slots of the others are refilled, in order: neighbouring blocks with similar weights then
give a member the same ancestor, which keeps members coherent in space. Cost O(m).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.errors import RunError


@njit(cache=True, nogil=True)
def fill_ancestors(weight, uniform, ancestor, count):
    """Fill ``ancestor`` from weights of any positive total; ``count`` is scratch, both (m,)."""
    m = weight.size
    total, last = 0.0, 0
    for j in range(m):
        total += weight[j]
        if weight[j] > 0.0:
            last = j
    step = total / m
    point, cumulative = 0, 0.0
    for j in range(m):
        cumulative += weight[j]
        count[j] = 0
        while point < m and ((point + uniform) * step < cumulative or j == last):
            count[j] += 1
            point += 1
    refill = 0
    for slot in range(m):
        if count[slot] > 0:
            ancestor[slot] = slot
            continue
        while count[refill] < 2:
            refill += 1
        ancestor[slot] = refill
        count[refill] -= 1


def systematic_ancestors(weight: np.ndarray, uniform: float) -> np.ndarray:
    """Draw an ancestor for each member.

    Parameters
    ----------
    weight
        Weights of the ancestors, shape (m,), non-negative, of any positive total.
    uniform
        One uniform in (0, 1).

    Raises
    ------
    RunError
        When a weight is negative or not finite, or all are 0.
    """
    weight = np.ascontiguousarray(weight, dtype=float)
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.max() > 0):
        raise RunError("ancestor weights must be finite, non-negative and not all 0")
    ancestor = np.empty(weight.size, np.int32)
    fill_ancestors(weight, uniform, ancestor, np.empty(weight.size, np.int64))
    return ancestor


@njit(cache=True, nogil=True)
def draw_ancestors(weight, uniform, count):
    """Draw ``count`` ancestors systematically, of any number; increasing, int32.

    Parameters
    ----------
    weight
        Weights of the ancestors, shape (m,), non-negative, of any positive total.
    uniform
        One uniform in (0, 1).
    """
    out = np.empty(count, np.int32)
    total, last = 0.0, 0
    for j in range(weight.size):
        total += weight[j]
        if weight[j] > 0.0:
            last = j
    point, cumulative = 0, 0.0
    for j in range(weight.size):
        cumulative += weight[j]
        while point < count and ((point + uniform) * total < cumulative * count or j == last):
            out[point] = j
            point += 1
    return out


def seat_survivors(ancestor: np.ndarray, members: int) -> np.ndarray:
    """Seat m draws, given their ancestors (m,), in member slots: survivors in their own.

    Returns
    -------
    The draw of each slot, (m,). The first draw of an ancestor takes its slot, the others fill the
    slots that are left, in order.
    """
    chosen, first = np.unique(ancestor, return_index=True)
    seat = np.full(members, -1)
    seat[chosen] = first
    others = np.setdiff1d(np.arange(members), first)
    seat[seat < 0] = others
    return seat
