"""The block filters of the big engines (`halocast.filters.FILTERS`) on the small problems.

A ring is a plane of one row that wraps around, a box a plane, and a problem without places one
block that sees everything. The mixture filters (lsmcmc-v2, bridge) make kernels of the model noise
and do nothing but weigh where there is none; they are given one here, ``jitter``, see
`halocast.laboratory.methods.jitter_of`. A problem's own model noise, which may correlate, is added
to the members before.

``inflation`` multiplies the analysis's anomalies, as everywhere in the laboratory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.filters import FILTERS
from halocast.filters.base import BlockObservations, BlockUpdate, make_group
from halocast.filters.window import Analysis
from halocast.grid import Grid
from halocast.laboratory.methods import Outcome, jitter_of, outcome_of
from halocast.laboratory.problem import Problem
from halocast.localization.blocks import Blocks, Incidence, partition
from halocast.noise import ModelNoise


class BlockEnsemble(NamedTuple):
    """Members (m, n), the blocks' memories, and who sees what (with the scalars it was of)."""

    members: np.ndarray
    grid: Grid
    blocks: Blocks
    scalar: np.ndarray | None
    seen: Incidence | None


class BlockFilterMethod:
    """A block filter as a method of the laboratory.

    Parameters
    ----------
    settings
        The filter's section of a run file, as an object; its ``method`` says which it is.
    members
        Number of members.
    jitter
        Kernel width, as a share of the forecast's spread; 0 for filters that need none.
    inflation
        Factor on the analysis's anomalies.
    """

    def __init__(
        self, settings: Any, members: int, jitter: float = 0.0, inflation: float = 1.0
    ) -> None:
        if not (0 <= jitter < np.inf and 0 < inflation < np.inf):
            raise ConfigError(
                f"jitter {jitter:g} and inflation {inflation:g}",
                remedy="jitter is 0 or more, inflation positive",
            )
        self._filter, self._settings = FILTERS[settings.method], settings
        self._members, self._jitter, self._inflation = members, jitter, inflation

    def start(self, problem: Problem, seed: int) -> BlockEnsemble:
        """Draw the first members."""
        grid = grid_of(problem)
        first = problem.first_states(Purpose.INITIAL_STATE, self._members, seed)
        whole = grid.shape if problem.positions is None else self._settings.block
        return BlockEnsemble(first, grid, partition(grid.shape, whole), None, None)

    def cycle(
        self, problem: Problem, state: BlockEnsemble, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[BlockEnsemble, Outcome]:
        """Forecast all members, and update all blocks."""
        if state.seen is None or state.scalar is not problem.scalar:
            seen = self._filter.incidence(self._settings, state.blocks, problem.scalar, state.grid)
            state = state._replace(scalar=problem.scalar, seen=seen)
        ahead = problem.advance(state.members, cycle)
        ahead = ahead + problem.model_noise(Purpose.MODEL_NOISE, self._members, seed, cycle)
        update, jittered = self._update(problem, state, ahead, value, seed, cycle)
        mean, members = update.mean[0], update.members[:, 0]
        members = mean + self._inflation * (members - mean)
        analysis = Analysis(members, mean, self._inflation * update.spread[0], {})
        return state._replace(members=members), outcome_of(jittered, analysis)

    def _update(
        self, problem: Problem, state: BlockEnsemble, ahead: np.ndarray, value: np.ndarray,
        seed: int, cycle: int,
    ) -> tuple[BlockUpdate, np.ndarray]:  # fmt: skip
        sd, noise = jitter_of(ahead, self._jitter, seed, cycle)
        assert state.seen is not None
        group = make_group(
            np.arange(state.blocks.n_blocks), state.blocks, state.seen,
            observations_of(problem, value), ahead[:, None], noise[:, None],
            ModelNoise.independent(sd[None], state.grid),
            grid=state.grid, seed=seed, cycle=cycle, sees_all=self._filter.sees_all,
        )  # fmt: skip
        update = self._filter.update(group, self._settings)
        # make_group puts the cells block after block
        order = np.argsort(group.cells, kind="stable")
        return update._replace(
            members=update.members[:, :, order], mean=update.mean[:, order],
            spread=update.spread[:, order],
        ), ahead + noise  # fmt: skip


def grid_of(problem: Problem) -> Grid:
    """Return the plane a problem's scalars lie on, one cell each.

    Raises
    ------
    ConfigError
        They lie on no lattice of one or two axes, or what is observed is no scalar.
    """
    if problem.observe is not None:
        raise ConfigError(
            f"block filters know pointwise observations only, {problem.name} has others",
            remedy="use a filter of whole windows",
        )
    if problem.positions is None:
        return Grid.plane(1, problem.dimension, 1.0, 1.0)
    places = problem.positions if problem.positions.shape[1] == 2 else _row(problem.positions)
    shape = tuple(int(k) + 1 for k in places.max(axis=0))
    row, column = np.divmod(np.arange(problem.dimension), shape[1])
    if not np.array_equal(places, np.stack([row, column], axis=1)):
        raise ConfigError(f"the scalars of {problem.name} are no lattice, row after row")
    ring = np.isfinite(problem.period) if problem.period is not None else np.array([False])
    periodic = (False, bool(ring[-1])) if ring.size == 1 else (bool(ring[0]), bool(ring[1]))
    return Grid.plane(shape[0], shape[1], 1.0, 1.0, periodic=periodic)


def _row(positions: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(positions), positions], axis=1)


def observations_of(problem: Problem, value: np.ndarray) -> BlockObservations:
    """Return a cycle's observations as block filters see them."""
    p = problem.observations
    zero = np.zeros(p, dtype=np.int64)
    return BlockObservations(
        id=np.arange(p), scalar=problem.scalar.astype(np.int64), field=zero,
        cell=problem.scalar.astype(np.int64), value=value, error=problem.error,
        operator=zero, center=np.zeros(p), scale=np.ones(p),
        noise_kind=np.full(p, problem.noise_kind), df=np.full(p, problem.df),
    )  # fmt: skip
