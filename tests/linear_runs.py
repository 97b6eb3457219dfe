"""The small linear-Gaussian run that rooms break, move, stop and hold against each other."""

from __future__ import annotations

from halocast.config import RunSettings, find_run_file, read_settings

LINEAR = [
    "grid.shape=[24,30]",
    "time.cycles=10",
    "ensemble.members=8",
    "filter.halo=2.5",
    "checkpoint.every=4",
    "engine.kind=serial",
    "engine.workers=null",
]
WITHHELD = "observations.withhold.other=0.1"


def linear_settings(*overrides: str) -> RunSettings:
    """Settings of the small linear-Gaussian run."""
    return read_settings(find_run_file("linear-gaussian"), [*LINEAR, *overrides])
