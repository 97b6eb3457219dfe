"""The run file: what a run is, typed; unknown keys are errors.

Each room declares its own section (``halocast.settings.Settings``); this module puts them together
and reads them from YAML, with overrides such as ``ensemble.members=10``. All mistakes are reported
at once, each with its key, its value and what would be right.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import (
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from halocast.errors import ConfigError
from halocast.filters import FILTERS, FilterSettings
from halocast.filters.own import PythonFilterSettings
from halocast.filters.static_states import StaticStates
from halocast.increments import DirectUpdate, Update, steps_of
from halocast.mistakes import sentence
from halocast.models.external.settings import ExternalModelSettings
from halocast.models.linear_gaussian import LinearGaussianSettings
from halocast.models.own import PythonModelSettings
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.noise import FieldNoiseEntry
from halocast.observations.settings import ObservationSettings
from halocast.settings import Settings
from halocast.slurm.pool import SlurmPool
from halocast.twins.settings import Twin


class TimeSettings(Settings):
    """When the run takes place."""

    start: datetime = Field(description="Start of the first cycle, UTC")
    cycles: PositiveInt = Field(description="Number of cycles")
    cycle_seconds: PositiveInt = Field(3600, description="Length of a cycle, s")

    def at(self, cycle: int) -> np.datetime64:
        """Return the time at the end of a cycle; of cycle 0, the start."""
        start = np.datetime64(self.start.replace(tzinfo=None), "s")
        return start + np.timedelta64(cycle * self.cycle_seconds, "s")


class SphereGrid(Settings):
    """A box on the sphere, divided into cells."""

    kind: Literal["sphere"] = "sphere"
    lat: tuple[float, float, PositiveInt] = Field(
        description="Southern and northern edge in degrees, number of cells"
    )
    lon: tuple[float, float, PositiveInt] = Field(
        description="Western and eastern edge in degrees, number of cells"
    )


class PlaneGrid(Settings):
    """A plane of unit cells, for models without geography."""

    kind: Literal["plane"] = "plane"
    shape: tuple[PositiveInt, PositiveInt] = Field(description="Rows and columns")


class EnsembleSettings(Settings):
    """The ensemble and its model noise."""

    members: PositiveInt = Field(25, description="Number of members")
    model_noise: dict[str, FieldNoiseEntry] = Field(
        default_factory=dict,
        description="Noise added each cycle, by field: a standard deviation, e.g. {ssh: 0.01}, or "
        "a section with sd, correlation, length …",
    )
    centred_noise: bool = Field(
        True, description="Whether the noise leaves the mean over members as it is"
    )
    on_failure: Literal["fail", "drop", "replace"] = Field(
        "fail",
        description="When a member's forecast fails: end the run, go on without the member, or "
        "give it a healthy member's forecast",
    )


class DataSettings(Settings):
    """Where grid, forcing, observations and perhaps truth come from."""

    store: str = Field(
        "data.zarr", description="Data store made by `halocast ingest`; relative to the run file"
    )
    twin: Twin | None = Field(
        None, description="Make a synthetic truth and its data in the run's folder instead"
    )
    max_gap_hours: PositiveFloat = Field(
        6.0, description="Longest gap of the forcing that is interpolated across, h"
    )


class CheckpointSettings(Settings):
    """How often all members are written."""

    every: PositiveInt = Field(6, description="Cycles between checkpoints")
    keep: PositiveInt = Field(2, description="Checkpoints kept")


class EngineSettings(Settings):
    """Where the tasks run. Nothing here changes a result."""

    kind: Literal["serial", "dask", "mpi"] = Field("serial", description="The engine")
    workers: PositiveInt | None = Field(
        None, description="Local workers, default one a core; or workers of a cluster to wait for"
    )
    scheduler: str | None = Field(None, description="Address or file of a running scheduler")
    slurm: SlurmPool | None = Field(None, description="Start the Dask workers as SLURM jobs")
    groups: PositiveInt | None = Field(
        None, description="Groups of blocks a cycle is cut into; default one a worker"
    )


class RunSettings(Settings):
    """A run file."""

    name: str = Field(description="Short name of the run")
    description: str = Field("", description="What it is, for the report")
    seed: int = Field(0, ge=0, lt=2**64, description="Seed of every draw of the run")
    time: TimeSettings
    grid: Annotated[SphereGrid | PlaneGrid, Discriminator("kind")]
    model: Annotated[
        ShallowWaterSettings | LinearGaussianSettings | PythonModelSettings | ExternalModelSettings,
        Discriminator("kind"),
    ]
    ensemble: EnsembleSettings = EnsembleSettings()
    data: DataSettings = DataSettings()
    observations: ObservationSettings = ObservationSettings()
    filter: Annotated[FilterSettings, Discriminator("method")]
    update: Annotated[Update, Discriminator("kind")] = DirectUpdate()
    free_run: bool = Field(True, description="Run the same ensemble without assimilation beside")
    reference: Literal["kalman-filter"] | None = Field(
        None, description="Exact filter to score against, where the model is linear"
    )
    checkpoint: CheckpointSettings = CheckpointSettings()
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _members_stay_where_they_are_remembered(self) -> RunSettings:
        policy, method = self.ensemble.on_failure, self.filter.method
        if policy != "fail" and FILTERS[method].remembers_members:
            raise ValueError(
                f"ensemble.on_failure = {policy!r}: {method} may remember something of every "
                "member from cycle to cycle, so none can be lost: use fail"
            )
        return self

    @model_validator(mode="after")
    def _increments_are_each_members_own(self) -> RunSettings:
        if self.update.kind == "incremental":
            _ = self.shares
            method = self.filter.method
            if not FILTERS[method].paired(self.filter):
                raise ValueError(
                    f"update.kind = 'incremental': with filter.method = {method!r} as it is set, "
                    "an analysed member is not its own forecast and an increment (members are "
                    "drawn anew, rotated, or of unknown making): use letkf, etkf or another "
                    "Kalman filter, rhf, qceff, enoi, or kind: direct"
                )
        return self

    @model_validator(mode="after")
    def _kilometres_exist(self) -> RunSettings:
        distance = getattr(self.filter, "distance", "cells")
        if distance != "cells" and isinstance(self.grid, PlaneGrid):
            raise ValueError(
                f"filter.distance = {distance!r}: grid.kind plane has cells without a size, no "
                "kilometres: use cells"
            )
        return self

    @property
    def shares(self) -> np.ndarray:
        """What of an increment enters after each time step of a cycle, (J,), bit by bit."""
        assert self.update.kind == "incremental"
        return steps_of(self.time.cycle_seconds, self.model.time_step, self.update.shape)

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of a block."""
        return getattr(self.filter, "block", (8, 8))

    def to_yaml(self) -> str:
        """Return the whole run file, defaults written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def packaged_runs() -> dict[str, Path]:
    """Return the run files that come with halocast, by name."""
    folder = Path(str(resources.files("halocast"))) / "experiments"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_run_file(name: str | Path) -> Path:
    """Return the path of a run file given by path or by packaged name."""
    path, packaged = Path(name), packaged_runs()
    if path.is_file():
        return path
    if str(name) in packaged:
        return packaged[str(name)]
    close = difflib.get_close_matches(str(name), packaged)
    raise ConfigError(
        f"no run file {str(name)!r}",
        remedy=(f"did you mean {close[0]}? " if close else "")
        + f"Give a path, or one of the packaged: {', '.join(packaged)}",
    )


def read_settings(path: str | Path, overrides: Iterable[str] = ()) -> RunSettings:
    """Read a run file, with overrides ``a.b=c``.

    Raises
    ------
    ConfigError
        With every mistake: its key, its value, and what would be right.
    """
    path = Path(path)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"the run file cannot be read: {error}", where=str(path)) from error
    if not isinstance(tree, dict):
        raise ConfigError("the run file is not a mapping of sections", where=str(path))
    for text in overrides:
        override(tree, text)
    return _located(validate_settings(tree, where=str(path)), path.absolute().parent)


def _located(settings: RunSettings, folder: Path) -> RunSettings:
    """Take in what lies beside the run file: the user's code, and where a program's files are."""
    found: dict[str, Any] = {"observations": settings.observations.located(folder)}
    if isinstance(settings.model, PythonModelSettings | ExternalModelSettings):
        found["model"] = settings.model.located(folder)
    if isinstance(settings.filter, PythonFilterSettings | StaticStates):
        found["filter"] = settings.filter.located(folder)
    return settings.model_copy(update=found)


def validate_settings(tree: Mapping[str, Any], where: str = "") -> RunSettings:
    """Build the settings from a mapping; ConfigError names every mistake."""
    try:
        return RunSettings.model_validate(tree)
    except ValidationError as error:
        problems = [sentence(e, RunSettings) for e in error.errors()]
        noun = "mistake" if len(problems) == 1 else "mistakes"
        raise ConfigError(
            f"{len(problems)} {noun} in the run file:\n" + "\n".join(f"  - {p}" for p in problems),
            where=where,
        ) from None


def override(tree: dict[str, Any], text: str) -> None:
    """Put one override ``a.b=c`` into the tree of a run file."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text!r} is not of the form a.b=c")
    *sections, last = key.split(".")
    for section in sections:
        if not isinstance(tree.get(section), dict):
            tree[section] = {}
        tree = tree[section]
    tree[last] = yaml.safe_load(value)
