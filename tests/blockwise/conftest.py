"""Small runs of window methods: a linear-Gaussian one, and a short North Atlantic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.runs import create_run
from window_cases import OWN, STATIC, WINDOW_METHODS, static_file

ALWAYS = ["engine.kind=serial", "engine.workers=null", "free_run=false", "checkpoint.every=2"]
LINEAR = ["grid.shape=[16, 20]", "time.cycles=4", "ensemble.members=6", "reference=null"]
NATL = [
    "time.start=2024-08-01T08:00:00",  # SWOT passes in the next hours
    "time.cycles=2",
    "ensemble.members=5",
    "grid.lat=[10, 45, 35]",
    "grid.lon=[-60, -20, 40]",
]

Make = Callable[..., RunSettings]


def section(method: str, fields: int = 1, shape=(16, 20), **options: object) -> str:
    """The override that makes a method the run's; the state is of so many fields."""
    halo = 0.0 if WINDOW_METHODS[method].own_only else 3.0
    given = {"method": method, "block": [4, 5], "halo": halo}
    if method == "python":
        given |= {"class": "my_filter:Nudge", "source": OWN}
    if method == "tail-etkf":
        given |= {"interval": 1.0, "half_life": 2.0, "tail": 10}
    if method in STATIC:
        given["static"] = static_file(fields, shape)
    return "filter=" + yaml.safe_dump({**given, **options}, default_flow_style=True)


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
