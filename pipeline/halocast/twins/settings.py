"""Settings of the twins: ``data.twin`` in the run file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, PositiveFloat, PositiveInt

from halocast.settings import Settings


class LinearTwin(Settings):
    """The twin of the linear-Gaussian experiment: a truth, and swaths that see it."""

    kind: Literal["linear-gaussian"] = "linear-gaussian"
    coverage: Literal["paper", "public-generator"] = Field(
        "paper", description="Cells the swaths see: as the paper says, or as its code makes them"
    )
    error: PositiveFloat = Field(0.05, description="Standard deviation of the observations")
    seed: int = Field(2026, ge=0, description="Seed of the truth and of its observations")


class NatlTwin(Settings):
    """A synthetic North Atlantic, written as product files and ingested through the catalogs."""

    kind: Literal["north-atlantic"] = "north-atlantic"
    spin_up_hours: PositiveInt = Field(36, description="Hours the nature run takes to adjust")
    drifters: PositiveInt = Field(120, description="Number of drifters")
    analysis_ssh_error: PositiveFloat = Field(
        0.06, description="Standard deviation of the ocean analysis' height error, m"
    )
    analysis_temperature_error: PositiveFloat = Field(
        0.4, description="Standard deviation of the ocean analysis' SST error, K"
    )
    analysis_error_length_km: PositiveFloat = Field(
        180.0, description="Length scale of the ocean analysis' errors, km"
    )
    seed: int = Field(2026, ge=0, description="Seed of nature, of the files and of their errors")


class TwinErrors(Settings):
    """Scale of the errors a twin's observations are given, in the unit of the operator's result.

    The standard deviation of Gaussian and Laplace errors, the scale of Student's t; the density is
    that of the run's ``observations``, and the scale becomes the observations' instrument error.
    """

    ssh: PositiveFloat = Field(0.05, description="Of the height along the swaths")
    u: PositiveFloat = Field(0.1, description="Of drifters' eastward velocity")
    v: PositiveFloat = Field(0.1, description="Of drifters' northward velocity")
    t: PositiveFloat = Field(0.4, description="Of drifters' temperature")


class NatureTwin(Settings):
    """A truth run by the run's own model on its own grid, seen through the run's own operators."""

    kind: Literal["nature"] = "nature"
    model_noise: bool = Field(
        True, description="Give the truth the run's model noise, with a seed of its own"
    )
    displacement_hours: int = Field(
        0,
        ge=0,
        description="The ensemble starts around the truth of so many hours before; 0: around the "
        "truth itself",
    )
    spin_up_hours: PositiveInt = Field(36, description="Hours the nature run takes to adjust")
    drifters: int = Field(120, ge=0, description="Number of drifters")
    swath_width: float = Field(
        1.5,
        ge=0,
        allow_inf_nan=False,
        description="Width of each of the two swaths in cells; 0: none",
    )
    errors: TwinErrors = Field(TwinErrors(), description="Errors of the observations")
    seed: int = Field(2026, ge=0, description="Seed of the truth, its noise and its observations")


Twin = Annotated[LinearTwin | NatlTwin | NatureTwin, Discriminator("kind")]
"""Any of them, told apart by ``kind``."""
