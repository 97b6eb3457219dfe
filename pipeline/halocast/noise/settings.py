"""Settings of the model noise: one entry a field of the run file's ``ensemble.model_noise``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, model_validator

from halocast.settings import Settings


class FieldNoise(Settings):
    """Noise added to a field every cycle, and what comes with it in other fields."""

    sd: float = Field(
        ge=0, allow_inf_nan=False, description="Standard deviation, in the field's units"
    )
    correlation: Literal["white", "gaspari-cohn", "matern"] = Field(
        "white", description="Correlation in space; white: every cell on its own"
    )
    length: PositiveFloat | None = Field(
        None,
        allow_inf_nan=False,
        description="Length in cells: half the distance at which Gaspari-Cohn reaches 0, or "
        "Matérn's length",
    )
    length_km: PositiveFloat | None = Field(
        None, allow_inf_nan=False, description="The same length in km, instead of `length`"
    )
    smoothness: float | None = Field(
        None, description="Smoothness of Matérn's function: 1.5 (also by default) or 2.5"
    )
    layers: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(
        (),
        description="Share of the same noise in the layers below, e.g. [0.5, 0.1]; none: this "
        "layer only",
    )
    balanced: bool = Field(
        False,
        description="ssh only: velocity in geostrophic balance and interfaces that move with it",
    )

    @model_validator(mode="after")
    def _lengths_agree(self) -> FieldNoise:
        given = [n for n in ("length", "length_km") if getattr(self, n) is not None]
        if self.correlation == "white":
            if given:
                raise ValueError(
                    f"{given[0]} is set and correlation is white: set correlation to gaspari-cohn "
                    f"or matern, or leave {given[0]} out"
                )
            if self.balanced:
                raise ValueError(
                    "balanced noise needs a length: velocity in balance with white noise is noise "
                    "of the grid; set correlation and length, or balanced to false"
                )
        elif len(given) != 1:
            raise ValueError(
                f"correlation {self.correlation} needs one of length (cells) and length_km; "
                f"{'both are' if given else 'none is'} set"
            )
        if self.smoothness is not None and self.correlation != "matern":
            raise ValueError(f"smoothness is for matern; correlation is {self.correlation}")
        if self.smoothness not in (None, 1.5, 2.5):
            raise ValueError(f"smoothness {self.smoothness:g}: use 1.5 or 2.5")
        return self


def as_field_noise(value: Any) -> Any:
    """Turn a bare number into what it stands for: white noise with that standard deviation."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"sd": value}
    return value


FieldNoiseEntry = Annotated[FieldNoise, BeforeValidator(as_field_noise)]
