"""The unlocalized sequential MCMC filter (paper, Algorithm A.1).

One ancestor index for the whole domain, weighed by every observation of the cycle; the paper takes
as many samples as members, here members are reduced from the samples as in its localized forms.
A cycle without observations keeps its forecast.

The core: `halocast.filters.mixture_core`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.mixture_core import analyse, require_independent_noise
from halocast.filters.regions import whole_domain
from halocast.filters.sampling import MixtureSettings, require_cells
from halocast.samplers.quadrature import BUILT_IN, Sampler


class SmcmcSettings(MixtureSettings):
    """The sequential MCMC filter without localization (paper, Algorithm A.1)."""

    method: Literal["smcmc"] = Field("smcmc", description="The filter.")
    block: tuple[int, int] = Field(
        (8, 8), description="Rows and columns of a block, in cells; they only share out the work."
    )

    @model_validator(mode="after")
    def _block_has_cells(self) -> SmcmcSettings:
        require_cells(self.block)
        return self


def update(group: BlockGroup, settings: SmcmcSettings, sampler: Sampler = BUILT_IN) -> BlockUpdate:
    """Sample the analysis of a group, which sees every observation of the cycle.

    Raises
    ------
    ConfigError
        When the model noise correlates.
    ConfigError, RunError
        See `halocast.filters.mixture_core.analyse`.
    """
    require_independent_noise(group, settings.method)
    return analyse(group, whole_domain(group), settings, sampler)
