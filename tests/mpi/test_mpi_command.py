"""The command line on ranks: one voice, one exit code, one world; deaths survived."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.engines import SerialEngine
from halocast.engines.launch import Launch, launched
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore

HALOCAST = ("-m", "halocast")
SETTINGS = [
    "grid.shape=[24, 30]",
    "time.cycles=400",
    "ensemble.members=5",
    "checkpoint.every=4",
    "free_run=false",
]


def settings(cycles: int) -> RunSettings:
    sets = [*SETTINGS, f"time.cycles={cycles}"]
    return read_settings(find_run_file("linear-gaussian"), sets)


@pytest.fixture
def run_file(tmp_path: Path) -> Callable[[int], Path]:
    """Write the run file of a run of some cycles on MPI."""

    def write(cycles: int) -> Path:
        path, of = tmp_path / "run.yaml", settings(cycles)
        engine = of.engine.model_copy(update={"kind": "mpi"})
        path.write_text(of.model_copy(update={"engine": engine}).to_yaml(), encoding="utf-8")
        return path

    return write


def wait_for_cycle(process: subprocess.Popen, directory: Path, cycle: int) -> None:
    """Wait until a cycle of a run is committed."""
    until = time.monotonic() + 300
    while not (directory / "commits" / f"{cycle:06d}.json").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "no cycle is committed"
        time.sleep(0.01)


def rank_process(process: subprocess.Popen, rank: int) -> int:
    """Return the process id of a rank."""
    pending, found = [process.pid], {}
    while pending:
        pid = pending.pop()
        for task in Path(f"/proc/{pid}/task").iterdir():
            pending += map(int, (task / "children").read_text().split())
        words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        named = dict(w.partition("=")[::2] for w in words)
        found[named.get("PMI_RANK", named.get("OMPI_COMM_WORLD_RANK"))] = pid
    return found[str(rank)]


def test_a_run_whose_rank_was_killed_is_resumed_to_the_serial_bits(
    launch, on_ranks, run_file, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    dying = launch(2, *HALOCAST, "run", run_file(12), "--output", directory)
    wait_for_cycle(dying, directory, 5)
    os.kill(rank_process(dying, 1), signal.SIGKILL)
    dying.communicate(timeout=300)
    assert dying.returncode != 0
    committed = RunStore.open(directory).committed()
    assert 5 <= committed < 12
    ended = on_ranks(2, *HALOCAST, "resume", directory, "--log-format", "json")
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["engine"] for line in lines if line["event"] == "begin"] == ["mpi"]
    assert sum(line["event"] == "done" for line in lines) == 1, "only the first rank speaks"
    (traffic,) = [line for line in lines if line["event"] == "traffic"]
    assert traffic["moved"].keys() >= {"cut", "piece"}
    assert traffic["level"] == "info"
    create_run(settings(12), tmp_path / "serial")
    carry_out(tmp_path / "serial", SerialEngine())
    assert compare_runs(tmp_path / "serial", directory) is None


def test_a_mistake_is_said_once_and_ends_all_ranks(on_ranks, run_file, tmp_path: Path) -> None:
    path = run_file(12)
    path.write_text(path.read_text().replace("members: 5", "membres: 5"), encoding="utf-8")
    ended = on_ranks(2, *HALOCAST, "run", path, "--output", tmp_path / "run")
    assert ended.returncode == 2
    assert ended.stderr.count("membres: unknown key") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.full
def test_an_error_of_the_first_rank_alone_ends_all_ranks(
    on_ranks, run_file, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("keep")
    ended = on_ranks(3, *HALOCAST, "run", run_file(12), "--output", tmp_path / "run")
    assert ended.returncode == 2
    assert ended.stderr.count("exists and is not empty") == 1


@pytest.mark.full
@pytest.mark.parametrize("rank", [0, 2])
def test_any_rank_may_die(rank: int, launch, on_ranks, run_file, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    dying = launch(3, *HALOCAST, "run", run_file(20), "--output", directory)
    wait_for_cycle(dying, directory, 2)
    os.kill(rank_process(dying, rank), signal.SIGKILL)
    dying.communicate(timeout=300)
    assert dying.returncode != 0
    ended = on_ranks(4, *HALOCAST, "resume", directory)
    assert ended.returncode == 0, ended.stderr
    create_run(settings(20), tmp_path / "serial")
    carry_out(tmp_path / "serial", SerialEngine())
    assert compare_runs(tmp_path / "serial", directory) is None


@pytest.mark.full
def test_a_signal_to_the_launcher_stops_the_run_with_a_checkpoint(
    launch, run_file, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    running = launch(2, *HALOCAST, "run", run_file(400), "--output", directory)
    wait_for_cycle(running, directory, 2)
    os.kill(running.pid, signal.SIGUSR1)
    running.communicate(timeout=300)
    assert running.returncode == 75
    store = RunStore.open(directory)
    assert 2 <= store.committed() == store.last_checkpoint() < 400


@pytest.mark.full
def test_a_sweep_is_shared_by_the_ranks(on_ranks, tmp_path: Path) -> None:
    words = ["--set", "grid.shape=[12, 10]", "--set", "time.cycles=2", "--set", "reference=null"]
    ended = on_ranks(
        2, *HALOCAST, "sweep", "linear-gaussian", "--vary", "filter.halo=0,1.5,2.5", *words,
        "--output", tmp_path / "sweep", "--engine", "mpi",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    results = json.loads((tmp_path / "sweep" / "results.json").read_text())
    assert {row["values"]["filter.halo"] for row in results} == {0, 1.5, 2.5}
    assert all(row["rows"] and not row["error"] for row in results)


@pytest.mark.parametrize("rank", ["0", pytest.param("1", marks=pytest.mark.full)])
def test_processes_of_different_worlds_are_refused_before_anything_is_made(
    rank: str, run_file, tmp_path: Path
) -> None:
    # what a launcher of another MPI leaves behind: its variables, and a world of one
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "SLURM"))}
    ended = subprocess.run(
        [sys.executable, *HALOCAST, "run", run_file(12), "--output", tmp_path / "run"],
        env={**environment, "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": rank},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert not (tmp_path / "run").exists()
    if rank == "0":
        assert "4 processes were launched, but MPI has joined 1 of them" in ended.stderr
        assert "mpirun" in ended.stderr
    else:
        assert not ended.stdout + ended.stderr


def test_no_mpi_library_is_an_error_that_says_what_to_install() -> None:
    program = "from halocast.engines import make_engine; make_engine('mpi')"
    ended = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "MPI4PY_LIBMPI": "/nowhere/libmpi.so"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "RunError: no MPI library is found" in ended.stderr
    assert "mpi-local" in ended.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, None),  # in a batch script, outside srun
        ({"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4"}, (3, 4)),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, (1, 2)),
        # mpirun inside a SLURM job starts one process a host by srun, and more from there
        ({"PMI_RANK": "5", "PMI_SIZE": "8", "SLURM_STEP_NUM_TASKS": "2"}, (5, 8)),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3", "PMI_SIZE": "1"}, (2, 3)),
    ],
)  # fmt: skip
def test_the_launch_is_read_from_the_environment(
    environment: dict[str, str], expected: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("PMI", "OMPI", "SLURM")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = launched()
    assert (found and (found.rank, found.size)) == expected
    assert found is None or isinstance(found, Launch)
