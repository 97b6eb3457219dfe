"""The base of every section of the run file: typed, frozen, unknown keys are errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A section of the run file. Each room declares its own; ``config`` assembles them."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
