"""The bridge's loops over blocks: closed, heavy and pointwise, each from scalars to state.

An analysis starts as the mixture of the forecasts with the block's weights and ancestors
(`halocast.filters.mixing`), which is the forecast itself where nothing is observed; what the
observed scalars have found moves it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.bridge.gaussian import ancestors_uniform, gaussian_block
from halocast.filters.bridge.heavy import heavy_block
from halocast.filters.bridge.state import settle_closed, settle_sampled
from halocast.filters.mixing import mix_blocks
from halocast.noise.terms import Terms


class Tile(NamedTuple):
    """The group's state, fields as in `halocast.filters.base.BlockGroup`, and its address."""

    forecast: np.ndarray
    noise_sd: np.ndarray
    noise: np.ndarray
    cells: np.ndarray
    cell_start: np.ndarray
    terms: Terms
    block: np.ndarray
    seed: np.uint64
    cycle: int


class Analysis(NamedTuple):
    """What is filled: members (m, F, c), mean and spread (F, c); by block ancestor (m, B), weight
    (B, m), the effective number of ancestors, the bridge used and whether all went well, (B,)."""

    members: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    ancestor: np.ndarray
    weight: np.ndarray
    ess: np.ndarray
    bridge: np.ndarray
    fine: np.ndarray


class Ladder(NamedTuple):
    """Bridges to try in turn, and the effective number of ancestors at which to stop."""

    rungs: np.ndarray
    enough: float


@njit(cache=True, nogil=True)
def mix_block(tile, out, b, updated):
    """Fill a block with the mixture of its forecasts, given weights and ancestors."""
    mix_blocks(
        tile.forecast, tile.noise_sd, tile.noise, tile.cell_start[b : b + 2],
        out.weight[b : b + 1], out.ancestor[:, b : b + 1], np.full(1, updated),
        out.members, out.mean, out.spread,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def keep_forecasts(tile, blocks, out):
    """Blocks without observations."""
    for b in blocks:
        mix_block(tile, out, b, False)


@njit(cache=True, nogil=True, error_model="numpy")
def update_closed(view, tile, blocks, normal, ladder, out):
    """Blocks whose observations are all identity + Gaussian; ``normal`` is (2, O, m)."""
    mine = np.empty(tile.forecast.shape[0], np.int32)
    for b in blocks:
        pairs = slice(view.pair_start[b], view.pair_start[b + 1])
        scalars, weights = view.pair_scalar[pairs], view.pair_weight[pairs]
        uniform = ancestors_uniform(tile.seed, tile.cycle, tile.block[b])
        stages, steps, component, out.ess[b], out.fine[b] = gaussian_block(
            view, scalars, weights, normal, ladder.rungs, ladder.enough, uniform, mine,
            out.weight[b],
        )  # fmt: skip
        if not out.fine[b]:
            continue
        out.bridge[b] = stages.bridge
        out.ancestor[:, b] = mine
        mix_block(tile, out, b, True)
        begin, end = tile.cell_start[b], tile.cell_start[b + 1]
        settle_closed(
            view, tile.terms, scalars, tile.cells[begin:end], begin, tile.forecast, tile.noise_sd,
            stages, steps, component, out.weight[b], out.members, out.mean, out.spread,
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def update_heavy(view, tile, blocks, draws, sweeps, ladder, out):
    """Blocks with Student-t or Laplace errors, all operators the identity."""
    mine = np.empty(tile.forecast.shape[0], np.int32)
    for b in blocks:
        pairs = slice(view.pair_start[b], view.pair_start[b + 1])
        scalars, weights = view.pair_scalar[pairs], view.pair_weight[pairs]
        out.bridge[b], steps, target, out.fine[b] = heavy_block(
            view, scalars, weights, draws, sweeps, ladder.rungs, ladder.enough, tile.seed,
            tile.cycle, tile.block[b], mine, out.weight[b],
        )  # fmt: skip
        if not out.fine[b]:
            continue
        out.ess[b] = effective_number(out.weight[b])
        out.ancestor[:, b] = mine
        mix_block(tile, out, b, True)
        begin, end = tile.cell_start[b], tile.cell_start[b + 1]
        settle_sampled(
            view, tile.terms, scalars, tile.cells[begin:end], begin, tile.forecast, tile.noise_sd,
            out.bridge[b], steps, target, out.members, out.mean, out.spread,
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def settle_pointwise(view, tile, batch, moved, goal, bridge, out):
    """Blocks sampled by chains; ``moved`` (P, m) and ``goal`` (P,) have K^-1 applied."""
    kind = 0 if bridge > 0.0 else 1
    for n in range(batch.block.size):
        b = batch.block[n]
        if not out.fine[b]:
            continue
        own = slice(batch.start[n], batch.start[n + 1])
        steps = np.zeros((2, batch.start[n + 1] - batch.start[n], moved.shape[1]))
        target = np.zeros((2, steps.shape[1], 1))
        steps[kind] = moved[own]
        target[kind, :, 0] = goal[own]
        mix_block(tile, out, b, True)
        begin, end = tile.cell_start[b], tile.cell_start[b + 1]
        settle_sampled(
            view, tile.terms, batch.scalar[own], tile.cells[begin:end], begin, tile.forecast,
            tile.noise_sd, bridge, steps, target, out.members, out.mean, out.spread,
        )  # fmt: skip


@njit(cache=True, nogil=True)
def effective_number(weight):
    """One over the sum of squares of normalised weights (m,)."""
    total = 0.0
    for j in range(weight.size):
        total += weight[j] * weight[j]
    return 1.0 / total
