"""The windows of a group's blocks: what a method sees of each.

A window holds all fields of its block's cells and the observations of its halo, in arrays of its
own, of one shape wherever the block is: the answer does not depend on the group, to the last bit.

Cost: about 25 microseconds a block, and its tapers (`halocast.filters.window_tapers`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.filters.base import BlockGroup
from halocast.filters.letkf.points import predict
from halocast.filters.local_settings import LocalSettings
from halocast.filters.memory import unpack
from halocast.filters.static_states import static_of_group
from halocast.filters.window import Window
from halocast.filters.window_tapers import Tapers
from halocast.samplers.densities import IDENTITY


class _Seen(NamedTuple):
    """The (block, observation) pairs of a group: a row a pair, in the order of the blocks."""

    number: np.ndarray
    value: np.ndarray
    error: np.ndarray
    weight: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    scalar: np.ndarray


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
            group.noise_kind[index], group.df[index], self._own_scalars(),
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
