"""The small runs' settings, and how engines are held against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml
from halocast.config import RunSettings
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
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


def serial(settings: RunSettings, directory: Path, groups: int | None = None) -> Path:
    """Carry a run out in this process; returns its folder."""
    create_run(settings, directory)
    carry_out(directory, SerialEngine(), groups=groups)
    return directory


def compare_engines(settings: RunSettings, engine: DaskEngine, folder: Path) -> Path:
    """Hold a run on Dask, in three groups, and one in five groups against the serial one."""
    alone = serial(settings, folder / "serial")
    assert compare_runs(alone, serial(settings, folder / "groups", 5)) is None
    create_run(settings, folder / "dask")
    carry_out(folder / "dask", engine, groups=3)
    assert compare_runs(alone, folder / "dask") is None
    return alone
