"""Settings that the paper's filters share: how a region is sampled, and how samples become members.

A sampler is named alone (``sampler: pcn``) or with its settings (``sampler: {kernel: pcn, …}``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, model_validator

from halocast.errors import ConfigError
from halocast.samplers.chains import ChainSettings
from halocast.settings import Settings

Reduction = Literal["systematic", "quantile", "thinning", "group-means", "rescaled-group-means"]
DIRECT = ("systematic", "quantile")  # members at once, without a larger sample


class ExactSettings(Settings):
    """Exact sampling: an ancestor, and one-dimensional draws."""

    kernel: Literal["exact"] = Field("exact", description="No Markov chain.")
    samples: int = Field(
        500, ge=1, description="Samples a region, where a reduction makes members of samples."
    )


def _by_name(value: Any) -> Any:
    return {"kernel": value} if isinstance(value, str) else value


SamplerSettings = Annotated[
    Annotated[ExactSettings | ChainSettings, Discriminator("kernel")], BeforeValidator(_by_name)
]


def require_cells(block: tuple[int, int]) -> None:
    """Raise ValueError when a block has no cells."""
    if min(block) < 1:
        raise ValueError(f"block {list(block)} has no cells: give 1 or more each way")


class MixtureSettings(Settings):
    """What the paper's filters have in common."""

    sampler: SamplerSettings = Field(
        ExactSettings(),
        description="exact, or a chain: rwm, pcn, mala, pcnl or hmc with its settings.",
    )
    reduction: Reduction | None = Field(
        None,
        description="How samples become members: systematic or quantile (exact sampler only), "
        "thinning, group-means or rescaled-group-means; none: systematic with the exact sampler, "
        "thinning with chains.",
    )
    fallback: Literal["exact", "none"] = Field(
        "exact", description="What replaces chains that did not mix; none: they are believed."
    )
    quadrature_step: float = Field(
        0.1,
        gt=0,
        le=0.25,
        description="Coarsest quadrature step, in standard deviations of the model noise.",
    )

    @property
    def chosen_reduction(self) -> Reduction:
        """The reduction, also where none is named."""
        if self.reduction is not None:
            return self.reduction
        return "systematic" if isinstance(self.sampler, ExactSettings) else "thinning"

    @model_validator(mode="after")
    def _reduction_fits(self) -> MixtureSettings:
        if not isinstance(self.sampler, ExactSettings) and self.reduction in DIRECT:
            raise ValueError(
                f"reduction {self.reduction} needs the exact sampler; with "
                f"{self.sampler.kernel} use thinning"
            )
        return self

    def require_samples(self, members: int) -> None:
        """Raise ConfigError when there are fewer samples than members to be made of them."""
        if self.chosen_reduction not in DIRECT and self.sampler.samples < members:
            raise ConfigError(
                f"{self.sampler.samples} samples cannot become {members} members",
                where="filter.sampler.samples",
                remedy=f"ask for {members} or more, or for fewer members",
            )
