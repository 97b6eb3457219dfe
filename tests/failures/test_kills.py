"""A run that is killed, anywhere and any number of times, resumes to the same bits."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from failing_processes import (
    TASKS,
    WRITES,
    carry_on,
    die_after_task,
    die_after_write,
    die_at_rename,
    finished,
    start,
)
from halocast.config import RunSettings
from halocast.runs import create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore

SHORT = ["time.cycles=6", "checkpoint.every=2", "checkpoint.keep=1", "ensemble.members=5"]


@pytest.fixture(scope="module")
def short(linear: Callable[..., RunSettings]) -> RunSettings:
    """Settings of a run of three checkpoints."""
    return linear(*SHORT)


@pytest.fixture(scope="module")
def whole(short: RunSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody killed; beside it, how many files it has named."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    create_run(short, directory)
    assert finished(start(die_at_rename, directory, 0)) == 0
    return directory


def require_equal(whole: Path, directory: Path) -> None:
    """Require the same bits, in the store as in the commit records, and nothing left behind."""
    assert compare_runs(whole, directory) is None
    store, other = RunStore.open(directory), RunStore.open(whole)
    last = store.committed()
    assert all(store.damaged(cycle) == [] for cycle in range(1, last + 1))
    assert store.last_checkpoint() == other.last_checkpoint() == last
    for track in ("analysis", "free"):
        for member in range(store.spec.members):
            ours, theirs = (s.read_checkpoint(track, last, member) for s in (store, other))
            assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    ("deadly", "stage"),
    [(die_after_task, word) for word in TASKS] + [(die_after_write, name) for name in WRITES],
)
def test_killed_at_any_stage(
    deadly: Callable[..., None], stage: str, short: RunSettings, whole: Path, tmp_path: Path
) -> None:
    create_run(short, tmp_path / "run")
    assert finished(start(deadly, tmp_path / "run", stage)) == -signal.SIGKILL
    assert 2 <= RunStore.open(tmp_path / "run").committed() <= 4
    assert finished(start(carry_on, tmp_path / "run")) == 0
    require_equal(whole, tmp_path / "run")


def killed_before_file(number: int, short: RunSettings, whole: Path, directory: Path) -> None:
    create_run(short, directory)
    assert finished(start(die_at_rename, directory, number)) == -signal.SIGKILL
    assert finished(start(carry_on, directory)) == 0
    require_equal(whole, directory)


def files_named(whole: Path) -> int:
    """Return how many files the whole run has named; some for every cycle at least."""
    count = int((whole.parent / "renames.txt").read_text())
    assert count > 100
    return count


def test_killed_before_some_files_come_to_be(
    short: RunSettings, whole: Path, tmp_path: Path
) -> None:
    for number in np.linspace(1, files_named(whole), 4).astype(int).tolist():
        killed_before_file(number, short, whole, tmp_path / f"run-{number}")


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_killed_before_any_file_comes_to_be(
    short: RunSettings, whole: Path, tmp_path: Path
) -> None:
    for number in range(1, files_named(whole) + 1):
        killed_before_file(number, short, whole, tmp_path / f"run-{number}")


def killed_at_random(runs: range, settings: RunSettings, whole: Path, folder: Path) -> None:
    """Kill each run at random moments, three times or until it is done; then let it finish."""
    create_run(settings, folder / "timed")
    began = time.perf_counter()
    assert finished(start(carry_on, folder / "timed")) == 0
    seconds = time.perf_counter() - began
    deaths = 0
    for run in runs:
        directory = folder / f"run-{run}"
        create_run(settings, directory)
        for share in np.random.default_rng(run).uniform(size=3):
            process = start(carry_on, directory)
            process.join(share * seconds)
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
            deaths += finished(process) == -signal.SIGKILL
        assert finished(start(carry_on, directory)) == 0
        require_equal(whole, directory)
    assert deaths >= len(runs)  # of three each: most runs were hit, many more than once


def test_killed_at_random_moments(short: RunSettings, whole: Path, tmp_path: Path) -> None:
    killed_at_random(range(8), short, whole, tmp_path)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_killed_at_random_moments_fifty_runs(
    short: RunSettings, whole: Path, tmp_path: Path
) -> None:
    killed_at_random(range(100, 150), short, whole, tmp_path)
