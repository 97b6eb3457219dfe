"""Runs through a real SLURM: both forms, cancelled, out of time; always the serial bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from halocast.config import RunSettings, read_settings
from halocast.engines import SerialEngine, make_engine
from halocast.errors import RunError
from halocast.runs import carry_out, create_run
from halocast.slurm.ledger import entries
from halocast.slurm.pool import SlurmPool
from halocast.slurm.sbatch import send
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore
from slurm_cases import Slurm, events, logs, overrides, submit


def require_mpi() -> None:
    pytest.importorskip("mpi4py.MPI", reason="no MPI library: pip install 'halocast[mpi-local]'")


def require_same(serial: Path, run: Path) -> None:
    """Require that a run is done, and the serial one's bits."""
    assert compare_runs(serial, run) is None, logs(run)


def test_a_run_on_two_nodes_with_dask_has_the_serial_bits(
    slurm: Slurm, serial: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = submit(
        "linear-gaussian", *overrides(), "--backend", "dask", "--nodes", "2", "--time", "10",
        "--output", str(run),
    )  # fmt: skip
    job = entries(run)[0]["job"]
    assert f"Job {job} is in the queue" in said
    assert (run / "jobs" / "job.sh").read_text(encoding="utf-8") in said
    slurm.wait_empty(run)
    require_same(serial, run)
    assert events(run) == ["submitted", "started", "ended"]
    assert entries(run)[-1]["code"] == 0
    assert "engine dask, 2 places" in logs(run)


def test_a_cancelled_job_has_no_follower_and_its_run_goes_on_when_submitted_again(
    slurm: Slurm, serial: Path, slowness: Path, tmp_path: Path
) -> None:
    require_mpi()
    run = tmp_path / "run"
    submit("linear-gaussian", *overrides(), "--time", "10", "--output", str(run))
    slurm.wait(lambda: RunStore.open(run).committed() >= 5, run)
    slurm.ask("scancel", str(entries(run)[0]["job"]))
    slurm.wait_empty(run)
    assert 5 <= RunStore.open(run).committed() < 10
    assert "continued" not in events(run)
    slowness.unlink()
    submit(str(run), "--backend", "mpi", "--time", "10")
    slurm.wait_empty(run)
    require_same(serial, run)


def test_ranks_on_two_nodes_that_are_warned_stop_with_a_checkpoint_and_the_next_job_finishes(
    slurm: Slurm, serial: Path, slowness: Path, tmp_path: Path
) -> None:
    require_mpi()
    run = tmp_path / "run"
    submit("linear-gaussian", *overrides(), "--nodes", "2", "--time", "10", "--output", str(run))
    slurm.wait(lambda: RunStore.open(run).committed() >= 1, run)
    # what SLURM itself sends before the end of the time
    slurm.ask("scancel", "--batch", "--signal=USR1", str(entries(run)[0]["job"]))
    slurm.wait(lambda: "continued" in events(run), run)
    slowness.unlink()
    stopped = next(entry for entry in entries(run) if entry["event"] == "ended")
    assert stopped["code"] == 75, logs(run)
    slurm.wait_empty(run)
    require_same(serial, run)
    expected = ["submitted", "started", "stopping", "ended", "continued", "started", "ended"]
    assert events(run) == expected
    assert "engine mpi, 2 places" in logs(run)
    first, second = (e["job"] for e in entries(run) if e["event"] == "started")
    assert entries(run)[4]["next"] == second != first
    assert "going on after the checkpoint of cycle 0" not in logs(run).split(f"{second}.log")[1]


@pytest.mark.full
def test_when_the_time_is_over_the_next_job_finishes(
    slurm: Slurm, linear, slowness: Path, tmp_path: Path
) -> None:
    """SLURM looks at the time of its jobs twice a minute; two minutes are the warning's."""
    require_mpi()
    run = tmp_path / "run"
    more = overrides("time.cycles=60")
    submit("linear-gaussian", *more, "--time", "00:02:00", "--output", str(run))
    slurm.wait(lambda: "continued" in events(run), run)
    slowness.unlink()
    slurm.wait_empty(run)
    assert events(run).count("started") >= 2
    create_run(linear("time.cycles=60"), tmp_path / "serial")
    carry_out(tmp_path / "serial", SerialEngine())
    require_same(tmp_path / "serial", run)


def test_workers_that_are_jobs_give_the_serial_bits_and_leave_the_queue(
    slurm: Slurm, linear, serial: Path, tmp_path: Path
) -> None:
    pytest.importorskip("dask_jobqueue", reason="no dask-jobqueue: pip install 'halocast[slurm]'")
    settings: RunSettings = linear("engine={kind: dask, workers: 2, slurm: {memory: 1GB}}")
    choice = settings.engine
    engine = make_engine(choice.kind, choice.workers, choice.scheduler, choice.slurm)
    try:
        assert engine.places == 2
        assert slurm.jobs().count("halocast-worker") == 2
        create_run(settings, tmp_path / "run")
        carry_out(tmp_path / "run", engine)
    finally:
        engine.close()
    slurm.wait_empty()
    require_same(serial, tmp_path / "run")


def test_what_slurm_refuses_is_said_with_its_own_words(slurm: Slurm, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\n#SBATCH --partition=nowhere\ntrue\n", encoding="utf-8")
    with pytest.raises(RunError, match="nowhere") as caught:
        send(script)
    assert "--partition" in str(caught.value)
    pytest.importorskip("dask_jobqueue", reason="no dask-jobqueue: pip install 'halocast[slurm]'")
    with pytest.raises(RunError, match="nowhere"):
        make_engine("dask", 1, None, SlurmPool(partition="nowhere"))
    assert slurm.jobs() == ""


def test_a_run_file_of_a_pool_is_read(tmp_path: Path, linear) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(linear("engine={kind: dask, workers: 4, slurm: {}}").to_yaml())
    assert read_settings(path).engine.slurm == SlurmPool()
