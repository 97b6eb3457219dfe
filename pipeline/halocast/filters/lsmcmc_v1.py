"""LSMCMC, variant 1 (paper, Algorithm 1): all observed blocks together.

One ancestor index for all blocks that hold an observation, weighed by every observation of the
cycle, untapered; blocks without one keep their forecast. With hundreds of observations the weights
end on very few ancestors, and what is not observed in an observed block is then the forecast of
these few: the error of the estimate there is that of one member.

The core: `halocast.filters.mixture_core`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.mixture_core import analyse, require_independent_noise
from halocast.filters.regions import observed_blocks
from halocast.filters.sampling import MixtureSettings, require_cells
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence, incidence
from halocast.samplers.quadrature import BUILT_IN, Sampler


class LsmcmcV1Settings(MixtureSettings):
    """LSMCMC with one ancestor for all observed blocks (paper, variant 1)."""

    method: Literal["lsmcmc-v1"] = Field("lsmcmc-v1", description="The filter.")
    block: tuple[int, int] = Field(
        (4, 4), description="Rows and columns of a block, in cells; observed blocks are updated."
    )

    @model_validator(mode="after")
    def _block_has_cells(self) -> LsmcmcV1Settings:
        require_cells(self.block)
        return self


def sees_own(settings: MixtureSettings, blocks: Blocks, cells: np.ndarray, grid: Grid) -> Incidence:
    """Let each block see the observations in its own cells."""
    return incidence(blocks, cells, halo=0.0, periodic=grid.periodic)


def update(
    group: BlockGroup, settings: LsmcmcV1Settings, sampler: Sampler = BUILT_IN
) -> BlockUpdate:
    """Sample the analysis of a group, which sees every observation of the cycle.

    Raises
    ------
    ConfigError
        When the model noise correlates.
    ConfigError, RunError
        See `halocast.filters.mixture_core.analyse`.
    """
    require_independent_noise(group, settings.method)
    return analyse(group, observed_blocks(group), settings, sampler)
