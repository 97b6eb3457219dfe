"""What a filter remembers: packed, stored, damaged, pruned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from block_runs import Make, section
from halocast.engines import SerialEngine
from halocast.errors import RunError, RunStopped, StoreError
from halocast.filters.memory import from_bytes, pack, to_bytes, unpack
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.memories import Memories
from halocast.stores.places import locate
from halocast.stores.run_store import RunStore
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ARRAYS = hnp.arrays(float, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@given(st.dictionaries(st.integers(0, 99), st.lists(ARRAYS, min_size=1, max_size=3).map(tuple)))
@hypothesis_settings(deadline=None, max_examples=50)
def test_a_memory_comes_back_bit_by_bit(memory) -> None:
    found = from_bytes(to_bytes(memory), "here")
    assert found.keys() == memory.keys()
    for block, parts in memory.items():
        for a, b in zip(parts, found[block], strict=True):
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes()
    assert to_bytes(found) == to_bytes(dict(reversed(memory.items())))


def test_numbers_and_tuples_are_packed_and_what_is_none_is_refused() -> None:
    assert unpack(pack(3, "here")).shape == ()
    one, two = unpack(pack((np.arange(3), 2.0), "here"))
    assert one.dtype == two.dtype == float
    assert unpack(None) is None
    for bad in ("words", (np.ones(2),), ({}, 1.0)):
        with pytest.raises(RunError, match="cannot be kept"):
            pack(bad, "here")


def test_a_damaged_memory_is_not_gone_on_from(linear: Make, tmp_path: Path) -> None:
    settings = linear(section("ensrf", adaptive={"by": "miyoshi"}), "checkpoint.every=1")
    create_run(settings, tmp_path / "whole")
    carry_out(tmp_path / "whole", SerialEngine())
    kept = sorted(path.name for path in (tmp_path / "whole" / "memory").iterdir())
    assert kept == ["000003.bin", "000004.bin"]  # as many as there are checkpoints
    half = tmp_path / "half"
    create_run(settings, half)
    with pytest.raises(RunStopped):
        carry_out(half, SerialEngine(), stop=lambda: RunStore.open(half).committed() >= 2)
    newest = sorted((half / "memory").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-9] + b"damaged!!")
    cycle = int(newest.stem)
    carry_out(half, SerialEngine())
    assert RunStore.open(half).memories.damaged(cycle) == []
    assert compare_runs(tmp_path / "whole", half) is None


def test_a_memory_that_is_gone_says_so(tmp_path: Path) -> None:
    memories = Memories(locate(tmp_path / "memory"))
    memories.write(7, to_bytes({0: (np.ones(3),)}))
    assert from_bytes(memories.read(7), "here")[0][0].tolist() == [1.0, 1.0, 1.0]
    memories.discard(7)
    with pytest.raises(StoreError, match="after cycle 7 is missing or damaged"):
        memories.read(7)
