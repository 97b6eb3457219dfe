"""One process at a time drives a run: the second is refused, a dead one's lock is taken over."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from halocast.engines.serial import SerialEngine
from halocast.errors import RunError, StoreError
from halocast.runs import carry_out, change_settings, create_run, stored_settings
from halocast.stores import run_lock
from halocast.stores.local_place import LocalPlace
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.run_lock import RunLock
from object_cases import carry, small

HOLDER = """
import sys, time
from halocast.stores.run_lock import RunLock
with RunLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["disk", "memory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place for a run."""
    urls = {"disk": str(tmp_path / "run"), "memory": f"memory://{tmp_path.name}/run"}
    return locate(urls.get(request.param) or request.getfixturevalue("s3"))


@pytest.fixture
def quick(monkeypatch):
    """Locks that are lost and won within seconds."""
    monkeypatch.setattr(run_lock, "BEAT", 0.2)
    monkeypatch.setattr(run_lock, "LEASE", 2.5)


def foreign(place: Place, number: int = 1, **changes) -> str:
    """Leave a lock of a process on another machine."""
    holder = {"host": "node17", "pid": 4711, "since": "2024-03-01T00:00:00+00:00", "machine": "?"}
    key = f"{number:06d}.json"
    (place / "lock").make_folder()
    (place / "lock").write(key, json.dumps({**holder, **changes}).encode())
    return key


def test_the_second_is_refused_while_the_first_lives(place):
    with RunLock(place):
        with pytest.raises(RunError, match=f"process {os.getpid()} on .*, since 20") as caught:
            RunLock(place).__enter__()
        assert "halocast stop" in caught.value.remedy
    assert (place / "lock").names() == []
    with RunLock(place):
        pass


def test_of_many_who_try_at_once_one_succeeds(place):
    held, refused = [], []
    start, done = threading.Barrier(6), threading.Event()

    def take() -> None:
        start.wait()
        try:
            with RunLock(place):
                held.append(1)
                done.wait(20)
        except RunError:
            refused.append(1)
            if len(refused) == 5:
                done.set()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(held), len(refused)) == (1, 5)


def test_a_killed_holder_is_found_dead_at_once(tmp_path, caplog):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"process {holder.pid} on"):
            RunLock(tmp_path).__enter__()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    began = time.monotonic()
    with RunLock(tmp_path):
        assert (tmp_path / "lock/000002.json").exists()
        assert not (tmp_path / "lock/000001.json").exists()
    assert time.monotonic() - began < 5
    assert f"process {holder.pid} on" in caplog.text
    assert "is dead; its lock is taken over" in caplog.text


def test_a_process_number_used_again_is_not_the_holder(tmp_path):
    me = run_lock._me()
    foreign(locate(tmp_path), machine=me["machine"], pid=me["pid"], began="1")
    with RunLock(tmp_path):
        pass


def test_a_lock_this_process_could_not_remove_is_not_held(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with RunLock(tmp_path):
        monkeypatch.setattr(LocalPlace, "remove", refuse)
    monkeypatch.undo()
    assert os.listdir(tmp_path / "lock") == ["000001.json"]
    with RunLock(tmp_path):
        pass


def test_silence_of_another_machine_is_waited_out(place, quick, caplog):
    foreign(place)
    began = time.monotonic()
    with RunLock(place):
        assert 1.0 < time.monotonic() - began < 20
    assert "process 4711 on node17 drove this run" in caplog.text
    assert "its lock is taken over" in caplog.text


def test_life_on_another_machine_is_seen(place, quick):
    key = foreign(place)
    lock, ended = place / "lock", threading.Event()

    def live() -> None:
        while not ended.wait(0.3):
            lock.touch(key)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(RunError, match="process 4711 on node17"):
            RunLock(place).__enter__()
    finally:
        ended.set()
        thread.join()


def test_an_unreadable_lock_is_waited_out_too(place, quick):
    (place / "lock").make_folder()
    (place / "lock").write("000004.json", b"\x00")
    with RunLock(place):
        assert (place / "lock").names() == ["000005.json"]


def test_who_was_taken_for_dead_ends(tmp_path, quick):
    create_run(small(), tmp_path / "run")
    stalled = RunLock(tmp_path / "run")
    with stalled:
        stalled.require()
        foreign(locate(tmp_path / "run"), number=2)
        (tmp_path / "run/lock/000001.json").unlink()  # as the one who takes over does
        deadline = time.monotonic() + 10
        while not stalled._lost and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(RunError, match="another process drives this run now: process 4711"):
            stalled.require()
    assert os.listdir(tmp_path / "run/lock") == ["000002.json"]


def test_a_run_is_not_driven_twice(place):
    where = str(place)
    create_run(small(), where)
    assert carry(where, until=2) == 2
    with RunLock(where):
        for attempt in (
            lambda: carry_out(where, SerialEngine()),
            lambda: change_settings(where, small("engine.kind=dask")),
        ):
            with pytest.raises(RunError, match="another process drives this run"):
                attempt()
        assert stored_settings(where).engine.kind == "serial"
    assert carry(where) == 6
    assert "lock" not in place.names()


def test_two_runs_are_not_made_in_one_folder(place):
    with RunLock(place), pytest.raises(RunError, match="another process drives this run"):
        create_run(small(), str(place))
    create_run(small(), str(place))
    with pytest.raises(RunError, match="exists and is not empty"):
        create_run(small(), str(place))


def test_no_lock_where_there_is_no_run(tmp_path):
    with pytest.raises(RunError, match="no run in this folder"):
        carry(str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    create_run(small(), tmp_path / "run")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StoreError, match="could not lock the run: No space left"):
        carry(str(tmp_path / "run"))
    monkeypatch.undo()
    assert carry(str(tmp_path / "run")) == 6


def test_a_store_that_makes_objects_anew_is_refused(s3, wire):
    """Servers that do not know conditional puts ignore the header, and overwrite."""
    wire.tamper = lambda data: data.replace(b"if-none-match", b"x-nothing-at-").replace(
        b"If-None-Match", b"X-Nothing-At-"
    )
    with pytest.raises(StoreError, match="two processes could not be kept apart"):
        RunLock(s3).__enter__()
