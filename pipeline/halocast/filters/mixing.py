"""Members, mean and spread of scalars that are not observed themselves.

Given the ancestor weights w_j of its block a scalar is the mixture sum_j w_j N(mu_j, q): member i
is mu_a(i) + noise_i with a(i) its ancestor, mean and spread are the mixture's own. In a
block that was updated every scalar is then shifted so that the members' mean is the mixture's.

A member's cells lie far from the next member's, so blocks are taken a stretch at a time and
members are the outer loop: about 5 ns per member and scalar, mostly memory. The order of every sum
is that of the members, whatever the stretch.
"""

from __future__ import annotations

import numpy as np
from numba import njit

STRETCH = 192  # cells


@njit(cache=True, nogil=True)
def mix_blocks(
    forecast, noise_sd, noise, cell_start, weight, ancestor, updated, members, mean, spread
):
    """Fill members (m, F, c), mean and spread (F, c) of all cells of a group.

    Parameters
    ----------
    forecast, noise_sd, noise, cell_start
        As in `halocast.filters.base.BlockGroup`.
    weight
        Normalised ancestor weights, (B, m).
    ancestor
        Ancestor of each member, (m, B).
    updated
        Which blocks were updated, bool (B,).
    """
    n_blocks, m = weight.shape
    children = np.zeros((n_blocks, m))
    for i in range(m):
        for b in range(n_blocks):
            children[b, ancestor[i, b]] += 1.0
    first_block = 0
    while first_block < n_blocks:
        last_block = first_block + 1
        begin = cell_start[first_block]
        while last_block < n_blocks and cell_start[last_block + 1] - begin <= STRETCH:
            last_block += 1
        for f in range(forecast.shape[1]):
            _mix_stretch(
                forecast[:, f], noise_sd[f], noise[:, f], cell_start, first_block, last_block,
                weight, children, ancestor, updated, members[:, f], mean[f], spread[f],
            )  # fmt: skip
        first_block = last_block


@njit(cache=True, nogil=True)
def _mix_stretch(
    forecast, noise_sd, noise, cell_start, first_block, last_block, weight, children, ancestor,
    updated, members, mean, spread,
):  # fmt: skip
    """Fill one field of the blocks first_block…last_block; arrays are (m, c) and (c,)."""
    m = forecast.shape[0]
    begin, end = cell_start[first_block], cell_start[last_block]
    first, second, drawn = np.zeros(end - begin), np.zeros(end - begin), np.zeros(end - begin)
    noisy = np.zeros(last_block - first_block, np.bool_)
    for b in range(first_block, last_block):
        for c in range(cell_start[b], cell_start[b + 1]):
            if noise_sd[c] > 0.0:
                noisy[b - first_block] = True
    for j in range(m):
        for b in range(first_block, last_block):
            w, k = weight[b, j], children[b, j]
            for c in range(cell_start[b], cell_start[b + 1]):
                d = forecast[j, c] - forecast[0, c]
                first[c - begin] += w * d
                second[c - begin] += w * (d * d)
                drawn[c - begin] += k * d
            if noisy[b - first_block]:
                for c in range(cell_start[b], cell_start[b + 1]):
                    drawn[c - begin] += noise[j, c]
    for b in range(first_block, last_block):
        for c in range(cell_start[b], cell_start[b + 1]):
            shift = first[c - begin]
            mean[c] = forecast[0, c] + shift
            spread[c] = np.sqrt(
                noise_sd[c] * noise_sd[c] + max(second[c - begin] - shift * shift, 0.0)
            )
            drawn[c - begin] = shift - drawn[c - begin] / m if updated[b] else 0.0
    for i in range(m):
        for b in range(first_block, last_block):
            a = ancestor[i, b]
            for c in range(cell_start[b], cell_start[b + 1]):
                members[i, c] = forecast[a, c] + drawn[c - begin]
            if noisy[b - first_block]:
                for c in range(cell_start[b], cell_start[b + 1]):
                    members[i, c] += noise[i, c]
