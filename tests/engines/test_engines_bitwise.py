"""The same answer everywhere: engines, workers, groupings, deaths and resumption change no bit."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from halocast.config import RunSettings
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore
from sudden_death import die_before_commit


def run_serially(settings: RunSettings, directory: Path, groups: int | None = None) -> Path:
    """Carry a run out in this process."""
    create_run(settings, directory)
    carry_out(directory, SerialEngine(), groups=groups)
    return directory


@pytest.fixture(scope="module", params=["linear", "natl"])
def settings(request: pytest.FixtureRequest) -> RunSettings:
    """Settings of each experiment in turn."""
    return request.getfixturevalue(request.param)("engine.kind=serial", "engine.workers=null")


@pytest.fixture(scope="module")
def serial(settings: RunSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run everything is held against."""
    return run_serially(settings, tmp_path_factory.mktemp("serial") / "run")


def test_a_run_equals_itself_and_differs_from_another_seed(
    settings: RunSettings, serial: Path, tmp_path: Path
) -> None:
    again = run_serially(settings, tmp_path / "again")
    assert compare_runs(serial, again) is None
    other = run_serially(settings.model_copy(update={"seed": 12345}), tmp_path / "other")
    difference = compare_runs(serial, other)
    assert difference is not None
    assert "cycle 1" in str(difference)


@pytest.mark.parametrize("groups", [2, 7, 10_000])
def test_any_grouping_of_blocks_gives_the_same_bits(
    groups: int, settings: RunSettings, serial: Path, tmp_path: Path
) -> None:
    if groups == 10_000 and settings.model.kind == "shallow-water":
        groups = 61  # 1,400 groups of one block take minutes, mostly in truth and scores
    assert compare_runs(serial, run_serially(settings, tmp_path / "run", groups)) is None


@pytest.mark.parametrize("workers", [1, 2])
def test_dask_gives_the_same_bits(
    workers: int, settings: RunSettings, serial: Path, tmp_path: Path
) -> None:
    engine = DaskEngine(workers=workers, dashboard=None)
    try:
        create_run(settings, tmp_path / "run")
        carry_out(tmp_path / "run", engine, groups=3)
    finally:
        engine.close()
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_killed_worker_changes_no_bit(
    settings: RunSettings, serial: Path, tmp_path: Path
) -> None:
    engine = DaskEngine(workers=2, dashboard=None)
    victims = sorted(engine._client.run(os.getpid).items())
    killed: list[int] = []

    def kill_once(progress) -> None:
        if not killed:
            killed.append(victims[0][1])
            os.kill(killed[0], signal.SIGKILL)

    try:
        create_run(settings, tmp_path / "run")
        carry_out(tmp_path / "run", engine, watch=kill_once)
    finally:
        engine.close()
    assert killed
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_run_killed_in_mid_cycle_resumes_to_the_same_bits(
    settings: RunSettings, serial: Path, tmp_path: Path
) -> None:
    create_run(settings, tmp_path / "run")
    fatal = settings.checkpoint.every + 1
    die_before_commit(tmp_path / "run", fatal)
    store = RunStore.open(tmp_path / "run")
    assert store.committed() == fatal - 1
    assert store.last_checkpoint() == settings.checkpoint.every
    carry_out(tmp_path / "run", SerialEngine())
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_run_killed_before_its_first_checkpoint_recomputes_what_it_had_committed(
    linear, tmp_path: Path
) -> None:
    settings = linear("engine.kind=serial")
    create_run(settings, tmp_path / "run")
    die_before_commit(tmp_path / "run", 3)
    carry_out(tmp_path / "run", SerialEngine())
    assert compare_runs(run_serially(settings, tmp_path / "whole"), tmp_path / "run") is None
