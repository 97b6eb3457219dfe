"""What boards hold: problems, methods with their settings, documented numbers.

They are data, in ``boards.yaml`` beside this file; every documented number there names its source.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml
from pydantic import Field, PositiveFloat, PositiveInt

from halocast.errors import ConfigError
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems import problem_of
from halocast.laboratory.registry import MethodEntry
from halocast.settings import Settings


class BoardRow(MethodEntry):
    """A method with its settings, and what is documented of it."""

    name: str = Field(description="What the row is called")
    documented: PositiveFloat | None = Field(None, description="Root mean square error, published")
    source: str = Field("", description="Where the documented number is from, if not the board's")
    why: str = Field("", description="Why ours differs from it, or what else is to be known")
    cycles: PositiveInt | None = Field(None, description="Scored cycles instead of the board's")
    seeds: PositiveInt | None = Field(None, description="Seeds instead of the board's")

    @property
    def entry(self) -> MethodEntry:
        """The method alone."""
        kept = {key: getattr(self, key) for key in MethodEntry.model_fields}
        return MethodEntry.model_validate(kept)


class Board(Settings):
    """A problem and the methods tried on it."""

    name: str = Field(description="A word for it")
    problem: str = Field(description="Name of the problem")
    options: dict[str, Any] = Field(default_factory=dict, description="Its chosen numbers")
    title: str = Field(description="Headline")
    source: str = Field("", description="Where documented numbers are from")
    shows: str = Field("", description="What the board shows")
    cycles: PositiveInt = Field(2000, description="Scored cycles a seed")
    quick_cycles: PositiveInt = Field(200, description="The same in the quick form")
    seeds: PositiveInt = Field(3, description="Independent trials of each row")
    rows: tuple[BoardRow, ...] = Field(description="Its methods")

    def make(self) -> Problem:
        """Return the board's problem."""
        return problem_of(self.problem, **self.options)


def load_boards(only: str | None = None) -> list[Board]:
    """Read the packaged boards; those whose name contains ``only``.

    Raises
    ------
    ConfigError
        There is no such board.
    """
    text = (resources.files("halocast.laboratory.board") / "boards.yaml").read_text("utf-8")
    boards = [Board.model_validate(entry) for entry in yaml.safe_load(text)]
    chosen = [b for b in boards if only is None or only in b.name]
    if not chosen:
        raise ConfigError(
            f"no board {only!r}", remedy=f"one of {', '.join(b.name for b in boards)}"
        )
    return chosen
