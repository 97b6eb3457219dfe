"""Hybrid filters on blocks: each block has its own scalars of the static states.

The states lie in one npy file, (m_s, F, ny, nx) as the run's model has them, which every worker
opens and reads in pieces; a path beside the run file is made absolute when that is read. Adaptive
inflation would need the memory that the static states take.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from halocast.errors import ConfigError
from halocast.filters.base import BlockGroup
from halocast.filters.ensemble import hybrid
from halocast.filters.window import Analysis, Window
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


def analyse_covariance(window: Window, settings: HybridCovarianceBlocks) -> Analysis:
    """Analyse a window whose memory is its static states."""
    own = settings.model_copy(update={"static": None})
    return hybrid.analyse_covariance(window, own)._replace(memory=None)


def analyse_gain(window: Window, settings: HybridGainBlocks) -> Analysis:
    """Analyse a window whose memory is its static states."""
    own = settings.model_copy(update={"static": None})
    return hybrid.analyse_gain(window, own)._replace(memory=None)


def static_of_group(group: BlockGroup, settings: Settings) -> np.ndarray | None:
    """Return the static states on a group's cells, (m_s, F, c); None of a filter without.

    Raises
    ------
    ConfigError
        There is no such file, or its states are of another shape.
    """
    if not isinstance(settings, StaticStates):
        return None
    fields = group.forecast.shape[1]
    states = open_states(settings.static, fields, group.grid.shape)
    return states.reshape(states.shape[0], fields, -1)[:, :, group.cells]


@lru_cache(maxsize=2)
def open_states(path: Path, fields: int, shape: tuple[int, int]) -> np.ndarray:
    """Open a file of static states (m_s, F, ny, nx), to be read where it is asked for."""
    try:
        states = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is no npy file of states: {error}",
            where="filter.static",
            remedy="write one with numpy.save",
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
