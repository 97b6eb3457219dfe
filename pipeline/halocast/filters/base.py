"""What a filter is: a function that updates a group of blocks.

A block sees the noise-free forecasts of its own cells, the forecasts of the scalars behind the
observations in its halo, those observations with their taper weights, and its random address;
nothing else. No halo state travels: it enters only through the (member, observation) table. A
group is any number of blocks side by side, and the result of a block never depends, to the last
bit, on the group it is in.

`block_group` builds a group from the tile a task holds; `make_group` from whole-domain arrays.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from halocast.errors import RunError
from halocast.localization.blocks import Blocks, Incidence


class BlockObservations(NamedTuple):
    """Observations as a filter sees them, one row each, shape (p,).

    ``scalar`` is the flat number (field * n_cells + cell) of the state scalar an observation is
    of; equal numbers are one scalar, whose observations are merged. ``error`` is the total error
    standard deviation; operator and noise codes are those of `halocast.samplers.densities`.
    """

    scalar: np.ndarray
    field: np.ndarray
    cell: np.ndarray
    value: np.ndarray
    error: np.ndarray
    operator: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray

    def take(self, index: np.ndarray) -> BlockObservations:
        """Return the rows ``index``."""
        return BlockObservations(*(column[index] for column in self))


class BlockGroup(NamedTuple):
    """Everything one update of a group of blocks sees.

    m members, F fields, c cells (all blocks' cells, block after block, increasing within a
    block), p observations, B blocks.

    Attributes
    ----------
    forecast
        Noise-free forecasts mu, shape (m, F, c).
    noise_sd
        Model-noise standard deviation sqrt(q), shape (F, c); 0 where there is none.
    noise
        Standard normals of the model noise, centred over members, shape (m, F, c).
    observed
        Noise-free forecast of the scalar behind each observation, shape (m, p).
    observed_noise_sd
        Its model-noise standard deviation, shape (p,).
    scalar, field, cell, value, error, operator, center, scale, noise_kind, df
        The observations, see `BlockObservations`.
    cells
        Global flat cell of each local cell, shape (c,).
    block
        Global block numbers, their random addresses, shape (B,).
    cell_start
        CSR of the blocks' cells, shape (B + 1,).
    obs_start, obs_index, obs_weight
        CSR of the blocks' observations with their taper weights in (0, 1].
    seed, cycle
        The rest of the random addresses.
    """

    forecast: np.ndarray
    noise_sd: np.ndarray
    noise: np.ndarray
    observed: np.ndarray
    observed_noise_sd: np.ndarray
    scalar: np.ndarray
    field: np.ndarray
    cell: np.ndarray
    value: np.ndarray
    error: np.ndarray
    operator: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    cells: np.ndarray
    block: np.ndarray
    cell_start: np.ndarray
    obs_start: np.ndarray
    obs_index: np.ndarray
    obs_weight: np.ndarray
    seed: int
    cycle: int

    @property
    def members(self) -> int:
        """Number of members."""
        return self.forecast.shape[0]

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.block.size


class BlockUpdate(NamedTuple):
    """What a filter gives back for a group.

    Attributes
    ----------
    members
        Analysed members, shape (m, F, c).
    mean, spread
        Mean and standard deviation of the analysis distribution itself (not of the members),
        shape (F, c).
    ancestor
        Ancestor of each member in each block, int32, shape (m, B).
    health
        Per block, shape (B,): ``ess``, the effective number of ancestors; ``observations``, how
        many were seen; ``mass_log``, the log likelihood of the block's observations relative to a
        perfect fit of every one of them.
    """

    members: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    ancestor: np.ndarray
    health: dict[str, np.ndarray]


class BlockFilter(Protocol):
    """A filter: (group, its settings) -> update; pure, and it does not change its inputs."""

    def __call__(self, group: BlockGroup, settings: object) -> BlockUpdate: ...


def group_cells(blocks: Blocks, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the flat cells of some blocks, block after block, and where each block's start."""
    return gather_csr(blocks.cell_start, blocks.cells, numbers)


def gather_csr(
    start: np.ndarray, items: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the items of some rows of a CSR structure, one after the other, and their starts."""
    sizes = start[numbers + 1] - start[numbers]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    positions = np.arange(starts[-1]) + np.repeat(start[numbers] - starts[:-1], sizes)
    return items[positions], starts


def observations_of(incidence: Incidence, numbers: np.ndarray) -> np.ndarray:
    """Return the observations that some blocks see together, increasing: what a task needs."""
    return np.unique(gather_csr(incidence.start, incidence.observation, numbers)[0])


def block_group(
    numbers: np.ndarray,
    blocks: Blocks,
    incidence: Incidence,
    observations: BlockObservations,
    *,
    forecast: np.ndarray,
    noise_sd: np.ndarray,
    noise: np.ndarray,
    observed: np.ndarray,
    observed_noise_sd: np.ndarray,
    seed: int,
    cycle: int,
) -> BlockGroup:
    """Build the group of the blocks ``numbers`` from the tile of its cells.

    Parameters
    ----------
    numbers
        Global block numbers.
    blocks, incidence, observations, observed, observed_noise_sd
        Partition, incidence and observations of the *whole* cycle, with the forecasts of the
        scalars behind them, shapes (m, p) and (p,); the group keeps the rows it needs.
    forecast, noise_sd, noise
        The group's tile, cells in the order of `group_cells`: shapes (m, F, c), (F, c), (m, F, c).
    seed, cycle
        The random address.
    """
    cells, cell_start = group_cells(blocks, numbers)
    if forecast.shape[2] != cells.size:
        raise RunError(
            f"a tile of {forecast.shape[2]} cells was given for a group of {cells.size}",
            where=f"blocks {numbers[0]}…{numbers[-1]}",
            remedy="cut the tile in the order of group_cells()",
        )
    index, obs_start = gather_csr(incidence.start, incidence.observation, numbers)
    weight, _ = gather_csr(incidence.start, incidence.weight, numbers)
    needed, local = np.unique(index, return_inverse=True)
    return BlockGroup(
        forecast,
        noise_sd,
        noise,
        np.ascontiguousarray(observed[:, needed]),
        observed_noise_sd[needed],
        *observations.take(needed),
        cells=cells,
        block=np.asarray(numbers, dtype=np.int64),
        cell_start=cell_start,
        obs_start=obs_start,
        obs_index=local.astype(np.int64),
        obs_weight=weight,
        seed=seed,
        cycle=cycle,
    )


def make_group(
    numbers: np.ndarray,
    blocks: Blocks,
    incidence: Incidence,
    observations: BlockObservations,
    forecast: np.ndarray,
    noise_sd: np.ndarray,
    noise: np.ndarray,
    *,
    seed: int,
    cycle: int,
) -> BlockGroup:
    """Build a group from arrays of the whole domain.

    Parameters
    ----------
    numbers, blocks, incidence, observations, seed, cycle
        As for `block_group`.
    forecast, noise
        Shape (m, F, n_cells).
    noise_sd
        Shape (F, n_cells).
    """
    cells, _ = group_cells(blocks, numbers)
    return block_group(
        numbers,
        blocks,
        incidence,
        observations,
        forecast=np.take(forecast, cells, axis=2),
        noise_sd=np.take(noise_sd, cells, axis=1),
        noise=np.take(noise, cells, axis=2),
        observed=forecast[:, observations.field, observations.cell],
        observed_noise_sd=noise_sd[observations.field, observations.cell],
        seed=seed,
        cycle=cycle,
    )
