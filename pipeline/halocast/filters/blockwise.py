"""A window method as the update of a group of blocks, for all engines.

A block's window holds all fields of its cells and the observations in its halo. What falls with
distance is either the observations' weight (R-localization: one weight for the block, of its
distance to the observation; Hunt et al. 2007) or the covariances (Schur product, of the distance
between cell and observation; Houtekamer & Mitchell 2001), by Gaspari and Cohn's function, which is
0 at the halo's edge. Distances are in cells, by great circle, or by water; covariances can have
factors between variables too (`halocast.filters.window_tapers`).

A block that sees no observation keeps its forecast, noise and all, and its memory: nothing is
inflated there, only rotated where all others are, so that members fit across blocks. So do, with
factors or distances in km, scalars that no observation of their block reaches. Windows hold
arrays of their own, of one shape wherever the block is, and linear algebra has one thread: the
answer does not depend on the group, to the last bit.

Cost beside the method's own: about 25 microseconds a block.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from halocast.blas import one_thread
from halocast.ensemble import mean_and_spread
from halocast.errors import ConfigError, RunError
from halocast.filters.base import BlockGroup, BlockUpdate, Filter, halo_incidence
from halocast.filters.ensemble.dense import product
from halocast.filters.ensemble.rotation import rotation
from halocast.filters.letkf.points import predict
from halocast.filters.local_settings import Localization, LocalSettings
from halocast.filters.memory import Remembered, pack, unpack
from halocast.filters.static_states import static_of_group
from halocast.filters.window import Analysis, Window
from halocast.filters.window_tapers import Tapers
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence
from halocast.localization.kilometres import seen_by_great_circle, seen_by_water
from halocast.samplers.densities import IDENTITY
from halocast.settings import Settings


class WindowMethod(NamedTuple):
    """A method that analyses a window, and what the engines must know of it.

    Attributes
    ----------
    analyse
        (window, settings) -> analysis; pure.
    settings
        Its own settings, without localization.
    localization
        What it can taper, the default first.
    own_only
        Whether it can use no observation but those of its block's scalars.
    health
        Names of what it says of itself in ``Analysis.health``, beside ``ess``.
    remembers
        Whether it leaves a memory, given its settings.
    remembers_members
        Whether that may be something of each member, which must then not be lost.
    fewest
        How many members it needs.
    """

    analyse: Callable[[Window, Any], Analysis]
    settings: type[Settings]
    localization: tuple[Localization, ...] = ("observations",)
    own_only: bool = False
    health: tuple[str, ...] = ()
    remembers: Callable[[Any], bool] = lambda settings: False
    remembers_members: bool = False
    fewest: int = 2


def block_filter(method: WindowMethod) -> Filter:
    """Return the method as a filter of the big engines."""
    return Filter(
        partial(update, method),
        sees,
        carries_layers=True,
        remembers=method.remembers,
        remembers_members=method.remembers_members,
    )


def sees(settings: LocalSettings, blocks: Blocks, cells: np.ndarray, grid: Grid) -> Incidence:
    """Let each block see the observations within its halo, in cells or kilometres.

    Raises
    ------
    ConfigError
        The halo does not fit the blocks or the grid.
    """
    if settings.distance == "cells":
        return halo_incidence(settings, blocks, cells, grid)
    find = seen_by_water if settings.distance == "water" else seen_by_great_circle
    return find(blocks, cells, settings.halo, grid)


class _Seen(NamedTuple):
    """The (block, observation) pairs of a group: a row a pair, in the order of the blocks."""

    number: np.ndarray
    value: np.ndarray
    error: np.ndarray
    weight: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    scalar: np.ndarray
    cell: np.ndarray


def update(method: WindowMethod, group: BlockGroup, settings: LocalSettings) -> BlockUpdate:
    """Analyse every block that sees observations.

    Returns
    -------
    ``health``: ``ess``, the number of members where the method does not say; ``observations`` seen;
    and the method's own, NaN in blocks that see none.

    Raises
    ------
    ConfigError
        There is one member.
    RunError
        An analysis is not finite, or not of its window's shape.
    """
    m, blocks = group.members, group.n_blocks
    if m < method.fewest:
        raise ConfigError(
            f"{settings.method} takes its covariances from the ensemble, and there is one member",
            where="ensemble.members",
            remedy="use 2 or more",
        )
    members = group.forecast + group.noise
    mean, spread = mean_and_spread(members)
    spread *= np.sqrt(m / max(m - 1, 1))
    health = {name: np.full(blocks, np.nan) for name in method.health}
    health |= {"ess": np.full(blocks, float(m)), "observations": np.diff(group.obs_start) * 1.0}
    memory: Remembered = {}
    windows = Windows(group, members, settings)
    untouched = np.zeros(mean.shape, dtype=bool)
    with one_thread():
        for b in range(blocks):
            here = slice(group.cell_start[b], group.cell_start[b + 1])
            if group.obs_start[b] == group.obs_start[b + 1]:
                _keep(group, b, memory)
                untouched[:, here] = True
                continue
            window = windows.of(b)
            analysis = method.analyse(window, settings)
            untouched[:, here] = windows.unreached(window)
            _place(group, b, analysis, ~untouched[:, here], members, mean, spread)
            for name in health.keys() & analysis.health.keys():
                health[name][b] = analysis.health[name]
            if analysis.memory is not None:
                memory[int(group.block[b])] = pack(analysis.memory, _where(group, b))
    _rotate_untouched(group, settings, untouched, members, mean)
    _refuse_non_finite(group, settings, mean)
    ancestor = np.repeat(np.arange(m, dtype=np.int32)[:, None], blocks, axis=1)
    return BlockUpdate(members, mean, spread, ancestor, health, memory=memory)


class Windows:
    """The windows of a group's blocks; ``members`` (m, F, c) are the forecasts with noise."""

    def __init__(self, group: BlockGroup, members: np.ndarray, settings: LocalSettings) -> None:
        self._group, self._members = group, members
        schur = settings.localization == "covariances"
        self._tapers = Tapers(group, settings) if schur else None
        self._predicted = group.observed + group.observed_noise
        self._quiet = group.observed.copy()
        for scalars in (self._predicted, self._quiet):
            predict(scalars, group.operator, group.center, group.scale)
        self._seen = self._pairs()
        self._static = static_of_group(group, settings)

    def _pairs(self) -> _Seen:
        group, index = self._group, self._group.obs_index
        weight = group.obs_weight if self._tapers is None else np.ones(index.size)
        return _Seen(
            group.id[index], group.value[index], group.error[index], weight,
            group.noise_kind[index], group.df[index], self._own_scalars(), group.cell[index],
        )  # fmt: skip

    def _own_scalars(self) -> np.ndarray:
        """Return which scalar of its window each pair's observation is, -1 where none."""
        group = self._group
        block = np.repeat(np.arange(group.n_blocks), np.diff(group.obs_start))
        place = np.full(group.grid.n_cells, -1)
        place[group.cells] = np.arange(group.cells.size)
        here = place[group.cell[group.obs_index]]
        start, stop = group.cell_start[block], group.cell_start[block + 1]
        own = (here >= start) & (here < stop) & (group.operator[group.obs_index] == IDENTITY)
        field = group.field[group.obs_index]
        return np.where(own, field * (stop - start) + here - start, -1)

    def of(self, b: int) -> Window:
        """Make the window of the group's b-th block, with arrays of its own."""
        group = self._group
        m, fields, _ = group.forecast.shape
        first, last = group.cell_start[b], group.cell_start[b + 1]
        pairs = slice(group.obs_start[b], group.obs_start[b + 1])
        n, index, block = fields * (last - first), group.obs_index[pairs], int(group.block[b])
        seen = _Seen(*(column[pairs].copy() for column in self._seen))
        taper = between = None
        if self._tapers is not None:
            taper, between = self._tapers.of(group.cells[first:last], index)
        memory = None
        if group.memory is not None:
            memory = unpack(group.memory.get(block))
        if self._static is not None:
            memory = self._static.of(first, last, index)
        return Window(
            forecast=self._members[:, :, first:last].reshape(m, n),
            predicted=self._predicted.take(index, axis=1),
            number=seen.number,
            value=seen.value,
            error=seen.error,
            weight=seen.weight,
            noise_kind=seen.noise_kind,
            df=seen.df,
            scalar=seen.scalar,
            noise_free=group.forecast[:, :, first:last].reshape(m, n),
            predicted_noise_free=self._quiet.take(index, axis=1),
            noise_sd=group.noise_sd[:, first:last].reshape(n),
            taper=taper,
            taper_between=between,
            seed=group.seed,
            cycle=group.cycle,
            block=block,
            memory=memory,
        )

    def unreached(self, window: Window) -> np.ndarray:
        """Return which scalars of a window keep their forecast, bool (F, c)."""
        fields = self._group.forecast.shape[1]
        if self._tapers is None or window.taper is None or not self._tapers.spares:
            return np.zeros((fields, window.noise_sd.size // fields), dtype=bool)
        reached = np.asarray(window.taper.any(axis=1)).reshape(fields, -1)
        return np.logical_not(reached)


def _keep(group: BlockGroup, b: int, memory: Remembered) -> None:
    """Let a block that sees nothing remember what it knew."""
    number = int(group.block[b])
    if group.memory is not None and number in group.memory:
        memory[number] = group.memory[number]


def _rotate_untouched(
    group: BlockGroup,
    settings: LocalSettings,
    untouched: np.ndarray,
    members: np.ndarray,
    mean: np.ndarray,
) -> None:
    """Rotate the scalars that no observation reaches, in cycles where the others are rotated."""
    every = int(getattr(settings, "rotation", 0))  # cycles; of some methods, whether in each
    if not every or group.cycle % every:
        return
    centre = mean[untouched]
    anomalies = np.ascontiguousarray(members[:, untouched] - centre)
    turned = product(rotation(group.seed, group.cycle, group.members), anomalies)
    members[:, untouched] = centre + turned


def _place(
    group: BlockGroup,
    b: int,
    analysis: Analysis,
    where: np.ndarray,
    members: np.ndarray,
    mean: np.ndarray,
    spread: np.ndarray,
) -> None:
    """Write a block's analysis into the group's arrays, ``where`` (F, c) it is to count."""
    here = slice(group.cell_start[b], group.cell_start[b + 1])
    m, fields, n = members[:, :, here].shape
    if analysis.members.shape != (m, fields * n):
        raise RunError(
            f"the filter returned members of shape {analysis.members.shape}, not {(m, fields * n)}",
            where=_where(group, b),
            remedy="return one row a member, with the scalars of window.forecast",
        )
    np.copyto(members[:, :, here], analysis.members.reshape(m, fields, n), where=where)
    np.copyto(mean[:, here], analysis.mean.reshape(fields, n), where=where)
    np.copyto(spread[:, here], analysis.spread.reshape(fields, n), where=where)


def _where(group: BlockGroup, b: int) -> str:
    return f"cycle {group.cycle}, block {group.block[b]}"


def _refuse_non_finite(group: BlockGroup, settings: LocalSettings, mean: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(mean).all(axis=0))
    if bad.size:
        b = int(np.searchsorted(group.cell_start, bad[0], side="right")) - 1
        raise RunError(
            f"{settings.method} gives {bad.size} cells no finite analysis",
            where=f"{_where(group, b)}, cell {group.cells[bad[0]]} (first of them)",
            remedy="look for forecasts, observations or errors there that are not finite; a "
            "smaller inflation or a longer halo where the ensemble has collapsed",
        )
