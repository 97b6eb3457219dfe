"""Small runs of window methods: a linear-Gaussian one, and a short North Atlantic."""

from __future__ import annotations

from pathlib import Path

import pytest
from block_runs import ALWAYS, LINEAR, NATL, Make
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.runs import create_run


@pytest.fixture(scope="session")
def linear() -> Make:
    """Settings of the small linear-Gaussian run."""

    def settings(*overrides: str) -> RunSettings:
        return read_settings(find_run_file("linear-gaussian"), [*LINEAR, *ALWAYS, *overrides])

    return settings


@pytest.fixture(scope="session")
def natl(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Settings of the short North Atlantic run; its product files are made and ingested once."""
    made: Path = tmp_path_factory.mktemp("natl") / "made"
    path, basic = find_run_file("natl-demo"), [*NATL, *ALWAYS]
    create_run(read_settings(path, [*basic, "data.twin.spin_up_hours=2"]), made)

    def settings(*overrides: str) -> RunSettings:
        data = ["data.twin=null", f"data.store={made / 'data.zarr'}"]
        return read_settings(path, [*basic, *data, *overrides])

    return settings
