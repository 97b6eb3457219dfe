"""What a filter is: a function that updates a group of blocks.

A block sees the noise-free forecasts of its own cells, the forecasts of the scalars behind the
observations in its halo, those observations with their taper weights, and its random address;
nothing else. No halo state travels: it enters only through the (member, observation) table. A
group is any number of blocks side by side, and the result of a block never depends, to the last
bit, on the group it is in.

`block_group` builds a group from the tile a task holds; `make_group` from whole-domain arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from halocast.errors import RunError
from halocast.filters.memory import Remembered
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence, incidence
from halocast.noise import Correlation, ModelNoise, Terms

if TYPE_CHECKING:
    from halocast.samplers.chains import ChainTrace


class BlockObservations(NamedTuple):
    """Observations as a filter sees them, one row each, shape (p,).

    ``id`` is a number of the observation that no grouping and no fate changes: the address of its
    noise. ``scalar`` is the flat number (field * n_cells + cell) of the state scalar it is of;
    equal numbers are one scalar. ``error`` is the total error standard deviation; operator and
    noise codes are those of `halocast.samplers.densities`.
    """

    id: np.ndarray
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
    noise
        Each member's model noise in the fields' units, shape (m, F, c); centred over members
        unless the run says otherwise.
    noise_sd
        Its marginal standard deviation sqrt(q), shape (F, c); 0 where there is none.
    observed
        Noise-free forecast of the scalar behind each observation, shape (m, p).
    observed_noise, observed_noise_sd
        Each member's model noise there, shape (m, p), and its standard deviation, shape (p,).
    id, scalar, field, cell, value, error, operator, center, scale, noise_kind, df
        The observations, see `BlockObservations`.
    cells
        Global flat cell of each local cell, shape (c,).
    block
        Global block numbers, their random addresses, shape (B,).
    cell_start
        CSR of the blocks' cells, shape (B + 1,).
    obs_start, obs_index, obs_weight
        CSR of the blocks' observations with their taper weights in (0, 1].
    grid
        The grid: shape, periodicity, distances.
    model_noise
        What the noise was drawn from: its covariance.
    seed, cycle
        The rest of the random addresses.
    memory
        What the filter left of these blocks in the cycle before; None of a filter without memory.
    variables
        The variable of each field, (F,); empty where fields have no names.
    """

    forecast: np.ndarray
    noise: np.ndarray
    noise_sd: np.ndarray
    observed: np.ndarray
    observed_noise: np.ndarray
    observed_noise_sd: np.ndarray
    id: np.ndarray
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
    grid: Grid
    model_noise: ModelNoise
    seed: int
    cycle: int
    memory: Remembered | None = None
    variables: tuple[str, ...] = ()

    @property
    def members(self) -> int:
        """Number of members."""
        return self.forecast.shape[0]

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.block.size

    @property
    def correlated(self) -> bool:
        """Whether the model noise of any two scalars correlates."""
        return self.model_noise.correlated

    @property
    def correlation(self) -> Correlation:
        """Correlation of the noise's base fields."""
        return self.model_noise.correlation

    def terms(self) -> Terms:
        """Return what the noise of the tile's F * c scalars is made of, row f * c + cell."""
        fields, cells = self.noise_sd.shape
        return self.model_noise.terms(
            np.repeat(np.arange(fields), cells), np.tile(self.cells, fields)
        )

    def observed_terms(self) -> Terms:
        """Return what the noise of the p observed scalars is made of."""
        return self.model_noise.terms(self.field, self.cell)


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
        many were seen; what else the filter can say of itself.
    trace
        The chains of the group's busiest block, where chains ran.
    memory
        What the filter is to find again in the next cycle, by block.
    """

    members: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    ancestor: np.ndarray
    health: dict[str, np.ndarray]
    trace: ChainTrace | None = None
    memory: Remembered | None = None


def halo_incidence(settings: Any, blocks: Blocks, cells: np.ndarray, grid: Grid) -> Incidence:
    """Let each block see the observations in its halo: its own one, or the settings'.

    ``cells`` are the flat cells of the observations, shape (p,).
    """
    halo = settings.halo if blocks.halo is None else blocks.halo
    return incidence(blocks, cells, halo=halo, taper=settings.taper, periodic=grid.periodic)


class Filter(NamedTuple):
    """A method: its update of a group, and what it needs to see.

    Attributes
    ----------
    update
        (group, settings) -> update; pure, and it does not change its inputs.
    incidence
        (settings, blocks, observed cells, grid) -> which observations each block sees.
    sees_all
        The group is to hold every observation that any block sees.
    carries_layers
        All layers are updated, so that nothing is left for the model to carry downwards.
    remembers
        (settings) -> whether it has a memory, which the engines then carry from cycle to cycle.
    remembers_members
        Whether that may be something of each member, which must then not be lost.
    paired
        (settings) -> whether an analysed member is its own forecast and an increment.
    """

    update: Callable[[BlockGroup, Any], BlockUpdate]
    incidence: Callable[[Any, Blocks, np.ndarray, Grid], Incidence] = halo_incidence
    sees_all: bool = False
    carries_layers: bool = False
    remembers: Callable[[Any], bool] = lambda settings: False
    remembers_members: bool = False
    paired: Callable[[Any], bool] = lambda settings: False


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


def observations_of(seen: Incidence, numbers: np.ndarray) -> np.ndarray:
    """Return the observations that some blocks see together, increasing: what a task needs."""
    return np.unique(gather_csr(seen.start, seen.observation, numbers)[0])


def block_group(
    numbers: np.ndarray,
    blocks: Blocks,
    seen: Incidence,
    observations: BlockObservations,
    *,
    forecast: np.ndarray,
    noise: np.ndarray,
    observed: np.ndarray,
    observed_noise: np.ndarray,
    model_noise: ModelNoise,
    grid: Grid,
    seed: int,
    cycle: int,
    sees_all: bool = False,
    memory: Remembered | None = None,
    variables: tuple[str, ...] = (),
) -> BlockGroup:
    """Build the group of the blocks ``numbers`` from the tile of its cells.

    Parameters
    ----------
    numbers
        Global block numbers.
    blocks, seen, observations, observed, observed_noise
        Partition, incidence and observations of the *whole* cycle, with the forecasts of the
        scalars behind them and the model noise there, shapes (m, p); the group keeps the columns
        it needs.
    forecast, noise
        The group's tile, cells in the order of `group_cells`: shapes (m, F, c).
    model_noise
        What the noise was drawn from.
    seed, cycle
        The random address.
    sees_all
        Keep every observation that any block of the cycle sees, not only those of these blocks.
    memory
        What the filter left in the cycle before, of these blocks at least.
    variables
        The variable of each field.
    """
    cells, cell_start = group_cells(blocks, numbers)
    if forecast.shape[2] != cells.size:
        raise RunError(
            f"a tile of {forecast.shape[2]} cells was given for a group of {cells.size}",
            where=f"blocks {numbers[0]}…{numbers[-1]}",
            remedy="cut the tile in the order of group_cells()",
        )
    index, obs_start = gather_csr(seen.start, seen.observation, numbers)
    weight, _ = gather_csr(seen.start, seen.weight, numbers)
    # of rows that no block anywhere sees (withheld, rejected) nothing is let in
    needed = np.unique(seen.observation if sees_all else index)
    local = np.searchsorted(needed, index)
    mine = observations.take(needed)
    return BlockGroup(
        forecast,
        noise,
        np.take(model_noise.sd, cells, axis=1),
        np.ascontiguousarray(observed[:, needed]),
        np.ascontiguousarray(observed_noise[:, needed]),
        model_noise.sd[mine.field, mine.cell],
        *mine,
        cells=cells,
        block=np.asarray(numbers, dtype=np.int64),
        cell_start=cell_start,
        obs_start=obs_start,
        obs_index=local.astype(np.int64),
        obs_weight=weight,
        grid=grid,
        model_noise=model_noise,
        seed=seed,
        cycle=cycle,
        memory=memory,
        variables=variables,
    )


def make_group(
    numbers: np.ndarray,
    blocks: Blocks,
    seen: Incidence,
    observations: BlockObservations,
    forecast: np.ndarray,
    noise: np.ndarray,
    model_noise: ModelNoise,
    *,
    grid: Grid,
    seed: int,
    cycle: int,
    sees_all: bool = False,
) -> BlockGroup:
    """Build a group from arrays of the whole domain.

    Parameters
    ----------
    numbers, blocks, seen, observations, model_noise, grid, seed, cycle, sees_all
        As for `block_group`.
    forecast, noise
        Shape (m, F, n_cells).
    """
    cells, _ = group_cells(blocks, numbers)
    return block_group(
        numbers,
        blocks,
        seen,
        observations,
        forecast=np.take(forecast, cells, axis=2),
        noise=np.take(noise, cells, axis=2),
        observed=forecast[:, observations.field, observations.cell],
        observed_noise=noise[:, observations.field, observations.cell],
        model_noise=model_noise,
        grid=grid,
        seed=seed,
        cycle=cycle,
        sees_all=sees_all,
    )
