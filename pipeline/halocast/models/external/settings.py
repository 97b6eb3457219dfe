"""Settings of a model that is an external program."""

from __future__ import annotations

import shlex
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, field_validator

from halocast.grid import Place
from halocast.noise import FieldNoiseEntry
from halocast.settings import Settings

PLACEHOLDERS = {
    "restart_in": "file with the state to start from",
    "restart_out": "file the program writes the state at the end to",
    "forcing": "file with the forcing",
    "start": "start, as 2024-08-01T00:00:00",
    "stop": "end, likewise",
    "seconds": "time between them, s",
    "steps": "the same in time steps",
}
"""What a command may hold in braces."""


def _as_words(value: Any) -> Any:
    """A command given as one line becomes its words; no shell is used."""
    return shlex.split(value) if isinstance(value, str) else value


class ExternalField(Settings):
    """A variable of the program's restart files."""

    units: str = Field(description="Unit, as in the files")
    long_name: str = Field("", description="What it is, for the report")
    place: Place = Field("center", description="Where in the cell it lives: center, east or north")
    layers: PositiveInt | None = Field(
        None, description="Layers, the first axis in the file, top first; null: none"
    )
    variable: str | None = Field(None, description="Its name in the files; null: the same")


class ExternalModelSettings(Settings):
    """A model that is an external program.

    Everything the program needs to go on must be among the fields. Relative paths are relative to
    the run file, and must be seen by the workers.
    """

    kind: Literal["external"] = "external"
    name: str = Field("external model", description="What reports call it")
    command: Annotated[list[str], BeforeValidator(_as_words)] = Field(
        min_length=1,
        description="Program and arguments, with {restart_in}, {restart_out}, {forcing}, {start}, "
        "{stop}, {seconds} and {steps}; run in a scratch folder of its own, without a shell",
    )
    fields: dict[str, ExternalField] = Field(
        min_length=1, description="The state, by name of the field, in its order"
    )
    initial: str = Field(description="Restart file with the initial state")
    perturbation: dict[str, FieldNoiseEntry] = Field(
        default_factory=dict,
        description="How members differ from it, by field, written as ensemble.model_noise is",
    )
    forcing: bool = Field(
        False, description="Whether the program is given the data store's forcing of the cycle"
    )
    files: list[str] = Field(
        default_factory=list, description="Files and folders linked into the scratch folder"
    )
    time_step: PositiveInt = Field(
        description="Seconds; the analysis interval must be a multiple of it"
    )
    timeout: PositiveFloat = Field(
        3600.0, description="Longest time one call may take, s; then it is ended"
    )
    environment: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables of the program, beside the worker's",
    )
    scratch: str | None = Field(
        None, description="Where scratch folders are made; null: the worker's temporary folder"
    )

    @field_validator("command")
    @classmethod
    def _placeholders_are_known(cls, command: list[str]) -> list[str]:
        for word in command:
            for _, name, form, conversion in Formatter().parse(word):
                if name is None:
                    continue
                if name not in PLACEHOLDERS or form or conversion:
                    raise ValueError(
                        f"there is no {{{name}}}; use {', '.join(PLACEHOLDERS)}, and {{{{ for a "
                        "brace"
                    )
        return command

    def located(self, folder: Path) -> Self:
        """Return the settings with paths that are relative to ``folder`` made absolute."""

        def absolute(path: str) -> str:
            return str((folder / Path(path).expanduser()).absolute())

        def word(text: str) -> str:
            return absolute(text) if (folder / text).is_file() else text

        return self.model_copy(
            update={
                "command": [word(text) for text in self.command],
                "initial": absolute(self.initial),
                "files": [absolute(path) for path in self.files],
                "scratch": None if self.scratch is None else absolute(self.scratch),
            }
        )
