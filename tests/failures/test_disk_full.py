"""A disk that is full ends the run with a clear error; with room again it goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failing_processes import STORE_ERROR, carry_on_with_small_files, finished, start
from halocast.engines import Engine, SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.errors import StoreError
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore


@pytest.fixture(scope="module")
def whole(linear: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that had room enough."""
    directory = tmp_path_factory.mktemp("room") / "run"
    create_run(linear(), directory)
    carry_out(directory, SerialEngine())
    return directory


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "halocast-test", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the mount command, to make a small disk")
    if done.returncode != 0:
        pytest.skip(f"needs the right to mount a tmpfs, to make a small disk: {done.stderr}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def make_room(disk: Path) -> None:
    """Let a small disk become larger."""
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


@pytest.mark.parametrize("kind", ["serial", "dask"])
def test_a_full_disk_ends_the_run_and_with_room_it_goes_on_to_the_same_bits(
    kind: str, linear: Callable, whole: Path, small_disk: Path, two_workers: DaskEngine
) -> None:
    engine: Engine = two_workers if kind == "dask" else SerialEngine()
    create_run(linear(), small_disk / "run")
    with pytest.raises(StoreError, match=r"could not write .*No space left") as caught:
        carry_out(small_disk / "run", engine)
    assert "make room" in str(caught.value)
    committed = RunStore.open(small_disk / "run").committed()
    assert 0 < committed < 10
    assert all(RunStore.open(small_disk / "run").damaged(c) == [] for c in range(1, committed + 1))
    make_room(small_disk)
    assert carry_out(small_disk / "run", engine) == 10
    assert compare_runs(whole, small_disk / "run") is None


def test_a_file_that_cannot_be_written_whole_is_not_there(
    linear: Callable, whole: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    create_run(linear(), directory)
    process = start(carry_on_with_small_files, directory, 5000)  # a field has 24 x 30 x 8 bytes
    assert finished(process) == STORE_ERROR
    said = (tmp_path / "said.txt").read_text()
    assert "could not write cycle 1: File too large" in said
    assert "no cycle was committed yet" in said
    fields = {p.name for p in directory.glob("run.zarr/*/mean/z/*")}
    assert "zarr.json" in fields
    assert len(fields) == 1
    assert RunStore.open(directory).committed() == 0
    assert carry_out(directory, SerialEngine()) == 10
    assert compare_runs(whole, directory) is None
