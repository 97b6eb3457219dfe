"""Settings of the shallow-water model: a section of the run file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from halocast.settings import Settings


class InitialPerturbation(Settings):
    """How the members of the initial ensemble differ from the initial state."""

    ssh_sd: float = Field(
        default=0.05, ge=0, description="Standard deviation of sea-surface height, m"
    )
    ssh_length_km: PositiveFloat = Field(
        default=150.0, description="Length L of its covariance exp(-r²/L²), km"
    )
    temperature_sd: float = Field(
        default=0.5, ge=0, description="Standard deviation of the top layer's temperature, K"
    )
    temperature_length_km: PositiveFloat = Field(
        default=150.0, description="Length L of its covariance exp(-r²/L²), km"
    )
    baroclinic_share: float = Field(
        default=0.9, ge=0, le=1, description="Share of the height in the first baroclinic mode"
    )


class OpenBoundary(Settings):
    """The relaxation zone inside the open edge of the domain."""

    width: PositiveInt = Field(default=8, description="Width of the relaxation zone in cells")
    rate: float = Field(
        default=1.0e-4,
        ge=0,
        description="Relaxation rate at the edge, s⁻¹; falls to 0 over the width",
    )


class ShallowWaterSettings(Settings):
    """A multilayer isopycnal shallow-water model."""

    kind: Literal["shallow-water"] = "shallow-water"
    densities: tuple[PositiveFloat, ...] = Field(
        default=(1023.0, 1026.0, 1028.0), min_length=1, description="Density of each layer, kg m⁻³"
    )
    reference_density: PositiveFloat = Field(
        default=1025.0, description="Boussinesq density, kg m⁻³"
    )
    thicknesses: tuple[PositiveFloat, ...] = Field(
        default=(100.0, 400.0, 3500.0),
        min_length=1,
        description="Thickness of each layer at rest, m; the lowest takes up the depth",
    )
    temperatures: tuple[PositiveFloat, ...] = Field(
        default=(298.15, 283.15, 275.15),
        min_length=1,
        description="Temperature of each layer at rest, K",
    )
    gravity: PositiveFloat = Field(default=9.81, description="Gravity, m s⁻²")
    viscosity: float = Field(
        default=500.0,
        ge=0,
        description="Laplacian viscosity, m² s⁻¹; western boundary currents need beta dx³",
    )
    biharmonic_viscosity: float = Field(
        default=0.0, ge=0, description="Biharmonic viscosity, m⁴ s⁻¹; instead of the Laplacian one"
    )
    diffusivity: float = Field(
        default=100.0, ge=0, description="Diffusivity of temperature, m² s⁻¹"
    )
    bottom_drag: float = Field(default=1.0e-6, ge=0, description="Drag on the lowest layer, s⁻¹")
    sst_relaxation_rate: float = Field(
        default=2.8e-4, ge=0, description="Nudging of top-layer temperature to the forcing, s⁻¹"
    )
    minimum_thickness: PositiveFloat = Field(default=10.0, description="No layer gets thinner, m")
    minimum_depth: PositiveFloat = Field(default=600.0, description="Shallower water is land, m")
    slope_parameter: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Largest |H1 - H2| / (H1 + H2) of neighbours; 1: unsmoothed",
    )
    time_stepping: Literal["rk4", "split-explicit"] = Field(
        default="rk4", description="All waves explicit, or the barotropic mode sub-cycled"
    )
    time_step: PositiveInt = Field(
        default=75, description="Seconds; the analysis interval must be a multiple of it"
    )
    precision: Literal["float64", "float32"] = Field(
        default="float64", description="Working precision of the time stepping"
    )
    baroclinic_share: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Share of the analysis' surface height put into the first baroclinic mode",
    )
    increments: Literal["top", "proportional", "balanced"] = Field(
        default="balanced",
        description="What an increment of surface height does to the layers below",
    )
    boundary: OpenBoundary = Field(
        default=OpenBoundary(), description="Relaxation zone, where there is forcing"
    )
    perturbation: InitialPerturbation = Field(
        default=InitialPerturbation(), description="Spread of the initial ensemble"
    )

    @model_validator(mode="after")
    def _layers_agree(self) -> ShallowWaterSettings:
        counts = {len(self.densities), len(self.thicknesses), len(self.temperatures)}
        if len(counts) > 1:
            raise ValueError(
                "densities, thicknesses and temperatures name different numbers of layers"
            )
        if any(b <= a for a, b in zip(self.densities, self.densities[1:])):
            raise ValueError("densities must increase downwards")
        if self.viscosity > 0 and self.biharmonic_viscosity > 0:
            raise ValueError("set viscosity to 0 when biharmonic_viscosity is used")
        needed = sum(self.thicknesses[:-1]) + self.minimum_thickness
        if self.minimum_depth < needed:
            raise ValueError(
                f"minimum_depth {self.minimum_depth} m leaves no room for the lowest layer: "
                f"at least {needed} m"
            )
        if min(self.thicknesses) <= self.minimum_thickness:
            raise ValueError("every rest thickness must exceed minimum_thickness")
        return self
