"""The combinations of a sweep: every value of one key with every value of the others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from halocast.config import RunSettings, read_settings
from halocast.errors import ConfigError


class Combination(NamedTuple):
    """One point of a sweep: its values by key, and the settings they make."""

    values: dict[str, Any]
    settings: RunSettings

    @property
    def name(self) -> str:
        """The values in a word that can name a folder."""
        parts = (f"{key.split('.')[-1]}={_word(value)}" for key, value in self.values.items())
        return ",".join(parts)


def _word(value: Any) -> str:
    return str(value).replace(" ", "").replace("/", "-")


def parse_vary(text: str) -> tuple[str, list[Any]]:
    """Read ``a.b=1,2,3``; values are YAML, a list in brackets is one value.

    Raises
    ------
    ConfigError
        There is no key or no value, or a value twice.
    """
    key, equals, values = text.partition("=")
    try:
        found = yaml.safe_load(f"[{values}]") if equals and key else []
    except yaml.YAMLError:
        found = []
    if not found:
        raise ConfigError(
            f"--vary {text!r} names no values", remedy="write --vary filter.radius=1,2,3"
        )
    if any(found.count(v) > 1 for v in found):
        raise ConfigError(f"--vary {text!r} has a value twice", remedy="give every value once")
    return key, found


def combine(
    path: Path, vary: Mapping[str, Sequence[Any]], overrides: Sequence[str] = ()
) -> list[Combination]:
    """Make the settings of every combination.

    Raises
    ------
    ConfigError
        With the mistakes of every combination that has some.
    """
    found, mistakes = [], []
    for values in itertools.product(*vary.values()):
        chosen = dict(zip(vary, values, strict=True))
        sets = [f"{key}={yaml.safe_dump(v, default_flow_style=True)}" for key, v in chosen.items()]
        try:
            settings = read_settings(path, [*overrides, *sets])
        except ConfigError as error:
            mistakes.append(f"{chosen}: {error.what}")
            continue
        found.append(Combination(chosen, _bare(settings)))
    if mistakes:
        noun = "combination" if len(mistakes) == 1 else "combinations"
        raise ConfigError(
            f"{len(mistakes)} {noun} cannot run:\n" + "\n".join(mistakes), where=str(path)
        )
    return found


def _bare(settings: RunSettings) -> RunSettings:
    """Leave out what costs time and changes no score of the analysis."""
    checkpoint = settings.checkpoint.model_copy(update={"every": settings.time.cycles, "keep": 1})
    return settings.model_copy(update={"free_run": False, "checkpoint": checkpoint})
