"""The bridge's chains for the pointwise blocks of a group: which kernel, and what they find."""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.filters.bridge.ancestors import find_ancestors
from halocast.filters.bridge.blocks import (
    Analysis,
    Ladder,
    Tile,
    effective_number,
    settle_pointwise,
)
from halocast.filters.bridge.companion import make_companion, mean_over_members
from halocast.filters.bridge.pointwise import (
    Batch,
    Prior,
    coordinates,
    fill_prior,
    make_batch,
    sample,
)
from halocast.filters.bridge.view import View
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import Sampler


def update_pointwise(
    view: View,
    tile: Tile,
    blocks: np.ndarray,
    scalars: ObservedScalars,
    number: np.ndarray,
    ladder: Ladder,
    sweeps: int,
    sampler: Sampler,
    out: Analysis,
) -> None:
    """Sample blocks by chains, with the paper's kernel or with one kernel.

    ``number`` (S,) is the address of each observed scalar's draws. With a ladder, blocks whose
    ancestors are too few for the paper's kernel take the other.
    """
    if ladder.rungs[0] == 0.0:
        _paper_kernel(view, tile, blocks, scalars, number, ladder, sweeps, sampler, out)
        blocks = blocks[out.ess[blocks] < ladder.enough] if ladder.rungs.size > 1 else blocks[:0]
    if blocks.size:
        _one_kernel(view, tile, blocks, scalars, number, sweeps, sampler, out)


def _prior(view: View, batch: Batch, *, ensemble: bool) -> tuple[Prior, np.ndarray]:
    m = view.forecast.shape[1]
    kernel, precision = np.empty((2, batch.square[-1]))
    fine = np.empty(batch.block.size, dtype=bool)
    fill_prior(view, batch, ensemble, kernel, precision, fine)
    return Prior(kernel, precision, np.empty((batch.scalar.size, m))), fine


def _one_kernel(
    view: View,
    tile: Tile,
    blocks: np.ndarray,
    scalars: ObservedScalars,
    number: np.ndarray,
    sweeps: int,
    sampler: Sampler,
    out: Analysis,
) -> None:
    m = view.forecast.shape[1]
    batch = make_batch(view, blocks, number)
    prior, fine = _prior(view, batch, ensemble=True)
    forecast = view.forecast[batch.scalar]
    middle = forecast[:, 0] + mean_over_members(forecast - forecast[:, :1])
    prior.centre[:] = middle[:, None]
    companion = make_companion(view, batch.scalar, batch.weight, scalars, sampler)
    refuse_unknown(batch, companion.known, fine)
    found = sample(
        batch, prior, coordinates(batch, scalars), companion, sampler,
        own=forecast + view.noise[batch.scalar], middle=middle, fine=fine, sweeps=sweeps,
        seed=int(tile.seed), cycle=tile.cycle,
    )  # fmt: skip
    out.weight[blocks], out.ess[blocks], out.bridge[blocks] = 1.0 / m, m, 1.0
    out.ancestor[:, blocks] = np.arange(m)[:, None]
    out.fine[blocks] = fine
    settle_pointwise(view, tile, batch, found.steps, found.goal, 1.0, out)


def _paper_kernel(
    view: View,
    tile: Tile,
    blocks: np.ndarray,
    scalars: ObservedScalars,
    number: np.ndarray,
    ladder: Ladder,
    sweeps: int,
    sampler: Sampler,
    out: Analysis,
) -> None:
    batch = make_batch(view, blocks, number)
    prior, fine = _prior(view, batch, ensemble=False)
    steps = coordinates(batch, scalars)
    companion = make_companion(view, batch.scalar, batch.weight, scalars, sampler)
    refuse_unknown(batch, companion.known, fine)
    forecast, noise = view.forecast[batch.scalar], view.noise[batch.scalar]
    found = find_ancestors(
        batch, tile.block, prior, steps, companion, scalars, sampler, forecast=forecast,
        noise=noise, fine=fine, sweeps=sweeps, seed=int(tile.seed), cycle=tile.cycle,
    )  # fmt: skip
    out.weight[blocks], out.bridge[blocks] = found.weight, 0.0
    out.ancestor[:, blocks] = found.ancestor.T
    out.ess[blocks] = [effective_number(w) for w in found.weight]
    middle = weighted_mean(batch, found.weight, forecast)
    drawn = sample(
        batch, prior, steps, companion, sampler, own=prior.centre + noise, middle=middle,
        fine=fine, sweeps=sweeps, seed=int(tile.seed), cycle=tile.cycle,
    )  # fmt: skip
    out.fine[blocks] = fine
    settle_pointwise(view, tile, batch, drawn.steps, drawn.goal, 0.0, out)


@njit(cache=True, nogil=True)
def refuse_unknown(batch, known, fine):
    """Mark the blocks with a pair whose likelihood is not a number."""
    for b in range(batch.block.size):
        for a in range(batch.start[b], batch.start[b + 1]):
            fine[b] = fine[b] and known[a]


@njit(cache=True, nogil=True)
def weighted_mean(batch, weight, forecast):
    """Mean of the pairs' forecasts, (P,), by the weights of their blocks, (N, m)."""
    out = np.empty(batch.scalar.size)
    for b in range(batch.block.size):
        for a in range(batch.start[b], batch.start[b + 1]):
            shift = 0.0
            for j in range(forecast.shape[1]):
                shift += weight[b, j] * (forecast[a, j] - forecast[a, 0])
            out[a] = forecast[a, 0] + shift
    return out
