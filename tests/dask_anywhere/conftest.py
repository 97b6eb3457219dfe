"""Small linear-Gaussian runs, and the serial one they are held against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.engines import SerialEngine
from halocast.runs import carry_out, create_run

LINEAR = [
    "grid.shape=[24,30]",
    "time.cycles=10",
    "ensemble.members=8",
    "filter.halo=2.5",
    "checkpoint.every=4",
    "engine.kind=serial",
    "engine.workers=null",
]


@pytest.fixture(scope="session")
def linear() -> Callable[..., RunSettings]:
    """Settings of the small linear-Gaussian run."""

    def settings(*overrides: str) -> RunSettings:
        return read_settings(find_run_file("linear-gaussian"), [*LINEAR, *overrides])

    return settings


@pytest.fixture(scope="session")
def serial(linear: Callable[..., RunSettings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run everything is held against."""
    directory = tmp_path_factory.mktemp("serial") / "run"
    create_run(linear(), directory)
    carry_out(directory, SerialEngine())
    return directory
