"""The settings of Markov chains."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from halocast.settings import Settings

KERNELS = ("rwm", "pcn", "mala", "pcnl", "hmc")
FEWEST_PER_CHAIN = 4


class ChainSettings(Settings):
    """Markov chains over the observed scalars and the ancestor."""

    kernel: Literal["rwm", "pcn", "mala", "pcnl", "hmc"] = Field(
        "pcn", description="Move of the state given its ancestor"
    )
    chains: int = Field(4, ge=1, le=32, description="Independent chains, of any number of blocks")
    burn_in: int = Field(
        250, ge=0, description="Iterations of each chain that adapt the step and are thrown away"
    )
    samples: int = Field(
        2000, ge=FEWEST_PER_CHAIN, description="Iterations kept, of all chains together"
    )
    step: float = Field(
        0.3, gt=0, le=4, description="First step, in standard deviations of the model noise"
    )
    target_acceptance: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Acceptance that burn-in aims at; none: the kernel's own"
        " (rwm 0.234, pcn 0.35, mala and pcnl 0.574, hmc 0.65)",
    )
    leapfrog_steps: int = Field(10, ge=1, le=1000, description="Leapfrog steps of hmc")

    @property
    def per_chain(self) -> int:
        """Iterations each chain keeps: its share of the samples, rounded up."""
        return -(-self.samples // self.chains)

    @model_validator(mode="after")
    def _beta_below_one(self) -> Self:
        if self.kernel in ("pcn", "pcnl") and self.step >= 1:
            raise ValueError(f"step is {self.step}; beta of {self.kernel} is in (0, 1), say 0.3")
        return self

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.samples < FEWEST_PER_CHAIN * self.chains:
            raise ValueError(
                f"{self.samples} samples are too few for {self.chains} chains;"
                f" ask for {FEWEST_PER_CHAIN * self.chains} at least"
            )
        return self
