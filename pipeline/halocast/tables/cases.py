"""What the tables hold: experiments, their settings, methods and published figures.

The cases are data, in ``cases.yaml`` beside this file; every figure there names its source.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

import yaml
from pydantic import Field, PositiveInt

from halocast.config import RunSettings, find_run_file, read_settings
from halocast.errors import ConfigError
from halocast.settings import Settings

FREE_RUN = "free run (no assimilation)"


class Method(Settings):
    """One row of a table."""

    name: str = Field(description="What the row is called")
    filter: dict[str, Any] = Field(description="The filter section of the run file")
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="Other keys, e.g. ensemble.centred_noise: true"
    )
    replicates: PositiveInt = Field(1, description="Independent runs that are averaged")
    published: dict[str, float] = Field(
        default_factory=dict, description="Published root mean square errors, by column"
    )


class Case(Settings):
    """One table: an experiment in one setting, and its methods."""

    experiment: str = Field(description="Name of the experiment")
    setting: str = Field(description="as published, fair, or the field's filters")
    run: str = Field(description="Packaged run file")
    title: str = Field(description="Headline")
    judge: str = Field(description="What errors are held against")
    also: str | None = Field(None, description="What they are held against beside")
    published_cycles: PositiveInt = Field(240, description="Cycles of the published experiment")
    source: str = Field("", description="Where the published figures come from")
    cycles: PositiveInt | None = Field(None, description="Cycles in the full form; null: all")
    quick: dict[str, Any] = Field(default_factory=dict, description="Keys of the quick form")
    differs: str = Field("", description="What differs from the paper's set-up")
    shows: str = Field("", description="What the table shows")
    methods: tuple[Method, ...] = Field(description="Its rows")

    @property
    def rows(self) -> tuple[Method, ...]:
        """The methods, and the run without assimilation."""
        return (*self.methods, Method(name=FREE_RUN, filter={"method": "free-run"}))

    @property
    def name(self) -> str:
        """Experiment and setting in a word."""
        return f"{self.experiment}-{self.setting.split()[-1]}"


def load_cases(only: str | None = None) -> list[Case]:
    """Read the packaged cases; those of one experiment with ``only``.

    Raises
    ------
    ConfigError
        There is no such experiment.
    """
    text = (resources.files("halocast.tables") / "cases.yaml").read_text(encoding="utf-8")
    cases = [Case.model_validate(entry) for entry in yaml.safe_load(text)]
    if only is None:
        return cases
    chosen = [c for c in cases if only in (c.experiment, c.name)]
    if not chosen:
        known = sorted({c.experiment for c in cases} | {c.name for c in cases})
        raise ConfigError(f"no experiment {only!r}", remedy=f"one of {', '.join(known)}")
    return chosen


def method_settings(
    case: Case, method: Method, replicate: int, *, quick: bool, cycles: int | None = None
) -> RunSettings:
    """Return the run file of one replicate of a row; the free run is a row of its own."""
    sets = [] if case.cycles is None else [f"time.cycles={case.cycles}"]
    keys = {**(case.quick if quick else {}), **method.overrides, "filter": method.filter}
    sets += [f"{key}={json.dumps(value)}" for key, value in keys.items()]
    if cycles is not None:
        sets.append(f"time.cycles={cycles}")
    settings = read_settings(find_run_file(case.run), [*sets, "free_run=false"])
    last = settings.checkpoint.model_copy(update={"every": settings.time.cycles, "keep": 1})
    return settings.model_copy(update={"seed": settings.seed + replicate, "checkpoint": last})


def columns(variables: Iterable[str]) -> list[str]:
    """Return the columns of errors for some scored variables: velocity is u and v together."""
    present = set(variables)
    named = {"velocity": {"u", "v"}, "t": {"t"}, "ssh": {"ssh"}, "z": {"z"}}
    return [name for name, members in named.items() if members & present]
