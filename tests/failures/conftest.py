"""Small linear-Gaussian runs, to be broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from halocast.config import RunSettings
from halocast.engines.dask import DaskEngine
from linear_runs import WITHHELD, linear_settings


@pytest.fixture(scope="session")
def linear() -> Callable[..., RunSettings]:
    """Settings of the small linear-Gaussian run, a tenth of its observations withheld."""
    return partial(linear_settings, WITHHELD)


@pytest.fixture(scope="session")
def two_workers() -> Iterator[DaskEngine]:
    """A Dask engine of two local workers, for all tests of the folder."""
    engine = DaskEngine(workers=2, dashboard=None)
    yield engine
    engine.close()
