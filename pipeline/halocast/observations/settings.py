"""Settings of the observations: a section of the run file."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field

from halocast.observations.operators import (
    GaussianNoise,
    IdentityOperator,
    Noise,
    Operator,
    OwnOperator,
)
from halocast.own_code import source_beside
from halocast.settings import Settings

FIELD_OF = {"ssh": "ssh", "u": "u0", "v": "v0", "t": "t0", "z": "z"}
"""Short name of the state field that each variable is an observation of, unless a run says."""


class VariableSettings(Settings):
    """How the observations of one variable are used."""

    assimilate: bool = Field(default=True, description="Whether this run uses the variable")
    field: str | None = Field(
        default=None,
        description="Field of the state that is observed; null: ssh, u0, v0, t0 and z of the "
        "variables ssh, u, v, t and z",
    )
    operator: Operator = Field(
        default=IdentityOperator(),
        description="What is observed of the state: identity, arctan, or python and a function",
    )
    noise: Noise = Field(
        default=GaussianNoise(),
        description="Density of the errors: gaussian, laplace, student-t or cauchy",
    )
    representativeness: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Error sd of a point standing for a cell, in the observation's unit",
    )
    minimum_error: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="No total error sd is smaller than this"
    )


class HeightSettings(VariableSettings):
    """Sea-surface height, m."""

    representativeness: float = Field(
        default=0.02,
        ge=0,
        allow_inf_nan=False,
        description="Error sd of a point standing for a cell, m",
    )


class VelocitySettings(VariableSettings):
    """One component of velocity, m s⁻¹."""

    representativeness: float = Field(
        default=0.1,
        ge=0,
        allow_inf_nan=False,
        description="Error sd of a point standing for a cell, m s⁻¹",
    )


class TemperatureSettings(VariableSettings):
    """Temperature of the top layer, K."""

    representativeness: float = Field(
        default=0.3,
        ge=0,
        allow_inf_nan=False,
        description="Error sd of a point standing for a cell, K",
    )


class SwotSettings(Settings):
    """How altimeter pixels become super-observations of cells."""

    minimum_count: int = Field(
        default=1,
        ge=1,
        description="Fewest pixels of a pass in a cell that make an observation of it",
    )
    correlated_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of the pixels' error variance that averaging does not reduce",
    )
    within_cell_share: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Share of the variance between a cell's pixels, beyond their own errors, "
        "that is added to the error variance",
    )


class DrifterSettings(Settings):
    """How a drifter's drogue changes the error of its velocity.

    Ingest adds the error by wind slip to the rows already, so the factors are 1 by default.
    """

    undrogued_factor: float = Field(
        default=1.0,
        ge=1,
        allow_inf_nan=False,
        description="Factor on the rows' error without a drogue",
    )
    uncertain_factor: float = Field(
        default=1.0, ge=1, allow_inf_nan=False, description="The same where its state is uncertain"
    )


class WithholdSettings(Settings):
    """Shares kept back to score against, chosen at random but reproducibly."""

    drifters: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the drifters, whole-life"
    )
    swot: float = Field(default=0.0, ge=0, lt=1, description="Share of the SWOT passes")
    other: float = Field(
        default=0.0, ge=0, lt=1, description="Share of other products' rows, one by one"
    )


class ObservationSettings(Settings):
    """What is observed, how well, and what is kept back."""

    ssh: HeightSettings = Field(default=HeightSettings(), description="Sea-surface height")
    u: VelocitySettings = Field(default=VelocitySettings(), description="Eastward velocity")
    v: VelocitySettings = Field(default=VelocitySettings(), description="Northward velocity")
    t: TemperatureSettings = Field(
        default=TemperatureSettings(), description="Sea-surface temperature"
    )
    z: VariableSettings = Field(
        default=VariableSettings(), description="State of the linear-Gaussian model"
    )
    swot: SwotSettings = Field(
        default=SwotSettings(), description="Super-observations of altimetry"
    )
    drifters: DrifterSettings = Field(default=DrifterSettings(), description="Errors of drifters")
    withhold: WithholdSettings = Field(default=WithholdSettings(), description="What is kept back")
    gross_error: float | None = Field(
        default=5.0,
        gt=0,
        allow_inf_nan=False,
        description="Observations further from the forecast than this many standard deviations "
        "(of forecast and error together) are rejected; null: none",
    )
    moderation: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Errors of observations far from the forecast are enlarged, so that none "
        "moves it by more than this many standard deviations (2 is usual); null: none",
    )
    window: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Oldest observation used at an analysis, s; null: the whole cycle",
    )

    def of(self, variable: str) -> VariableSettings:
        """Return the section of a variable (ssh, u, v, t or z)."""
        return getattr(self, variable)

    def located(self, folder: Path) -> Self:
        """Return the settings with the text of operators' modules that lie in ``folder``."""
        found = {}
        for name in FIELD_OF:
            operator = self.of(name).operator
            if isinstance(operator, OwnOperator) and operator.source is None:
                text = source_beside(operator.function, folder)
                own = operator.model_copy(update={"source": text})
                found[name] = self.of(name).model_copy(update={"operator": own})
        return self.model_copy(update=found)

    def field_of(self, variable: str) -> str:
        """Return the name of the state field that a variable is an observation of."""
        return self.of(variable).field or FIELD_OF[variable]
