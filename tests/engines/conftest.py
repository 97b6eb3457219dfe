"""Small runs to compare: a linear-Gaussian one, and a short North Atlantic from its data store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.runs import create_run
from linear_runs import WITHHELD, linear_settings

NATL = [
    "time.start=2024-08-01T08:00:00",  # two SWOT passes in the next hours
    "time.cycles=3",
    "ensemble.members=6",
    "checkpoint.every=2",
]

Settings = Callable[..., RunSettings]


@pytest.fixture(scope="session")
def linear() -> Settings:
    """Settings of the small linear-Gaussian run, a tenth of its observations withheld."""
    return partial(linear_settings, WITHHELD)


@pytest.fixture(scope="session")
def natl(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the short North Atlantic run; its product files are made and ingested once."""
    made: Path = tmp_path_factory.mktemp("natl") / "made"
    path = find_run_file("natl-demo")
    create_run(read_settings(path, [*NATL, "data.twin.spin_up_hours=3"]), made)

    def settings(*overrides: str) -> RunSettings:
        data = ["data.twin=null", f"data.store={made / 'data.zarr'}"]
        return read_settings(path, [*NATL, *data, *overrides])

    return settings
