"""What the tables are made of: experiments, in settings, with cases (``cases.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import Field, PositiveInt

from halocast.config import RunSettings, find_run_file, validate_settings
from halocast.errors import ConfigError
from halocast.settings import Settings

FREE_RUN = "free-run"
_CHECKPOINTS = 10


class Case(Settings):
    """A method in a setting."""

    name: str = Field(description="Names its folder and its results")
    method: str = Field(description="What its row is called")
    set: dict[str, Any] = Field(default_factory=dict, description="Overrides of the run file")
    quick: dict[str, Any] = Field(default_factory=dict, description="More, in the quick form")
    seeds: PositiveInt = Field(1, description="Independent runs")
    published: str | None = Field(None, description="Its row of the published table")
    averaged: str | None = Field(
        None, description="The published row of the mean over the runs; given, it is scored too"
    )


class Setting(Settings):
    """A run file, its judges and the methods that run in it."""

    run: str = Field(description="Name of a packaged run file")
    judges: tuple[str, ...] = Field(description="What is scored against, the published table first")
    quick: dict[str, Any] = Field(default_factory=dict, description="Overrides, quick form")
    cases: tuple[Case, ...]

    @property
    def all_cases(self) -> tuple[Case, ...]:
        """The cases, and the free run."""
        free = Case(name=FREE_RUN, method="free run", set={"filter": {"method": "free-run"}})
        return (*self.cases, free)


class Experiment(Settings):
    """An experiment of the paper."""

    title: str
    section: str = Field(description="Of the paper")
    settings: dict[str, Setting]


@cache
def experiments() -> dict[str, Experiment]:
    """Return the packaged experiments by name."""
    tree = packaged("cases.yaml")["experiments"]
    return {name: Experiment.model_validate(entry) for name, entry in tree.items()}


def packaged(name: str) -> Any:
    """Read one of this package's YAML files."""
    text = resources.files("halocast.tables").joinpath(name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


def chosen(only: str | None) -> dict[str, Experiment]:
    """Return all experiments, or one by name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    found = experiments()
    if only is None:
        return found
    if only not in found:
        raise ConfigError(
            f"no experiment {only!r} in the tables", remedy=f"one of {', '.join(found)}"
        )
    return {only: found[only]}


def case_settings(setting: Setting, case: Case, quick: bool) -> list[RunSettings]:
    """Return the settings of a case's runs, one a seed.

    The free run is a case of its own, so no other carries one along; members are kept about ten
    times a run, for rank histograms.

    Raises
    ------
    ConfigError
        The case does not fit its run file.
    """
    tree = yaml.safe_load(find_run_file(setting.run).read_text(encoding="utf-8"))
    for overrides in (case.set, *((setting.quick, case.quick) if quick else ())):
        for key, value in overrides.items():
            _put(tree, key, value)
    tree["free_run"] = False
    tree["engine"] = {"kind": "serial"}
    every = max(1, tree["time"]["cycles"] // _CHECKPOINTS)
    tree["checkpoint"] = {"every": every, "keep": _CHECKPOINTS + 1}
    seed = tree.get("seed", 0)
    where = f"{setting.run}, case {case.name}"
    return [validate_settings({**tree, "seed": seed + k}, where) for k in range(case.seeds)]


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        if not isinstance(tree.get(section), Mapping):
            tree[section] = {}
        tree = tree[section]
    tree[last] = value
