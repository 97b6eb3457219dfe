"""Small linear-Gaussian runs, to be broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.engines.dask import DaskEngine

LINEAR = [
    "grid.shape=[24,30]",
    "time.cycles=10",
    "ensemble.members=8",
    "filter.halo=2.5",
    "observations.withhold.other=0.1",
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
def two_workers() -> Iterator[DaskEngine]:
    """A Dask engine of two local workers, for all tests of the folder."""
    engine = DaskEngine(workers=2, dashboard=None)
    yield engine
    engine.close()
