"""What `halocast submit` writes, shows and refuses; no SLURM is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from halocast.errors import ConfigError, RunError
from halocast.slurm.ledger import entries, note
from halocast.slurm.pool import SlurmPool
from halocast.slurm.request import Backend, Request
from halocast.slurm.sbatch import send
from halocast.slurm.script import script_text
from halocast.slurm.submit import prepare_existing, prepare_new, submit, write_script
from pydantic import ValidationError

REQUESTS = {
    "mpi": Request(nodes=4, tasks_per_node=16, time="1-00:00:00", partition="long", account="oc-7"),
    "dask": Request(Backend.DASK, nodes=2, tasks_per_node=8),
}


@pytest.mark.parametrize("backend", REQUESTS)
def test_the_script_is_bash_and_asks_for_what_was_asked(backend: str, tmp_path: Path) -> None:
    request = REQUESTS[backend]
    text = script_text(request, "north atlantic/1", tmp_path / "run's 100% data")
    checked = subprocess.run(
        ["bash", "-n"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    asked = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in text.splitlines()
        if line.startswith("#SBATCH --")
    )
    assert asked["nodes"] == str(request.nodes)
    assert asked["ntasks-per-node"] == str(request.tasks_per_node)
    assert asked["time"] == request.time
    assert asked.get("partition") == request.partition
    assert asked.get("account") == request.account
    assert asked["job-name"] == "halocast-north-atlantic-1"
    assert asked["signal"] == "B:USR1@120"
    assert asked["output"] == f'"{tmp_path}/run\'s 100%% data/jobs/%j.log"'
    assert "{{" not in text
    paths = (str(tmp_path), sys.prefix)
    lines = [line for line in text.splitlines() if not any(path in line for path in paths)]
    assert len(lines) > 30
    assert max(map(len, lines)) <= 100


def test_a_script_with_odd_names_names_the_folder_that_was_meant(tmp_path: Path) -> None:
    directory = tmp_path / "run's $HOME `x` 100%"
    text = script_text(Request(), "x", directory)
    line = next(line for line in text.splitlines() if line.startswith("run="))
    said = subprocess.run(
        ["bash", "-c", f'{line}\nprintf %s "$run"'], capture_output=True, text=True, check=True
    )
    assert said.stdout == str(directory)


@pytest.mark.parametrize("time", ["soon", "1h", "", "10:00:00:00:00", "-5", "1 day"])
def test_a_time_that_sbatch_would_not_take_is_refused(time: str) -> None:
    with pytest.raises(ConfigError, match="not a time limit"):
        Request(time=time)


@pytest.mark.parametrize("time", ["30", "30:00", "08:00:00", "2-12", "2-12:30", "2-12:30:15"])
def test_every_time_of_sbatch_is_taken(time: str) -> None:
    assert f"--time={time}\n" in script_text(Request(time=time), "x", Path("/x"))


def test_a_partition_cannot_smuggle_a_line_into_the_script() -> None:
    with pytest.raises(ConfigError, match="--partition"):
        Request(partition="debug\n#SBATCH --nodes=100")


def test_a_dry_run_shows_the_script_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "halocast", "submit", "linear-gaussian", "--dry-run", "--nodes", "3",
         "--backend", "dask", "--output", "lg"],
        capture_output=True, text=True, cwd=tmp_path, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("#!/bin/bash\n")
    assert "--nodes=3\n" in done.stdout
    assert str(tmp_path / "lg") in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_bad_run_file_is_refused_before_it_queues(linear, tmp_path: Path) -> None:
    settings = linear("time.cycle_seconds=3601", "model.time_step=1800")
    with pytest.raises(ConfigError, match=r"not a multiple of model\.time_step"):
        prepare_new(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_not_submitted(serial: Path) -> None:
    with pytest.raises(RunError, match="complete"):
        prepare_existing(serial)


def test_without_slurm_the_script_is_there_and_the_error_says_what_to_do(
    linear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="no sbatch here") as caught:
        send(tmp_path / "job.sh")
    assert "--dry-run" in str(caught.value)


def test_the_number_of_a_job_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sbatch = tmp_path / "bin" / "sbatch"  # of a federation: the cluster's name comes with it
    sbatch.parent.mkdir()
    sbatch.write_text('#!/bin/sh\necho "4242;east"\n', encoding="utf-8")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:/usr/bin:/bin")
    run = tmp_path / "run"
    run.mkdir()
    assert submit(write_script("#!/bin/bash\n", run)) == 4242
    note(run, 4243, "continued", next=4244)
    found = entries(run)
    assert [(e["job"], e["event"]) for e in found] == [(4242, "submitted"), (4243, "continued")]
    assert found[1]["next"] == 4244
    assert all(json.loads(line) for line in (run / "jobs.jsonl").read_text().splitlines())


@pytest.mark.parametrize("time", [600, "soon"])
def test_the_time_of_a_pool_is_one_of_sbatch(time: object) -> None:
    with pytest.raises(ValidationError, match=r"01:00:00|HH:MM:SS"):
        SlurmPool.model_validate({"time": time})


def run_script(folder: Path, code: int, jobs_left: int, *signals: str) -> list[str]:
    """Run a job's script with a run that ends with a code; returns what it gave to sbatch.

    Before the run ends, the script gets some signals.
    """
    run, bin_ = folder / "run", folder / "bin"
    (run / "jobs").mkdir(parents=True)
    bin_.mkdir()
    kills = "".join(f"kill -{signal} $PPID; sleep 0.2; " for signal in signals)
    programs = {
        "mpirun": f"{kills}exit {code}",
        "python": "exit 1",  # asked to stop a run that is over
        "sbatch": f'echo "$HALOCAST_JOBS_LEFT $*" >> {folder}/sent; echo 8',
    }
    for name, what in programs.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{what}\n", encoding="utf-8")
        (bin_ / name).chmod(0o755)
    text = script_text(Request(), "x", run)
    launcher = next(word for word in text.split() if word.endswith("mpirun"))
    text = text.replace(launcher, str(bin_ / "mpirun"))
    text = text.replace(f"python={sys.executable}", f"python={bin_}/python")
    environment = {
        "PATH": f"{bin_}:/usr/bin:/bin",
        "SLURM_JOB_ID": "7",
        "SLURM_NTASKS": "1",
        "HALOCAST_JOBS_LEFT": str(jobs_left),
    }
    done = subprocess.run(
        ["bash", "-c", text],
        env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == (0 if (folder / "sent").exists() else code), done.stderr
    ended = next(entry for entry in entries(run) if entry["event"] == "ended")
    assert (ended["job"], ended["code"]) == (7, code)
    return (folder / "sent").read_text().splitlines() if (folder / "sent").exists() else []


def test_a_run_that_was_stopped_is_followed_by_its_own_script(tmp_path: Path) -> None:
    assert run_script(tmp_path, 75, 3, "USR1") == [f"2 --parsable {tmp_path}/run/jobs/job.sh"]
    assert entries(tmp_path / "run")[-1]["next"] == 8


@pytest.mark.parametrize(
    ("code", "jobs_left", "signals"),
    [
        (0, 3, ("USR1",)),
        (2, 3, ("USR1",)),
        (137, 3, ()),
        (75, 0, ("USR1",)),
        (75, 3, ("TERM",)),
        (75, 3, ("USR1", "TERM")),
        (75, 3, ()),
    ],
    ids=["done", "failed", "killed", "too many", "cancelled", "cancelled late", "by a person"],
)
def test_nothing_follows_otherwise(
    code: int, jobs_left: int, signals: tuple[str, ...], tmp_path: Path
) -> None:
    assert run_script(tmp_path, code, jobs_left, *signals) == []


def test_the_memory_of_a_pool_is_a_size() -> None:
    assert SlurmPool(memory="500 MiB").memory == "500 MiB"
    with pytest.raises(ValidationError, match="memory"):
        SlurmPool(memory="plenty")
