"""Settings of the score-based filter."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from halocast.settings import Settings

_RANGES = "background_error", "error_factors", "partly_error", "training_noise", "noise"


class CdsmSettings(Settings):
    """Conditional denoising score matching.

    The defaults are those of our reconstruction (`halocast.filters.score`); noise is in standard
    deviations of the climate.
    """

    method: Literal["cdsm"] = Field("cdsm", description="The filter.")
    condition: Literal["yb", "y"] = Field(
        "yb", description="What the score knows: observations and background, or observations only."
    )
    score: Literal["network", "kernel"] = Field(
        "network", description="Learned, or in closed form from the training states themselves."
    )
    states: int = Field(60_000, ge=100, description="Training states, one an observation interval.")
    spin_up: int = Field(500, ge=0, description="Intervals before the first of them.")
    background_error: tuple[float, float] = Field(
        (0.2, 1.6),
        description="Least and largest error that training backgrounds begin with an interval "
        "before, in standard deviations of the observations' errors.",
    )
    masked: bool = Field(
        False,
        description="Learn any part of the observations and other errors of them, so that one "
        "training serves networks that change; it wants more width (128).",
    )
    error_factors: tuple[float, float] = Field(
        (0.5, 2.0),
        description="Of masked training: least and largest error, in those of the problem.",
    )
    partly_error: tuple[float, float] = Field(
        (0.2, 4.0),
        description="Of masked training: background_error where observations are missing; "
        "forecasts are worse then.",
    )
    width: int = Field(64, ge=1, description="Units of each of the two hidden layers.")
    training_steps: int = Field(10_000, ge=1, description="Steps of Adam.")
    training_rate: float = Field(2e-3, gt=0, le=0.1, description="Its rate at the start.")
    training_noise: tuple[float, float] = Field(
        (0.02, 1.5), description="Least and largest noise that training puts onto states."
    )
    dagger: bool = Field(
        False,
        description="After the training, cycle the filter over training states, and train a little "
        "more, on its own forecasts too.",
    )
    backend: Literal["numpy", "torch"] = Field(
        "numpy", description="What computes the training; torch is the extra halocast[score]."
    )
    batch: int = Field(256, ge=1, description="States of a step.")
    chains: int = Field(64, ge=2, description="Langevin chains; the analysis is their mean.")
    noise: tuple[float, float] = Field(
        (0.03, 0.6), description="Last and first noise level of the chains."
    )
    levels: int = Field(12, ge=2, description="Noise levels.")
    steps: int = Field(4, ge=1, description="Langevin steps at each.")
    step_size: float = Field(
        0.5, gt=0, le=1, description="Langevin step, in squared noise levels; smaller is closer."
    )
    kernel_width: float = Field(
        1.0, gt=0, allow_inf_nan=False,
        description="Of the closed form with a background: standard deviation of its kernel, in "
        "the unit of the state.",
    )  # fmt: skip

    @property
    def learned_factors(self) -> tuple[float, float] | None:
        """Range of the errors that are learned, in the problem's; None where only those are."""
        return self.error_factors if self.masked else None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in _RANGES:
            low, high = getattr(self, name)
            if not 0 < low < high < float("inf"):
                raise ValueError(
                    f"{name} {[low, high]} is no range: give a positive number and a larger one"
                )
        if self.noise[0] < self.training_noise[0] or self.noise[1] > self.training_noise[1]:
            raise ValueError(
                f"chains at noise {list(self.noise)} leave the range of training, "
                f"{list(self.training_noise)}: widen training_noise"
            )
        if self.masked and self.score == "kernel":
            raise ValueError("masked is for training, and score: kernel serves any observations")
        if self.dagger and (self.condition == "y" or self.score == "kernel" or self.masked):
            raise ValueError(
                "dagger teaches a network forecasts that go with all observations: it needs "
                "condition: yb, score: network and masked: false"
            )
        return self
