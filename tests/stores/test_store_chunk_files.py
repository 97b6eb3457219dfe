"""Chunks written as files are what zarr itself would have written."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from halocast.errors import StoreError
from halocast.stores.arrays import array_at, array_layout, create_arrays
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.local_place import PARTIAL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def make(path, shape, chunks, dtype="f8", *, compress=False, fill=np.nan):
    group = zarr.open_group(path, mode="w")
    dims = [f"d{i}" for i in range(len(shape))]
    create_arrays(
        group, {"a": array_layout(shape, chunks, dtype, dims, fill=fill, compress=compress)}
    )
    return array_at(group, "a")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2", "i1", "bool"])
def test_the_bytes_are_zarrs_own(tmp_path, dtype, compress):
    values = (np.random.default_rng(1).normal(size=(1, 5, 6)) * 50).astype(dtype)
    fill = np.nan if dtype[0] == "f" else 0
    array = make(tmp_path / "ours", (3, 5, 6), (1, 5, 6), dtype, compress=compress, fill=fill)
    theirs = make(tmp_path / "theirs", (3, 5, 6), (1, 5, 6), dtype, compress=compress, fill=fill)
    ChunkFiles(tmp_path / "ours", array).write((1, 0, 0), values)
    theirs[1:2] = values
    name = "a/c.1.0.0"
    assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()
    assert np.array_equal(array[1:2], values)
    assert np.array_equal(ChunkFiles(tmp_path / "theirs", theirs).read((1, 0, 0)), values)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 23)), min_size=1, max_size=6),
    st.integers(1, 9),
    st.booleans(),
)
def test_rows_of_any_length_in_any_order(tmp_path, writes, chunk, compress):
    """The store against a model in memory: each row holds the last write, and nothing else."""
    array = make(tmp_path / "s", (3, 23), (1, chunk), compress=compress)
    files = ChunkFiles(tmp_path / "s", array)
    expected = np.full((3, 23), np.nan)
    for number, (row, length) in enumerate(writes):
        values = np.arange(length) + 100.0 * number
        files.write_row(row, values)
        expected[row] = np.nan
        expected[row, :length] = values
        assert np.array_equal(files.read_row(row, length), values)
    assert np.array_equal(array[:], expected, equal_nan=True)


def test_what_is_not_a_whole_chunk_is_refused(tmp_path):
    files = ChunkFiles(tmp_path / "s", make(tmp_path / "s", (3, 8), (1, 8)))
    for values in (np.zeros((1, 7)), np.zeros((2, 8)), np.zeros(8), np.zeros((1, 8), "f4")):
        with pytest.raises(StoreError, match="not one whole chunk"):
            files.write((0, 0), values)
    for row in (np.zeros(9), np.zeros(8, "i8"), np.zeros((1, 8))):
        with pytest.raises(StoreError, match="do not fit a row"):
            files.write_row(0, row)


@pytest.mark.parametrize("compress", [False, True])
def test_damage_is_an_error_not_a_number(tmp_path, compress):
    array = make(tmp_path / "s", (3, 8), (1, 8), compress=compress)
    files = ChunkFiles(tmp_path / "s", array)
    files.write((0, 0), np.arange(8.0)[None])
    path = tmp_path / "s/a/c.0.0"
    whole = path.read_bytes()
    for damaged in (whole[:-1], b"", whole[:7] + bytes([whole[7] ^ 1]) + whole[8:]):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="cannot be read"):
            files.read((0, 0))
        with pytest.raises(ValueError, match=r"checksum|too small|codec|index|size|buffer"):
            array[0]
    with pytest.raises(StoreError, match="No such file"):
        files.read((1, 0))


def test_arrays_of_others_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "s", mode="w")
    other = group.create_array("a", shape=(2, 8), chunks=(1, 8), dtype="f8")
    with pytest.raises(StoreError, match="not made by halocast"):
        ChunkFiles(tmp_path / "s", other)


def test_a_failed_write_leaves_the_chunk_and_no_rubbish(tmp_path, monkeypatch):
    files = ChunkFiles(tmp_path / "s", make(tmp_path / "s", (3, 8), (1, 8)))
    files.write((0, 0), np.zeros((1, 8)))

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="No space"):
        files.write((0, 0), np.ones((1, 8)))
    assert np.array_equal(files.read((0, 0)), np.zeros((1, 8)))
    assert not list((tmp_path / "s").rglob(f"*{PARTIAL}"))
