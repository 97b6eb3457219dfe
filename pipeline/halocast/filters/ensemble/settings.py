"""What every ensemble Kalman filter can be told of its spread."""

from __future__ import annotations

from pydantic import Field, model_validator

from halocast.filters.ensemble.adaptive import AdaptiveInflation
from halocast.settings import Settings


class SpreadSettings(Settings):
    """What keeps an ensemble from being too sure of itself.

    Notation: A_f the forecast's anomalies, A_a the analysis's, s their spreads.
    """

    inflation: float = Field(
        1.0,
        gt=0,
        le=10,
        description="Factor on the anomalies after the analysis (its square on covariance).",
    )
    rtps: float = Field(
        0.0, ge=0, le=1.2, description="Relaxation to prior spread: share given back of the loss."
    )
    rtpp: float = Field(
        0.0, ge=0, le=1.2, description="Relaxation to prior perturbations: share of theirs."
    )
    r_factor: float = Field(
        1.0,
        ge=1,
        allow_inf_nan=False,
        description="The anomalies' update takes observations' error variances times this; the "
        "mean's does not.",
    )
    spread_reduction: float = Field(
        1.0, ge=0, le=1, description="Share of the anomalies' update that is made: 1 all, 0 none."
    )
    adaptive: AdaptiveInflation | None = Field(
        None, description="Inflation of the forecast that follows the innovations; null: none."
    )
    rotation: int = Field(
        0,
        ge=0,
        description="Members are rotated at random, mean and covariance kept, every this many "
        "cycles; 0: never.",
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> SpreadSettings:
        if self.r_factor != 1.0 and self.spread_reduction != 1.0:
            raise ValueError(
                "r_factor and spread_reduction both weaken the anomalies' update: use one of them"
            )
        if (self.rtps > 0) + (self.rtpp > 0) + (self.spread_reduction != 1.0) > 1:
            raise ValueError(
                "rtps, rtpp and spread_reduction all relax towards the forecast: use one of them"
            )
        return self
