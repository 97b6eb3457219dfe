"""LSMCMC, variant 2 (paper, Algorithm 2): every block on its own, with a halo.

Each block has its own ancestors, weighed by the observations in its halo, whose errors are inflated
by the taper to sd / sqrt(w) (paper, eqs 4.5-4.7). Halo scalars that are not in the block act
through the ancestors' weights alone; only the block's cells are written. A block without
observations keeps its forecast.

The core: `halocast.filters.mixture_core`; by default exact samples, one a member. Where the model
noise correlates, the same target is sampled as the lower end of the bridge
(`halocast.filters.bridge`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from halocast.errors import ConfigError
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.bridge import bridge_kernels
from halocast.filters.mixture_core import analyse
from halocast.filters.regions import every_block
from halocast.filters.sampling import ExactSettings, MixtureSettings, require_cells
from halocast.localization.adaptive import AdaptiveLocalization, adaptive_problem
from halocast.localization.taper import Taper, halo_problem
from halocast.samplers.quadrature import BUILT_IN, Sampler


class LsmcmcV2Settings(MixtureSettings):
    """LSMCMC with one ancestor a block, blocks with halos (paper, variant 2)."""

    method: Literal["lsmcmc-v2"] = Field("lsmcmc-v2", description="The filter.")
    block: tuple[int, int] = Field((2, 2), description="Rows and columns of a block, in cells.")
    halo: float = Field(
        2.5, ge=0, allow_inf_nan=False, description="Radius of a block's halo, in cells."
    )
    taper: Taper = Field(
        "continuous",
        description="Edge of the observations' taper: continuous (0 at the halo's edge) or paper.",
    )
    adaptive: AdaptiveLocalization | None = Field(
        None,
        description="Blocks and halos that follow the observations, instead of block and halo.",
    )

    @model_validator(mode="after")
    def _halo_fits(self) -> LsmcmcV2Settings:
        require_cells(self.block)
        problem = halo_problem(self.block, self.halo, self.taper)
        problem = problem or adaptive_problem(self.adaptive, self.taper)
        if problem:
            raise ValueError(problem)
        return self


def update(
    group: BlockGroup, settings: LsmcmcV2Settings, sampler: Sampler = BUILT_IN
) -> BlockUpdate:
    """Sample the analysis of each block of a group.

    ``sampler`` holds the kernels for operators and densities that are not built in, see
    `halocast.samplers.quadrature.compile_sampler`.

    Raises
    ------
    ConfigError
        When the model noise correlates and chains or another reduction are asked for.
    ConfigError, RunError
        See `halocast.filters.mixture_core.analyse` and `halocast.filters.bridge.bridge_kernels`.
    """
    if not group.correlated:
        return analyse(group, every_block(group), settings, sampler)
    exact = isinstance(settings.sampler, ExactSettings)
    if not exact or settings.chosen_reduction != "systematic":
        raise ConfigError(
            f"sampler {settings.sampler.kernel} with reduction {settings.chosen_reduction} needs "
            "model noise that is independent from scalar to scalar",
            where="filter",
            remedy="leave sampler and reduction out, or set ensemble.model_noise to "
            "correlation: white",
        )
    return bridge_kernels(group, bridge=0.0, sampler=sampler)
