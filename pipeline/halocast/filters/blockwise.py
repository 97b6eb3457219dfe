"""A window method as the update of a group of blocks, for all engines.

A block's window holds all fields of its cells and the observations in its halo. What falls with
distance is either the observations' weight (R-localization: one weight for the block, of its
distance to the observation; Hunt et al. 2007) or the covariances (Schur product, of the distance
between cell and observation; Houtekamer & Mitchell 2001), by Gaspari and Cohn's function, which is
0 at the halo's edge. Distances are in cells, by great circle, or by water; covariances can have
factors between variables too (`halocast.filters.window_tapers`).

A block that sees no observation keeps its forecast, noise and all, and its memory: nothing is
inflated there, only rotated where all others are, so that members fit across blocks. So do, with
factors or distances in km, scalars that no observation of their block reaches. Linear algebra has
one thread: the answer does not depend on the group, to the last bit.

Cost beside the method's own: that of its windows, `halocast.filters.block_windows`.
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
from halocast.filters.block_windows import Windows
from halocast.filters.ensemble.dense import product
from halocast.filters.ensemble.rotation import rotation
from halocast.filters.local_settings import Localization, LocalSettings
from halocast.filters.memory import Remembered, pack
from halocast.filters.window import Analysis, Window
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence
from halocast.localization.kilometres import seen_by_great_circle, seen_by_water
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
    paired
        Whether an analysed member is its own forecast and an increment, unless it is rotated.
    """

    analyse: Callable[[Window, Any], Analysis]
    settings: type[Settings]
    localization: tuple[Localization, ...] = ("observations",)
    own_only: bool = False
    health: tuple[str, ...] = ()
    remembers: Callable[[Any], bool] = lambda settings: False
    remembers_members: bool = False
    fewest: int = 2
    paired: bool = False


def block_filter(method: WindowMethod) -> Filter:
    """Return the method as a filter of the big engines."""
    return Filter(
        partial(update, method),
        sees,
        carries_layers=True,
        remembers=method.remembers,
        remembers_members=method.remembers_members,
        paired=lambda settings: method.paired and not getattr(settings, "rotation", 0),
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
