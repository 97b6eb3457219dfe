"""Strips of a group: how they are cut, and that no bit depends on it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from halocast.config import find_run_file, read_settings
from halocast.cycle import updating
from halocast.cycle.strips import cut_strips
from halocast.engines import SerialEngine
from halocast.localization.blocks import partition
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs

METHODS = ["{method: lsmcmc-v2, block: [2, 3]}", "{method: letkf, radius: 3, block: [3, 3]}",
           "{method: lsmcmc-v2, block: [4, 5], sampler: {kernel: pcn, samples: 30, burn_in: 10}}",
           "{method: lsmcmc-v1, block: [5, 6]}", "{method: bridge, block: [3, 4]}"]  # fmt: skip


GRIDS = [((30, 40), (2, 2)), ((31, 17), (5, 4)), ((8, 8), (9, 9))]


@pytest.mark.parametrize(("shape", "block"), GRIDS)
@pytest.mark.parametrize("least", [1, 50, 10_000])
def test_strips_hold_every_block_once_and_lie_behind_each_other(shape, block, least):
    blocks = partition(shape, block)
    numbers = np.arange(blocks.n_blocks)[1 if blocks.n_blocks > 2 else 0 :]
    strips = cut_strips(blocks, numbers, least)
    np.testing.assert_array_equal(np.concatenate(strips), numbers)
    cells = [blocks.cells[blocks.cell_start[s[0]] : blocks.cell_start[s[-1] + 1]] for s in strips]
    assert all(a.max() < b.min() for a, b in pairwise(cells))
    assert all(c.size >= least for c in cells[:-1])


@pytest.mark.parametrize("method", METHODS)
def test_no_bit_depends_on_the_strips(method: str, tmp_path: Path, monkeypatch):
    settings = read_settings(
        find_run_file("linear-gaussian"),
        ["grid.shape=[24, 30]", "time.cycles=2", "ensemble.members=5", f"filter={method}"],
    )
    counts: list[int] = []
    for name, least in (("whole", 10**9), ("strips", 60)):

        def cut(blocks, numbers, least=least):
            counts.append(len(found := cut_strips(blocks, numbers, least)))
            return found

        monkeypatch.setattr(updating, "cut_strips", cut)
        create_run(settings, tmp_path / name)
        carry_out(tmp_path / name, SerialEngine())
    assert compare_runs(tmp_path / "whole", tmp_path / "strips") is None
    if "v1" not in method:  # sees everything everywhere, so that it is never cut
        assert counts[0] == 1
        assert counts[-1] > 5
