"""Clusters of other people's making: found, asked who they are, waited for, told what is done."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from clusters import running_cluster, wait_for
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT
from distributed.utils import key_split
from halocast.engines import SerialEngine, dask_cluster
from halocast.engines.dask import DaskEngine
from halocast.errors import ModelError, RunError
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs


def test_the_dashboard_tells_the_story_of_a_cycle(linear, tmp_path: Path) -> None:
    """The dashboard groups tasks by the words their keys begin with."""
    names: list[str] = []

    class Listening(SerialEngine):
        def submit(self, name, task, *args, place=0):
            names.append(name)
            return super().submit(name, task, *args, place=place)

    create_run(linear("time.cycles=4"), tmp_path / "run")
    carry_out(tmp_path / "run", Listening(), groups=2)
    groups = Counter(key_split(f"{name}-0123456789ab") for name in names)
    assert groups["forecast"] == 4
    assert groups["halo-blocks"] == 8
    assert groups["commit-record"] == 4
    assert groups["checkpoint"] == 1


def test_local_workers_have_one_thread_and_share_the_memory() -> None:
    engine = DaskEngine(workers=2, dashboard=None)
    try:
        workers = engine._client.scheduler_info(n_workers=-1)["workers"].values()
        assert [w["nthreads"] for w in workers] == [1, 1]
        assert sum(w["memory_limit"] for w in workers) <= MEMORY_LIMIT
        environment = engine._client.run(_environment)
    finally:
        engine.close()
    assert all(threads == ["1"] * 4 for threads in environment.values())


def _environment() -> list[str | None]:
    import os

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return [os.environ.get(name) for name in names]


def test_a_cluster_that_is_just_starting_is_waited_for(
    linear, serial: Path, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, 2) as cluster:
        assert not Path(cluster.file).exists()  # processes only start
        engine = DaskEngine(workers=2, scheduler=cluster.file)
        try:
            assert engine.places == 2
            create_run(linear(), tmp_path / "run")
            carry_out(tmp_path / "run", engine)
        finally:
            engine.close()
    assert compare_runs(serial, tmp_path / "run") is None


def test_workers_that_do_not_come_are_an_error_that_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "WORKERS_SECONDS", 1)
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        pytest.raises(RunError, match="1 of 3 Dask workers"),
    ):
        DaskEngine(workers=3, scheduler=cluster.scheduler_address)


def test_a_scheduler_file_that_does_not_appear_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "FILE_SECONDS", 1)
    with pytest.raises(RunError, match="no Dask scheduler answers") as caught:
        DaskEngine(scheduler=str(tmp_path / "none.json"))
    assert "none.json" in str(caught.value)


def test_workers_of_other_versions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dask_cluster.version
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        # this process answers for the worker, too: first as it is, then as another would
        answers = {"numba": iter(["0.1", "0.2"])}
        monkeypatch.setattr(
            dask_cluster, "version", lambda p: next(answers[p]) if p in answers else real(p)
        )
        with pytest.raises(RunError, match=r"numba 0\.1 \(here 0\.2\)"):
            DaskEngine(scheduler=cluster.scheduler_address)


def test_workers_without_halocast_are_refused(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "halocast.py").write_text("raise ImportError('there is no halocast here')\n")
    with running_cluster(tmp_path, 0) as cluster:
        patch = pytest.MonkeyPatch()
        patch.setenv("PYTHONPATH", str(hidden))
        try:
            cluster.add_worker()
        finally:
            patch.undo()
        with pytest.raises(RunError, match="cannot run halocast") as caught:
            DaskEngine(workers=1, scheduler=cluster.file)
    assert "install the same halocast" in str(caught.value)


def test_a_client_of_ones_own_is_used_and_left_open() -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        engine = DaskEngine(client=client)
        assert list(engine.each(_times_out, [(0,)])) == [0]
        engine.close()
        assert client.submit(_times_out, 1).result() == 1


def test_workers_of_many_threads_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("halocast")
    before, logger.propagate = logger.propagate, True
    try:
        with LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster:
            DaskEngine(scheduler=cluster.scheduler_address).close()
    finally:
        logger.propagate = before
    assert "more than one thread" in caplog.text


def _times_out(number: int) -> int:
    if number == 3:
        raise TimeoutError("the task's own")
    return number


def _does_not_converge(number: int) -> int:
    raise ModelError("does not converge", where=f"item {number}")


def test_errors_of_tasks_are_not_taken_for_those_of_the_cluster() -> None:
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        engine = DaskEngine(scheduler=cluster.scheduler_address)
        try:
            with pytest.raises(TimeoutError, match="the task's own"):
                list(engine.each(_times_out, [(n,) for n in range(4)]))
            with pytest.raises(ModelError, match="does not converge") as caught:
                engine.value(engine.start([engine.submit("x", _does_not_converge, 7)])[0])
        finally:
            engine.close()
    assert caught.value.where == "item 7"


def test_a_cluster_of_ranks_made_by_dask_mpi(linear, serial: Path, tmp_path: Path) -> None:
    pytest.importorskip("dask_mpi", reason="no dask-mpi: pip install dask-mpi")
    mpirun = Path(sys.prefix) / "bin" / "mpirun"
    if not mpirun.exists():
        pytest.skip("no mpirun beside this Python: pip install 'halocast[mpi-local]'")
    file = tmp_path / "scheduler.json"
    ranks = subprocess.Popen(
        [mpirun, "-n", "3", Path(sys.prefix) / "bin" / "dask-mpi", "--scheduler-file", file,
         "--worker-class", "distributed.Worker", "--nthreads", "1", "--no-dashboard",
         "--local-directory", tmp_path],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        engine = DaskEngine(workers=2, scheduler=str(file))
        try:
            create_run(linear(), tmp_path / "run")
            carry_out(tmp_path / "run", engine)
        finally:
            engine.close()
        # a default client that is shut down leaves its settings to whoever comes after it
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.shutdown()
        wait_for(lambda: ranks.poll() is not None, "dask-mpi has ended")
    finally:
        ranks.terminate()
        time.sleep(0.1)
        ranks.wait(timeout=30)
    assert compare_runs(serial, tmp_path / "run") is None
