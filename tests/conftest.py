"""Fixtures shared by all rooms."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from halocast.config import RunSettings
from linear_runs import linear_settings

# files that take minutes; begun last, they would be waited for with one core idle
LONGEST = ("test_journeys.py", "test_mpi_bitwise.py", "test_slurm_runs.py", "test_bridge_edges.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the long forms too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)
    if config.getoption("--full"):
        return
    for item in items:
        if "full" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="long form: run with --full"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real product samples, which is not part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HALOCAST_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real product samples at {folder} (set HALOCAST_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def linear() -> Callable[..., RunSettings]:
    """Settings of the small linear-Gaussian run, with any overrides."""
    return linear_settings


@pytest.fixture(scope="session")
def serial(linear: Callable[..., RunSettings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small linear-Gaussian run, carried out serially."""
    from halocast.engines import SerialEngine
    from halocast.runs import carry_out, create_run

    directory = tmp_path_factory.mktemp("serial") / "run"
    create_run(linear(), directory)
    carry_out(directory, SerialEngine())
    return directory
