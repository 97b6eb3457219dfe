"""The chains of a cycle's busiest block: written where chains ran, compared, and not needed."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.cycle.parts import Statistics
from halocast.cycle.scoring import _busiest_trace
from halocast.errors import StoreError
from halocast.samplers.chains import ChainTrace
from halocast.stores.compare import compare_runs
from halocast.stores.open_run import open_run
from halocast.stores.run_store import RunStore
from store_examples import cycle_record, ocean_spec

CHAINS, SAMPLES = 3, 40


def trace(cycle: int, samples: int = SAMPLES) -> ChainTrace:
    rng = np.random.default_rng([cycle, 3])
    shape = (CHAINS, samples)
    return ChainTrace(
        rng.normal(size=shape),
        rng.integers(0, 4, shape).astype(np.int32),
        -rng.gamma(1.0, size=shape),
        np.full(CHAINS, 0.25),
        rng.uniform(size=CHAINS),
    )


def write(path, traces) -> RunStore:
    """Commit as many cycles as there are traces; None is a cycle without chains."""
    store = RunStore.create(path, ocean_spec(3))
    for cycle, found in enumerate(traces, 1):
        record = cycle_record(store.spec, cycle)._replace(trace=found)
        store.commit(cycle, {}, store.write_cycle(cycle, record))
    return store


def test_traces_come_back_as_labelled_data(tmp_path):
    store = write(tmp_path / "run", [trace(1), trace(2)])
    chains = open_run(store.directory)["chains"].to_dataset()
    assert chains["values"].dims == chains["ancestor"].dims == ("cycle", "chain", "sample")
    assert chains["acceptance"].dims == chains["step"].dims == ("cycle", "chain")
    wanted = trace(2)
    for name in wanted._fields:
        got = chains[name].sel(cycle=2).values
        np.testing.assert_array_equal(got, getattr(wanted, name).astype(got.dtype))
        assert chains[name].attrs["long_name"]
    assert chains["ancestor"].dtype == np.int32
    assert store.damaged(2) == []


def test_chains_are_single_precision_and_small(tmp_path):
    store = write(tmp_path / "run", [trace(1, samples=500)])
    folder = store.directory / "run.zarr/chains"
    assert open_run(store.directory)["chains/values"].dtype == np.float32
    assert sum(f.stat().st_size for f in folder.rglob("c.*")) <= 3 * 4 * CHAINS * 500 + 100


@pytest.mark.parametrize("first", [None, trace(1)])
def test_a_cycle_without_chains_among_cycles_with(tmp_path, first):
    second = trace(2) if first is None else None
    store = write(tmp_path / "run", [first, second])
    chains = open_run(store.directory)["chains"].to_dataset()
    known = np.isfinite(chains["values"].values).all(axis=(1, 2))
    np.testing.assert_array_equal(known, [first is not None, second is not None])
    np.testing.assert_array_equal((chains["ancestor"].values >= 0).all(axis=(1, 2)), known)
    assert store.damaged(1) == store.damaged(2) == []


def test_a_run_without_chains_has_no_arrays_of_them(tmp_path):
    store = write(tmp_path / "run", [None, None])
    assert not (store.directory / "run.zarr/chains").exists()
    assert not open_run(store.directory)["chains"].data_vars
    assert not open_run(write(tmp_path / "empty", []).directory)["chains"].data_vars


def test_another_process_writes_on(tmp_path):
    store = write(tmp_path / "run", [trace(1)])
    again = RunStore.open(store.directory)
    again.write_cycle(2, cycle_record(store.spec, 2)._replace(trace=trace(2)))
    np.testing.assert_array_equal(
        again._files("chains/values").read((1, 0, 0))[0], trace(2).values.astype("f4")
    )


def test_chains_of_other_lengths_do_not_fit_a_run(tmp_path):
    store = write(tmp_path / "run", [trace(1)])
    longer = cycle_record(store.spec, 2)._replace(trace=trace(2, samples=SAMPLES + 1))
    with pytest.raises(StoreError, match="not one whole chunk"):
        store.write_cycle(2, longer)


def test_the_last_bit_of_one_sample_is_a_difference(tmp_path):
    a = write(tmp_path / "a", [trace(1)])
    assert compare_runs(a.directory, write(tmp_path / "same", [trace(1)]).directory) is None
    values = trace(1).values.astype("f4")
    values[2, 7] = np.nextafter(values[2, 7], np.float32(9))
    b = write(tmp_path / "b", [trace(1)._replace(values=values)])
    found = compare_runs(a.directory, b.directory)
    assert (found.group, found.field, found.index) == ("chains", "values", (2, 7))
    assert "chain and sample = (2, 7)" in str(found)
    step = write(tmp_path / "c", [trace(1)._replace(step=np.array([0.25, 0.25, 0.5]))])
    found = compare_runs(a.directory, step.directory)
    assert (found.group, found.field, found.index) == ("chains", "step", (2,))


def test_chains_that_one_run_does_not_have_are_a_difference(tmp_path):
    a, b = write(tmp_path / "a", [trace(1)]), write(tmp_path / "b", [None])
    found = compare_runs(a.directory, b.directory)
    assert (found.group, found.value_a, found.value_b) == ("chains", "present", "absent")


def kept(blocks, observations, found) -> Statistics:
    blocks, observations = np.array(blocks), np.array(observations, float)
    none = np.zeros(0, int)
    known = {"trace": found, "seconds": 0.0}
    given = {"fate": none, "seen": none, "scalars": {}, "blocks": blocks,
             "health": {"observations": observations}}  # fmt: skip
    return Statistics(**given, **{k: v for k, v in known.items() if k in Statistics._fields})


def test_a_cycle_keeps_the_chains_of_its_busiest_block():
    one, two, three = trace(1), trace(2), trace(3)
    assert _busiest_trace((kept([0, 1], [3, 5], one), kept([2, 3], [9, 1], two))) is two
    assert _busiest_trace((kept([4, 5], [1, 5], one), kept([2, 3], [5, 1], three))) is three
    assert _busiest_trace((kept([0], [9], None), kept([1], [2], two))) is two
    assert _busiest_trace((kept([0], [9], None),)) is None
