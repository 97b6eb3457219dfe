"""Any number of ranks gives the serial bits, and moves little more than must be moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.cycle.traffic import Sizes, Traffic, least_bytes
from halocast.engines import SerialEngine
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs

SIZES = (1, 2, 3, 5)
# members and blocks that 3 and 5 do not divide; fewer members than ranks; fewer blocks than ranks
LINEAR = {
    "odd": ["ensemble.members=8", "filter.halo=2.5", "checkpoint.every=2"],
    "few": ["ensemble.members=4", "filter.block=[12, 30]", "free_run=false"],
    "smooth": [
        "ensemble.members=6",
        "ensemble.model_noise={z: {sd: 0.05, correlation: gaspari-cohn, length: 2}}",
        "filter={method: bridge, halo: 4}",
    ],
    "large": [
        "grid.shape=[60, 70]",
        "ensemble.members=40",
        "time.cycles=2",
        "data.twin={kind: linear-gaussian, coverage: public-generator, error: 0.05}",
    ],
}
NATL = [
    "time.start=2024-08-01T08:00:00",  # SWOT passes in the next hours
    "time.cycles=2",
    "ensemble.members=6",
    "grid.lat=[10, 45, 35]",
    "grid.lon=[-60, -20, 40]",
]
ALWAYS = ["engine.kind=serial", "engine.workers=null", "checkpoint.every=2"]


def linear(*overrides: str) -> RunSettings:
    basic = ["grid.shape=[24, 30]", "time.cycles=3", "observations.withhold.other=0.1"]
    path = find_run_file("linear-gaussian")
    return read_settings(path, [*basic, *ALWAYS, *overrides])


def natl(folder: Path, *overrides: str) -> RunSettings:
    """Return the short North Atlantic; its product files are made and ingested in a folder."""
    path, basic = find_run_file("natl-demo"), [*NATL, *ALWAYS, *overrides]
    create_run(read_settings(path, [*basic, "data.twin.spin_up_hours=2"]), folder)
    data = ["data.twin=null", f"data.store={folder / 'data.zarr'}"]
    return read_settings(path, [*basic, *data])


def on_all_sizes(on_ranks, programs: Path, folder: Path, runs: dict[str, RunSettings]) -> None:
    """Carry runs out serially and on every number of ranks."""
    files = []
    for name, settings in runs.items():
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(settings.to_yaml(), encoding="utf-8")
        create_run(settings, folder / f"{name}-serial")
        carry_out(folder / f"{name}-serial", SerialEngine())
    ended = on_ranks(5, programs / "carry_out.py", folder, *files)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def folder(on_ranks, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all runs on all sizes, and ``traffic.json``."""
    folder = tmp_path_factory.mktemp("runs")
    runs = {name: linear(*overrides) for name, overrides in LINEAR.items()}
    runs["natl"] = natl(folder / "made")
    on_all_sizes(on_ranks, programs, folder, runs)
    return folder


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*LINEAR, "natl"])
def test_ranks_change_no_bit(name: str, size: int, folder: Path) -> None:
    assert compare_runs(folder / f"{name}-serial", folder / f"{name}-{size}") is None


@pytest.mark.parametrize("size", SIZES[1:])
def test_what_is_moved_is_within_a_fifth_of_the_least(size: int, folder: Path) -> None:
    found = json.loads((folder / "traffic.json").read_text(encoding="utf-8"))
    assert f"large-{SIZES[0]}" not in found, "one rank moves nothing"
    large = found[f"large-{size}"]
    assert 1.0 < large["ratio"] < 1.2, large["text"]
    assert large["moved"].keys() >= {"prepare", "cut", "piece", "keep"}


def test_each_way_costs_the_state_of_members_that_are_not_there_already() -> None:
    sizes = Sizes(
        members=20, fields=3, cells=1000, tracks=2, rows=50.0, batches=4, groups=4,
        correlated_noise=False,
    )  # fmt: skip
    least = least_bytes(sizes)
    assert least["to groups"] == least["back"] == 2 * 20 * 3 * 1000 * 8 * 3 / 4
    assert least["observations"] == 20 * 50 * 8 * 3 / 4  # each row is needed by one group, …
    everywhere = least_bytes(sizes._replace(sees_all=True))  # … or by all four
    assert everywhere["observations"] == 4 * least["observations"]
    alone = least_bytes(sizes._replace(batches=1, groups=1))
    assert sum(alone.values()) == 0
    smooth = least_bytes(sizes._replace(correlated_noise=True))
    assert smooth["noise"] == 20 * 3 * 1000 * 8 * 3 / 4
    assert Traffic({"cut": 3.0}, {"back": 2.0}).ratio == 1.5
