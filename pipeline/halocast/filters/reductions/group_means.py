"""Means of groups of samples, as in the paper ("random grouping and averaging").

N samples are shuffled and cut into m groups of n = N // m; a member is the mean of its group.

Spread: the mean of n independent samples has 1 / sqrt(n) of their standard deviation, so members
are sqrt(m / N) times as wide as the posterior; the next prior is too narrow, its ancestors are
nearly alike and their weights nearly equal. Shape: sums are Gaussian, and what lay empty between
two modes fills. Each member mixes many ancestors, and groups have nothing to do with each other
from region to region: eddies are averaged out and fields fall apart at the edges of regions. The
rescaled form multiplies the members' deviations from their mean by sqrt(n): the spread is right
again (for independent samples), all else is as before.

The mean of n draws of model noise is the member's own noise over sqrt(n), which has the same
distribution. Cost: m^2 per scalar of the state.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.draws import Address, uniforms
from halocast.filters.samples import GROUPING, Samples


class Grouped(NamedTuple):
    """Share of each ancestor in each member, (m, m); own scalars (k, m), averaged."""

    share: np.ndarray
    drawn: np.ndarray


def average_groups(samples: Samples, members: int, address: Address) -> Grouped:
    """Average groups of samples; ``address`` is the region's, see `sample_address`."""
    count = samples.ancestor.size
    order = np.argsort(uniforms(address, count, GROUPING), kind="stable")
    share = np.empty((members, members))
    drawn = np.empty((samples.own.size, members))
    _average(samples.ancestor, samples.value, order, share, drawn)
    return Grouped(share, drawn)


def main_ancestor(share: np.ndarray) -> np.ndarray:
    """Return the ancestor with the largest share in each member, the first of equals; int32."""
    return share.argmax(axis=1).astype(np.int32)


def stretch(drawn: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the deviations of draws (k, m) from their mean."""
    mean = drawn.mean(axis=1, keepdims=True)
    return mean + factor * (drawn - mean)


@njit(cache=True, nogil=True, error_model="numpy")
def _average(ancestor, value, order, share, drawn):
    m = share.shape[0]
    size = order.size // m
    share[:] = 0.0
    drawn[:] = 0.0
    for i in range(m):
        for t in order[i * size : (i + 1) * size]:
            share[i, ancestor[t]] += 1.0 / size
            for k in range(drawn.shape[0]):
                drawn[k, i] += value[t, k] / size


@njit(cache=True, nogil=True, error_model="numpy")
def average_members(
    forecast, noise, cell_start, block, share, stretching, noise_factor, mean, members
):  # fmt: skip
    """Fill the cells of one block: members' shares of the forecasts, and their own noise.

    Parameters
    ----------
    forecast, noise, cell_start
        As in `halocast.filters.base.BlockGroup`.
    block
        Which block.
    share
        Of each ancestor in each member, (m, m).
    stretching, noise_factor
        Of the deviations of the averaged forecasts, and of the noise.
    mean
        What the members' mean is to be, (F, c).
    """
    m = share.shape[0]
    begin, end = cell_start[block], cell_start[block + 1]
    row = np.empty(end - begin)
    for f in range(forecast.shape[1]):
        total = np.zeros(end - begin)
        for i in range(m):
            row[:] = 0.0
            for j in range(m):
                w = share[i, j]
                if w > 0.0:
                    for c in range(begin, end):
                        row[c - begin] += w * (forecast[j, f, c] - forecast[0, f, c])
            for c in range(begin, end):
                members[i, f, c] = stretching * row[c - begin] + noise_factor * noise[i, f, c]
                total[c - begin] += members[i, f, c]
        for i in range(m):
            for c in range(begin, end):
                members[i, f, c] += mean[f, c] - total[c - begin] / m
