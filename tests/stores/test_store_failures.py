"""The disk fills up, the process is killed, the machine stops: what was committed stays."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from halocast.errors import StoreError
from halocast.sources.rows import make_rows
from halocast.stores.compare import compare_runs
from halocast.stores.grid_store import write_grid
from halocast.stores.local_place import PARTIAL
from halocast.stores.observation_store import Observations, write_observations
from halocast.stores.open_run import open_run
from halocast.stores.run_store import RunStore
from halocast.stores.truth_store import Truth, write_truth
from store_examples import (
    START,
    cycle_record,
    member_state,
    ocean_grid,
    ocean_layout,
    ocean_spec,
    run_cycle,
)

NAMING = ("replace", "link")  # how a file that was written gets its name


@pytest.fixture
def full_after(monkeypatch):
    """Make the disk full after a number of files."""

    def arm(n_files: int) -> None:
        left = [n_files]

        def counted(real, source, target):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
            real(source, target)

        for name in NAMING:
            monkeypatch.setattr(os, name, partial(counted, getattr(os, name)))

    return arm


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"cannot mount a small file system: {error}")
    if done.returncode:
        pytest.skip(f"cannot mount a small file system: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def run_cycles(store: RunStore, n_cycles: int) -> None:
    """Write and commit cycles of noise until something breaks."""
    for cycle in range(1, n_cycles + 1):
        run_cycle(store, cycle)


def assert_only_first_cycle(directory: Path) -> None:
    """Check that a run shows cycle 1, unharmed, and nothing else."""
    store = RunStore.open(directory)
    assert (store.committed(), store.last_checkpoint(), store.damaged(1)) == (1, 1, [])
    assert open_run(directory)["analysis/mean/ssh"].sizes["cycle"] == 1
    state = store.read_checkpoint("free", 1, 3)
    assert np.array_equal(state, member_state(store.spec, 1, 3))


@pytest.mark.parametrize("n_files", [0, 1, 17, 36])
def test_a_full_disk_in_mid_cycle(tmp_path, full_after, monkeypatch, n_files):
    store = RunStore.create(tmp_path / "run", ocean_spec())
    run_cycle(store, 1)
    with monkeypatch.context():
        full_after(n_files)
        with pytest.raises(StoreError, match="cycle 2: No space left on device") as caught:
            run_cycle(store, 2)
    assert "run.zarr" in caught.value.where
    assert "cycles up to 1 are safe" in caught.value.remedy
    monkeypatch.undo()
    assert_only_first_cycle(store.directory)
    run_cycle(store, 2)
    assert RunStore.open(store.directory).committed() == 2


def test_a_full_disk_at_the_commit(tmp_path, full_after, monkeypatch):
    store = RunStore.create(tmp_path / "run", ocean_spec())
    run_cycle(store, 1)
    digests = store.write_cycle(2, cycle_record(store.spec, 2))
    full_after(0)
    with pytest.raises(StoreError, match="the commit record of cycle 2"):
        store.commit(2, {}, digests)
    monkeypatch.undo()
    assert_only_first_cycle(store.directory)
    store.commit(2, {}, digests)


def test_a_disk_that_is_really_full(small_disk):
    spec = ocean_spec(40, grid=ocean_grid(30, 30), members=1)
    store = RunStore.create(small_disk / "run", spec)
    with pytest.raises(StoreError, match="No space left on device"):
        run_cycles(store, 40)
    last = RunStore.open(store.directory).committed()
    assert 1 <= last < 40
    assert not list(small_disk.rglob(f"*{PARTIAL}"))
    for cycle in range(1, last + 1):
        assert store.damaged(cycle) == []
    assert open_run(store.directory).attrs["committed"] == last


def test_a_run_that_does_not_fit_leaves_no_folder(tmp_path, full_after):
    full_after(3)
    with pytest.raises(StoreError, match="could not write the new run"):
        RunStore.create(tmp_path / "run", ocean_spec())
    assert not (tmp_path / "run").exists()


def test_a_full_disk_while_ingesting(tmp_path, full_after, monkeypatch):
    path = tmp_path / "s.zarr"
    write_grid(path, ocean_grid())
    write_observations(path, observation_rows(0))
    for n_files in (0, 5):
        with monkeypatch.context():
            full_after(n_files)
            with pytest.raises(StoreError, match="could not write observations: No space"):
                write_observations(path, observation_rows(1))
        monkeypatch.undo()
        stored = Observations.open(path)
        assert len(stored) == 5
        assert stored.rows()["value"].values.tolist() == [0.0] * 5
    assert [p.name for p in (path / "observations").iterdir() if p.is_dir()] == ["r0001"]


def test_a_full_disk_while_writing_truth(tmp_path, full_after, monkeypatch):
    path, layout = tmp_path / "s.zarr", ocean_layout()
    state = np.zeros((len(layout), 6, 7))
    write_grid(path, ocean_grid())
    write_truth(path, START, state, layout)
    full_after(0)
    with pytest.raises(StoreError, match="could not write the truth"):
        write_truth(path, START + np.timedelta64(1, "h"), state, layout)
    monkeypatch.undo()
    assert Truth.open(path).times.size == 1
    write_truth(path, START + np.timedelta64(1, "h"), state, layout)
    assert Truth.open(path).times.size == 2


def observation_rows(value: float):
    """Five rows that are told apart by their value."""
    columns = {"time": START + np.arange(5), "lat": 20.0, "lon": -50.0, "variable": 0}
    return make_rows({**columns, "value": value, "error": 0.1, "product": 1, "platform": 7})


def killed_in(store: RunStore, cycle: int, n_files: int) -> int:
    """Write a cycle in a process that is killed before its n-th file; return the exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = n_files

    def counted(real, *names):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*names)

    for name in NAMING:
        setattr(os, name, partial(counted, getattr(os, name)))
    run_cycle(store, cycle, rows=50)
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("n_files", [1, 20, 45, 51])
def test_killed_in_mid_write(tmp_path, n_files):
    """Killed at the first file, among the fields, among the members, at the commit record."""
    folder = tmp_path / "killed"
    store = RunStore.create(folder, ocean_spec())
    run_cycle(store, 1)
    run_cycle(store, 2, checkpoint=False)
    assert killed_in(store, 3, n_files) == -signal.SIGKILL
    store = RunStore.open(folder)
    assert (store.committed(), store.last_checkpoint()) == (2, 1)
    assert store.damaged(1) == store.damaged(2) == []
    assert open_run(folder)["forecast/mean/u"].sizes["cycle"] == 2
    assert list(folder.rglob(f"*{PARTIAL}"))

    store.discard_partial_files()
    assert not list(folder.rglob(f"*{PARTIAL}"))
    whole = RunStore.create(tmp_path / "whole", ocean_spec())
    run_cycle(whole, 1)
    run_cycle(store, 2, checkpoint=False)  # computed again from the checkpoint after cycle 1
    run_cycle(whole, 2, checkpoint=False)
    for resumed in (store, whole):
        run_cycle(resumed, 3)
    assert compare_runs(folder, whole.directory) is None


def test_the_disk_has_everything_before_a_checkpoint_is_committed(tmp_path, monkeypatch):
    """What a power failure may not take: all that was written, then the record, in this order."""
    events = []
    store = RunStore.create(tmp_path / "run", ocean_spec())
    real_sync = os.fsync

    def fsync(descriptor):
        real_sync(descriptor)
        events.append("flush a file")

    def named(real, source, target):
        real(source, target)
        events.append(Path(target).parent.name)

    monkeypatch.setattr(os, "fsync", fsync)
    for name in NAMING:
        monkeypatch.setattr(os, name, partial(named, getattr(os, name)))
    monkeypatch.setattr(
        "halocast.stores.local_place.flush_filesystem", lambda _: events.append("flush all")
    )
    run_cycle(store, 1)
    assert events[-4:] == ["flush all", "flush a file", "commits", "flush a file"]
    assert "flush all" not in events[:-4]


def test_flushing_works_here(tmp_path):
    store = RunStore.create(tmp_path / "run", ocean_spec())
    store.flush()
    assert store.committed() == 0
