"""Workers and schedulers that die or dawdle: the same bits, or a clear end and a resumed run."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from clusters import running_cluster, wait_for
from halocast.cycle.driver import Progress
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine, share_places
from halocast.errors import RunError
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore


def test_both_workers_killed_are_started_again_and_change_no_bit(
    linear, serial: Path, tmp_path: Path
) -> None:
    engine = DaskEngine(workers=2, dashboard=None)
    killed: list[int] = []

    def kill_all(progress: Progress) -> None:
        if progress.cycle == 2:
            killed.extend(engine._client.run(os.getpid).values())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    try:
        create_run(linear(), tmp_path / "run")
        carry_out(tmp_path / "run", engine, watch=kill_all)
        assert engine.places == 2
    finally:
        engine.close()
    assert len(killed) == 2
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_worker_that_comes_for_one_that_died_gets_its_places(
    linear, serial: Path, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, 2) as cluster:
        engine = DaskEngine(workers=2, scheduler=cluster.file)
        before = set(engine._addresses)

        def both_there() -> bool:
            there = set(engine._client.scheduler_info(n_workers=-1)["workers"])
            return len(there) == 2 and there != before

        def replace_one(progress: Progress) -> None:
            if progress.cycle == 2:
                cluster.workers[0].kill()
                cluster.add_worker()
            if progress.cycle == 3:  # one cycle may have been without the second
                wait_for(both_there, "another worker has come")

        try:
            create_run(linear(), tmp_path / "run")
            carry_out(tmp_path / "run", engine, watch=replace_one)
            after = set(engine._addresses)
        finally:
            engine.close()
    assert len(after) == 2
    assert len(after & before) == 1
    assert compare_runs(serial, tmp_path / "run") is None


@pytest.mark.parametrize(
    ("places", "there", "expected"),
    [
        ("abc", "abc", "abc"),
        ("abc", "abd", "abd"),
        ("abcd", "ab", "abab"),
        ("aaaa", "ab", "aabb"),
        ("abab", "c", "cccc"),
        ("ab", "abcd", "ab"),
    ],
)
def test_places_are_shared_evenly_and_stay_where_they_can(
    places: str, there: str, expected: str
) -> None:
    assert "".join(share_places(places, there)) == expected


def test_when_the_last_worker_is_gone_for_long_the_run_ends_and_resumes(
    linear, serial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("halocast.engines.dask.ALONE_SECONDS", 2.0)
    monkeypatch.setattr("halocast.engines.dask.LOOK_SECONDS", 0.5)
    with running_cluster(tmp_path, 2) as cluster:
        engine = DaskEngine(workers=2, scheduler=cluster.file)

        def kill_all(progress: Progress) -> None:
            if progress.cycle == 5:
                for worker in cluster.workers:
                    worker.kill()

        try:
            create_run(linear(), tmp_path / "run")
            with pytest.raises(RunError, match="no Dask worker is left") as caught:
                carry_out(tmp_path / "run", engine, watch=kill_all)
        finally:
            engine.close()
    assert "halocast resume" in str(caught.value)
    assert 5 <= RunStore.open(tmp_path / "run").committed() < 10
    carry_out(tmp_path / "run", SerialEngine())
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_killed_scheduler_ends_the_run_and_another_cluster_goes_on(
    linear, serial: Path, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    create_run(linear(), tmp_path / "run")
    with running_cluster(tmp_path / "first", 1) as cluster:
        engine = DaskEngine(workers=1, scheduler=cluster.file)

        def kill_scheduler(progress: Progress) -> None:
            if progress.cycle == 5:
                cluster.scheduler.kill()

        try:
            with pytest.raises(RunError, match="scheduler is gone") as caught:
                carry_out(tmp_path / "run", engine, watch=kill_scheduler)
        finally:
            engine.close()
    assert "halocast resume" in str(caught.value)
    assert 5 <= RunStore.open(tmp_path / "run").committed() < 10
    with running_cluster(tmp_path / "second", 1) as cluster:
        engine = DaskEngine(workers=1, scheduler=cluster.file)
        try:
            carry_out(tmp_path / "run", engine)
        finally:
            engine.close()
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_slow_worker_is_waited_for_and_changes_no_bit(
    linear, serial: Path, tmp_path: Path
) -> None:
    """One of two workers stands still for a while: what only it has is not computed twice."""
    create_run(linear(), tmp_path / "run")
    with running_cluster(tmp_path, 2) as cluster:
        engine = DaskEngine(workers=2, scheduler=cluster.file)
        slow = cluster.workers[0]
        awake = threading.Timer(3.0, slow.send_signal, (signal.SIGCONT,))

        def stop_one(progress: Progress) -> None:
            if progress.cycle == 3:
                slow.send_signal(signal.SIGSTOP)
                awake.start()

        try:
            carry_out(tmp_path / "run", engine, watch=stop_one)
            there = len(engine._client.scheduler_info(n_workers=-1)["workers"])
        finally:
            engine.close()
            awake.cancel()
    assert there == 2
    wait_for(lambda: slow.poll() is not None, "the slow worker has ended")
    assert compare_runs(serial, tmp_path / "run") is None
