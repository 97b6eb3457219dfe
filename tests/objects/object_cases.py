"""Small runs, and ways to end them early, for the tests of places."""

from __future__ import annotations

from halocast.config import RunSettings, find_run_file, read_settings
from halocast.cycle.driver import Progress
from halocast.engines.serial import SerialEngine
from halocast.runs import carry_out

KEY, SECRET = "AKIAHALOCASTTESTS", "xSecretOfTheHalocastTests/7+93kfWq"
SMALL = [
    "grid.shape=[12,14]",
    "time.cycles=6",
    "ensemble.members=4",
    "filter.halo=2.5",
    "checkpoint.every=2",
]


class Ended(Exception):
    """A process ended here, with no time for anything."""


def small(*overrides: str) -> RunSettings:
    """Settings of a run of half a second."""
    return read_settings(find_run_file("linear-gaussian"), [*SMALL, *overrides])


def carry(where: str, until: int | None = None) -> int:
    """Carry a run out, serially; after a cycle the process ends, if one is given."""

    def watch(progress: Progress) -> None:
        if progress.cycle == until:
            raise Ended

    try:
        return carry_out(where, SerialEngine(), watch=watch)
    except Ended:
        return until or 0
