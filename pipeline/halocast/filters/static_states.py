"""Filters with static states on blocks, the hybrids and EnOI: each block has its own scalars.

The states lie in one npy file, (m_s, F, ny, nx) as the run's model has them, which every worker
opens and reads in pieces; a path beside the run file is made absolute when that is read.
`halocast states` writes such a file. Adaptive inflation would need the memory that the static
states take.

What they predict for an observation, in the block or its halo, is h(x + A_s), x the members' mean
of the scalar it is of.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from halocast.ensemble import mean_and_spread
from halocast.errors import ConfigError
from halocast.filters.base import BlockGroup
from halocast.filters.ensemble import hybrid
from halocast.filters.kalman import enoi
from halocast.filters.letkf.points import predict
from halocast.filters.window import Analysis, Store, Window
from halocast.settings import Settings


class StaticStates(Settings):
    """Where the static states of a run lie."""

    static: Path = Field(
        description="npy file of states (m_s, F, ny, nx) of a long run of the same model; all "
        "workers must see it."
    )

    @model_validator(mode="after")
    def _memory_has_room(self) -> Self:
        if getattr(self, "adaptive", None) is not None:
            raise ValueError("adaptive inflation is not for hybrid filters on blocks: leave it out")
        return self

    def located(self, folder: Path) -> Self:
        """Return the settings with the path of the file as it is from anywhere."""
        return self.model_copy(update={"static": (folder / self.static).absolute()})


class HybridCovarianceBlocks(StaticStates, hybrid.HybridCovarianceSettings):
    """A filter with a mixed covariance, its static states by block."""


class HybridGainBlocks(StaticStates, hybrid.HybridGainSettings):
    """A filter with a mixed gain, its static states by block."""


class EnOiBlocks(StaticStates, enoi.EnOiWindowSettings):
    """Ensemble optimal interpolation, its store by block."""


def analyse_covariance(window: Window, settings: HybridCovarianceBlocks) -> Analysis:
    """Analyse a window whose memory is its static states."""
    own = settings.model_copy(update={"static": None})
    return hybrid.analyse_covariance(window, own)._replace(memory=None)


def analyse_gain(window: Window, settings: HybridGainBlocks) -> Analysis:
    """Analyse a window whose memory is its static states."""
    own = settings.model_copy(update={"static": None})
    return hybrid.analyse_gain(window, own)._replace(memory=None)


class StaticGroup(NamedTuple):
    """Static states on a group's cells, (m_s, F, c), and what they predict, (m_s, p)."""

    states: np.ndarray
    predicted: np.ndarray

    def of(self, first: int, last: int, index: np.ndarray) -> Store:
        """Return the store of the block with the cells ``first`` to ``last``."""
        states = self.states[:, :, first:last]
        return Store(states.reshape(len(states), -1), self.predicted.take(index, axis=1))


def static_of_group(group: BlockGroup, settings: Settings) -> StaticGroup | None:
    """Return the static states of a group; None of a filter without.

    Raises
    ------
    ConfigError
        There is no such file, or its states are of another shape.
    """
    if not isinstance(settings, StaticStates):
        return None
    fields = group.forecast.shape[1]
    states = open_states(settings.static, fields, group.grid.shape)
    observed = np.ascontiguousarray(states.reshape(len(states), -1)[:, group.scalar])
    # sums member by member: NumPy's would depend on how many observations the group has
    ahead = mean_and_spread(group.observed + group.observed_noise)[0]
    observed += ahead - mean_and_spread(observed)[0]
    predict(observed, group.operator, group.center, group.scale)
    return StaticGroup(states.reshape(len(states), fields, -1)[:, :, group.cells], observed)


@lru_cache(maxsize=2)
def open_states(path: Path, fields: int, shape: tuple[int, int]) -> np.ndarray:
    """Open a file of static states (m_s, F, ny, nx), to be read where it is asked for."""
    try:
        states = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is no npy file of states: {error}",
            where="filter.static",
            remedy="write one with `halocast states` or numpy.save",
        ) from error
    fits = (fields, *shape)
    if states.shape[1:] != fits or states.shape[0] < 2 or not np.isfinite(states).all():
        raise ConfigError(
            f"static states of shape {states.shape} do not fit, or are not finite",
            where="filter.static",
            remedy=f"give two or more finite states of this model: (m_s, {fields}, {shape[0]}, "
            f"{shape[1]})",
        )
    return states
