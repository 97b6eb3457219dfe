"""One writer a chunk: what the guard stops, and what happens without it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import zarr
from halocast.errors import StoreError
from halocast.stores.one_writer import OneWriter
from halocast.stores.run_store import RunStore
from hypothesis import given
from hypothesis import strategies as st
from store_examples import ocean_spec


@st.composite
def arrays_and_regions(draw):
    """A shape, its chunks, and regions (slices) with their writers."""
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 9)) for _ in range(ndim))
    unit = tuple(draw(st.integers(1, n)) for n in shape)
    regions = []
    for _ in range(draw(st.integers(1, 4))):
        parts = []
        for n in shape:
            start = draw(st.integers(0, n - 1))
            parts.append(slice(start, draw(st.integers(start + 1, n))))
        regions.append((draw(st.sampled_from("abc")), tuple(parts)))
    return shape, unit, regions


def chunks_touched(shape, unit, region) -> tuple[set, set]:
    """The chunks a region touches, and those of them it covers whole, cell by cell."""
    inside = np.zeros(shape, bool)
    inside[region] = True
    touched, whole = set(), set()
    counts = [-(-n // u) for n, u in zip(shape, unit)]
    for chunk in itertools.product(*map(range, counts)):
        cells = inside[tuple(slice(c * u, (c + 1) * u) for c, u in zip(chunk, unit))]
        if cells.any():
            touched.add(chunk)
        if cells.all():
            whole.add(chunk)
    return touched, whole


@given(arrays_and_regions())
def test_what_the_guard_lets_through_cannot_collide(case):
    shape, unit, regions = case
    guard = OneWriter("array", shape, unit)
    owner: dict[tuple, str] = {}
    for writer, region in regions:
        touched, whole = chunks_touched(shape, unit, region)
        safe = touched == whole and all(owner.get(c, writer) == writer for c in touched)
        if safe:
            guard.claim(writer, region)
            owner.update(dict.fromkeys(touched, writer))
        else:
            with pytest.raises(StoreError):
                guard.claim(writer, region)


def test_the_message_says_who_and_which():
    guard = OneWriter("analysis/mean/u", (4, 10), (1, 10))
    guard.claim("rank 0", (0,))
    guard.claim("rank 0", (0,))
    with pytest.raises(StoreError, match=r"rank 0 and rank 1 would both write chunk \(0, 0\)"):
        guard.claim("rank 1", (slice(0, 2),))
    guard.claim("rank 1", (1,))
    with pytest.raises(StoreError, match="0:5 of axis 1 is not made of whole chunks"):
        guard.claim("rank 1", (2, slice(0, 5)))
    for outside in [(4,), (-1,), (0, slice(0, 20)), (slice(0, 4, 2),), (0, 0, 0)]:
        with pytest.raises(StoreError):
            guard.claim("rank 1", outside)


def test_a_shard_is_what_is_written_as_a_whole(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(4, 8, 8), chunks=(1, 4, 4), shards=(1, 8, 8), dtype="f8"
    )
    guard = OneWriter.of(array)
    guard.claim("a", (0,))
    with pytest.raises(StoreError, match="whole chunks"):
        guard.claim("a", (1, slice(0, 4), slice(0, 4)))


def test_without_the_guard_a_shared_chunk_loses_a_write(tmp_path):
    """Two writers read the same chunk, each changes its half: the first one's half is undone.

    The order is the one that happens by chance when they run at the same time.
    """
    array = zarr.create_array(tmp_path / "a.zarr", shape=(2, 4), chunks=(2, 4), dtype="f8")
    regions = {"a": (slice(0, 1),), "b": (slice(1, 2),)}
    seen = {writer: array[:] for writer in regions}
    for writer, region in regions.items():
        seen[writer][region] = 1.0
        array[:] = seen[writer]
    assert array[:].sum() == 4.0  # of 8: nobody was told

    guard = OneWriter.of(array)
    with pytest.raises(StoreError, match="whole chunks"):
        guard.claim("a", regions["a"])


def test_a_plan_of_checkpoint_writers(tmp_path):
    store = RunStore.create(tmp_path / "run", ocean_spec())
    store.check_writers({"worker 0": [0, 2], "worker 1": iter([1, 3])})
    with pytest.raises(StoreError, match="worker 0 and worker 1 would both write"):
        store.check_writers({"worker 0": [0, 1, 2], "worker 1": [2, 3]})
    with pytest.raises(StoreError, match=r"nobody would write .* members \[3\]"):
        store.check_writers({"worker 0": [0, 1], "worker 1": [2]})
    with pytest.raises(StoreError, match="not made of whole chunks"):
        store.check_writers({"worker 0": [0, 1, 2, 3, 4]})
