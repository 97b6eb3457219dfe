"""What a batch job asks SLURM for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from halocast.errors import ConfigError

# sbatch(1): minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]
_TIME = re.compile(r"(\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2})$")


def is_time_limit(text: str) -> bool:
    """Whether sbatch takes a text as a time limit."""
    return _TIME.match(text) is not None


class Backend(StrEnum):
    """How the run uses its allocation."""

    MPI = "mpi"
    DASK = "dask"


@dataclass(frozen=True)
class Request:
    """One allocation: ``nodes`` times ``tasks_per_node`` ranks or workers, of one core each.

    Raises
    ------
    ConfigError
        The time is not written as sbatch takes it.
    """

    backend: Backend = Backend.MPI
    nodes: int = 1
    tasks_per_node: int = 1
    time: str = "01:00:00"
    partition: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        if not is_time_limit(self.time):
            raise ConfigError(
                f"--time {self.time!r} is not a time limit",
                remedy="write it as sbatch takes it: minutes, HH:MM:SS or D-HH:MM:SS",
            )
        for option, value in (("partition", self.partition), ("account", self.account)):
            if value is not None and not re.fullmatch(r"[\w.,@+-]+", value):
                raise ConfigError(f"--{option} {value!r} is not a name SLURM can have")
