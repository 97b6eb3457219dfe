"""A run that is asked to stop ends between two cycles, with a checkpoint, and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from failing_processes import finished, start_until_signal
from halocast.cli.running import stop_and_show
from halocast.cycle.driver import Driver
from halocast.cycle.stopping import request_stop, stop_requested, stop_signals
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.errors import RunStopped
from halocast.runs import carry_out, create_run, stored_settings
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore
from rich.console import Console

CYCLES = 60  # some seconds, of which a test needs the first few
SMALL = ["--set", "grid.shape=[24, 30]", "--set", "ensemble.members=8",
         "--set", f"time.cycles={CYCLES}", "--set", "checkpoint.every=50"]  # fmt: skip


@contextmanager
def running(directory: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the small experiment in a process group of its own, which is gone afterwards."""
    command = [sys.executable, "-m", "halocast", "run", "linear-gaussian", *SMALL]
    process = subprocess.Popen(
        [*command, "--output", str(directory), "--log-format", "json", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for_cycle(process: subprocess.Popen[str], cycle: int) -> None:
    """Read what a run says until it says that a cycle is committed."""
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        if said["event"] == "cycle" and said["cycle"] >= cycle:
            return
    raise AssertionError(f"the run ended before cycle {cycle}: {process.communicate()[1]}")


def events(text: str) -> list[str]:
    """Return what kinds of things were said."""
    return [json.loads(line)["event"] for line in text.splitlines()]


def newest(directory: Path) -> tuple[int, int]:
    """Return the last committed cycle and the newest checkpoint."""
    store = RunStore.open(directory)
    return store.committed(), store.last_checkpoint()


@pytest.fixture(scope="module")
def whole(linear: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    create_run(linear(), directory)
    carry_out(directory, SerialEngine())
    return directory


def stop_after(cycle: int) -> tuple[Callable, Callable]:
    """Return a watcher and what tells to stop once it saw a cycle."""
    seen: list[int] = []
    return lambda progress: seen.append(progress.cycle), lambda: bool(seen) and seen[-1] >= cycle


def test_a_signal_ends_the_cycle_with_a_checkpoint_and_code_75(tmp_path: Path) -> None:
    with running(tmp_path / "run") as process:
        wait_for_cycle(process, 3)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 75, err
    assert events(out)[-1] == "stopped"
    assert "SIGTERM: stopping after this cycle" in err
    committed, checkpoint = newest(tmp_path / "run")
    assert 3 < committed == checkpoint < CYCLES


def test_a_second_signal_ends_the_run_at_once_and_loses_no_committed_cycle(
    linear: Callable, tmp_path: Path
) -> None:
    create_run(linear("time.cycles=1000"), tmp_path / "run")
    process, reached = start_until_signal(tmp_path / "run")
    assert process.pid is not None
    assert reached.wait(60)
    # both are there when it goes on
    for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
        os.kill(process.pid, number)
    assert finished(process) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    store = RunStore.open(tmp_path / "run")
    assert 0 < store.committed() < 1000
    assert store.damaged(store.committed()) == []


def test_ctrl_c_in_a_terminal_leaves_the_local_workers_to_finish(tmp_path: Path) -> None:
    with running(tmp_path / "run", "--engine", "dask", "--workers", "1") as process:
        wait_for_cycle(process, 2)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 75, err
    committed, checkpoint = newest(tmp_path / "run")
    assert 2 < committed == checkpoint < CYCLES


def test_halocast_stop_stops_a_run_that_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    with running(tmp_path / "run") as process:
        wait_for_cycle(process, 1)
        process.send_signal(signal.SIGSTOP)  # a cycle takes less than a command
        said = halocast("stop", tmp_path / "run")
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=300)
    assert process.returncode == 75
    assert "halocast resume" in said
    committed, checkpoint = newest(tmp_path / "run")
    assert 1 < committed == checkpoint < CYCLES
    assert carry_out(tmp_path / "run", SerialEngine()) == CYCLES
    create_run(stored_settings(tmp_path / "run"), tmp_path / "whole")
    carry_out(tmp_path / "whole", SerialEngine())
    assert compare_runs(tmp_path / "whole", tmp_path / "run") is None
    console = Console(record=True, file=StringIO())
    stop_and_show(console, tmp_path / "run")
    assert "nothing to stop" in console.export_text()
    assert not stop_requested(tmp_path / "run")


def halocast(command: str, directory: Path) -> str:
    """Run a command on a folder and return what it says."""
    words: Sequence[str] = [sys.executable, "-m", "halocast", command, str(directory)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=True).stdout


@pytest.mark.parametrize("kind", ["serial", "dask"])
def test_a_stopped_run_resumes_to_the_same_bits(
    kind: str, linear: Callable, whole: Path, two_workers: DaskEngine, tmp_path: Path
) -> None:
    engine = two_workers if kind == "dask" else SerialEngine()
    create_run(linear(), tmp_path / "run")
    watch, stop = stop_after(2)
    with pytest.raises(RunStopped, match="of 10 cycles are committed"):
        carry_out(tmp_path / "run", engine, watch=watch, stop=stop)
    committed, checkpoint = newest(tmp_path / "run")
    # of a cycle that is under way behind another, as Dask has it, the end is waited for
    assert committed == checkpoint == 3
    assert carry_out(tmp_path / "run", engine) == 10
    assert compare_runs(whole, tmp_path / "run") is None


def test_a_cycle_that_was_committed_before_becomes_a_checkpoint(
    linear: Callable, whole: Path, tmp_path: Path
) -> None:
    create_run(linear(), tmp_path / "run")
    for progress in Driver(tmp_path / "run", SerialEngine()).run():
        if progress.cycle == 7:
            break  # dies three cycles after its checkpoint
    watch, stop = stop_after(5)
    with pytest.raises(RunStopped):
        carry_out(tmp_path / "run", SerialEngine(), watch=watch, stop=stop)
    assert newest(tmp_path / "run") == (7, 6)
    assert carry_out(tmp_path / "run", SerialEngine()) == 10
    assert compare_runs(whole, tmp_path / "run") is None


def test_stopping_in_the_last_cycle_is_no_stop(linear: Callable, tmp_path: Path) -> None:
    create_run(linear("time.cycles=3"), tmp_path / "run")
    watch, stop = stop_after(2)
    assert carry_out(tmp_path / "run", SerialEngine(), watch=watch, stop=stop) == 3


def test_an_old_request_does_not_stop_a_run_that_begins(linear: Callable, tmp_path: Path) -> None:
    create_run(linear("time.cycles=2"), tmp_path / "run")
    request_stop(tmp_path / "run")
    assert carry_out(tmp_path / "run", SerialEngine()) == 2
    assert not stop_requested(tmp_path / "run")


def test_handlers_of_signals_are_given_back() -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    with stop_signals() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGUSR1)
        assert stop()
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
        assert ended.value.code == 128 + signal.SIGTERM
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before
