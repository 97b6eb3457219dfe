"""A cycle is a transaction: all of it or nothing, and what was committed stays."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import zarr
from halocast.errors import RunError, StoreError
from halocast.stores import arrays
from halocast.stores.open_run import open_run
from halocast.stores.run_store import RunStore
from store_examples import cycle_record, member_state, ocean_spec, plane_spec, run_cycle, score_row


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore.create(tmp_path / "run", ocean_spec())


def test_a_cycle_comes_back_bit_by_bit(store):
    record = cycle_record(store.spec, 1)
    store.write_cycle(1, record)
    root = zarr.open_group(store.directory / "run.zarr", mode="r")
    state = record.groups["analysis/mean"]
    names = store.spec.layout.names
    assert np.array_equal(root["analysis/mean/ssh"][0], state[names.index("ssh")])
    assert np.array_equal(root["analysis/mean/h"][0, 2], state[names.index("h2")])
    assert np.isnan(root["analysis/mean/h"][0, 0]).all()
    assert np.array_equal(root["observations/value"][0, :10], record.table["value"])
    assert root["observations/n"][0] == 10
    assert np.array_equal(root["fates/fate"][0, :25], record.fates[1])
    assert root["fates/first_row"][0] == 1000


@pytest.mark.parametrize("rows", [0, 1, 4095, 4096, 4097, 8999])
def test_tables_of_any_length(store, rows):
    record = cycle_record(store.spec, 1, rows=rows)
    digests = store.write_cycle(1, record)
    store.commit(1, {}, digests)
    assert store.damaged(1) == []
    column = zarr.open_array(store.directory / "run.zarr/observations/value", mode="r")[0]
    assert np.array_equal(column[:rows], record.table["value"])
    assert np.isnan(column[rows:]).all()


def test_a_shorter_table_leaves_nothing_of_a_longer_attempt(store):
    store.write_cycle(1, cycle_record(store.spec, 1, rows=8999))
    store.write_cycle(1, cycle_record(store.spec, 1, rows=3))
    column = zarr.open_array(store.directory / "run.zarr/observations/value", mode="r")[0]
    assert np.isnan(column[3:]).all()


def test_inputs_are_not_mutated(store):
    record, same = cycle_record(store.spec, 1), cycle_record(store.spec, 1)
    store.write_cycle(1, record)
    for name, values in record.groups.items():
        assert np.array_equal(values, same.groups[name])


def test_what_was_asked_for_is_kept(store):
    again = RunStore.open(store.directory)
    assert again.spec.config == "seed: 7\n"
    assert again.spec.record == {"seed": 7}
    assert again.spec.layout == store.spec.layout
    assert np.array_equal(again.spec.times, store.spec.times)
    assert np.array_equal(again.spec.grid.depth, store.spec.grid.depth)
    assert again.spec.tracks == store.spec.tracks


def test_a_new_handle_sees_what_another_committed(store):
    other = RunStore.open(store.directory)
    run_cycle(store, 1)
    assert other.committed() == 1
    assert other.last_checkpoint() == 1


def test_digests_tell_every_array_of_the_cycle(store):
    run_cycle(store, 1)
    digests = store.commit_record(1)["digests"]
    assert {"analysis/mean/u", "observations/fate", "fates/n", "scores/values"} <= set(digests)
    assert store.damaged(1) == []


def test_damage_is_found(store):
    run_cycle(store, 1)
    path = store.directory / "run.zarr/analysis/mean/ssh/c.0.0.0"
    data = bytearray(path.read_bytes())
    data[17] ^= 1
    path.write_bytes(bytes(data))
    (store.directory / "run.zarr/forecast/mean/t/c.0.0.0.0").unlink()
    assert store.damaged(1) == ["analysis/mean/ssh", "forecast/mean/t"]


def test_commits_are_in_order(store):
    digests = store.write_cycle(2, cycle_record(store.spec, 2))
    with pytest.raises(RunError, match="cycle 2 cannot be committed"):
        store.commit(2, {}, digests)
    assert store.committed() == 0


def test_two_processes_cannot_both_commit(store):
    other = RunStore.open(store.directory)
    digests = store.write_cycle(1, cycle_record(store.spec, 1))
    assert other.committed() == 0
    store.commit(1, {}, digests)
    with pytest.raises(RunError, match="one process at a time"):
        other._commits.append(1, {"cycle": 1})


def test_a_hole_ends_the_history(store):
    for cycle in (1, 2, 3):
        run_cycle(store, cycle)
    (store.directory / "commits/000002.json").write_text('{"cycle": 2, "dig')
    assert RunStore.open(store.directory).committed() == 1
    with pytest.raises(RunError, match="cycle 3 is not committed"):
        RunStore.open(store.directory).commit_record(3)


def test_a_recomputed_cycle_must_give_the_committed_numbers(store):
    run_cycle(store, 1, checkpoint=False)
    run_cycle(store, 1, checkpoint=False)
    record = cycle_record(store.spec, 1)
    record.groups["analysis/spread"][3, 2, 2] = np.nextafter(
        record.groups["analysis/spread"][3, 2, 2], 1
    )
    with pytest.raises(RunError, match="analysis/spread/t"):
        store.write_cycle(1, record)
    assert store.damaged(1) == []


def test_recomputing_mends_what_was_damaged(store):
    run_cycle(store, 1, checkpoint=False)
    (store.directory / "run.zarr/analysis/mean/ssh/c.0.0.0").write_bytes(b"torn")
    run_cycle(store, 1, checkpoint=False)
    assert store.damaged(1) == []


def test_cycles_may_be_written_by_processes_that_know_nothing_of_each_other(store):
    """Each makes the tables it misses, and rows of scores differ from cycle to cycle."""
    others = [RunStore.open(store.directory) for _ in range(3)]
    assert all(other.committed() == 0 for other in others)
    rng = np.random.default_rng(0)
    digests, records = {}, {}
    for cycle, variables in ((3, "u"), (1, "uv"), (2, "tv")):
        rows = [score_row("analysis", "truth", v, rng) for v in variables]
        records[cycle] = cycle_record(store.spec, cycle)._replace(scores=rows)
        digests[cycle] = others[cycle - 1].write_cycle(cycle, records[cycle])
    for cycle in (1, 2, 3):
        store.commit(cycle, {}, digests[cycle])
        assert store.damaged(cycle) == []
        RunStore.open(store.directory).write_cycle(cycle, records[cycle])  # the same once more
    scores = open_run(store.directory)["scores"].to_dataset()
    assert scores["variable"].values.tolist() == ["u", "v", "t"]
    filled = scores["rmse"].notnull().values.tolist()
    assert filled == [[True, True, False], [False, True, True], [True, False, False]]
    assert scores["crps"].values[1, 2] == records[2].scores[0]["crps"]


def test_two_processes_make_the_same_tables_at_once(store, monkeypatch):
    """Both find that a table is missing; the second one to make it finds it made."""
    other = RunStore.open(store.directory)
    real = arrays.create_arrays

    def overtaken(group, layouts):
        monkeypatch.undo()
        other.write_cycle(2, cycle_record(store.spec, 2))
        real(group, layouts)

    monkeypatch.setattr(arrays, "create_arrays", overtaken)
    for cycle in (1, 2):
        store.commit(cycle, {}, store.write_cycle(cycle, cycle_record(store.spec, cycle)))
        assert store.damaged(cycle) == []


def test_checkpoints_come_back(store):
    run_cycle(store, 1)
    for track in store.spec.tracks:
        for member in range(store.spec.members):
            state = store.read_checkpoint(track, 1, member)
            assert np.array_equal(state, member_state(store.spec, 1, member))
            assert state.flags.writeable


def test_resume_starts_from_a_complete_committed_checkpoint(store):
    run_cycle(store, 1)
    run_cycle(store, 2, checkpoint=False)
    for member in range(store.spec.members):  # of cycle 3, which is never committed
        store.write_checkpoint("analysis", 3, member, member_state(store.spec, 3, member))
    again = RunStore.open(store.directory)
    assert (again.committed(), again.last_checkpoint()) == (2, 1)
    with pytest.raises(StoreError, match="no committed checkpoint after cycle 3"):
        again.read_checkpoint("analysis", 3, 0)


def test_an_incomplete_checkpoint_cannot_be_committed(store):
    digests = store.write_cycle(1, cycle_record(store.spec, 1))
    for member in range(store.spec.members):
        store.write_checkpoint("analysis", 1, member, member_state(store.spec, 1, member))
    with pytest.raises(StoreError, match="member 0 of the track 'free'"):
        store.commit(1, {"checkpoint": True}, digests)
    assert store.committed() == 0


def test_a_damaged_member_is_never_read(store):
    run_cycle(store, 1)
    run_cycle(store, 2)
    path = store.directory / "run.zarr/checkpoints/free/c.1.3.0.0.0"
    data = bytearray(path.read_bytes())
    data[100] ^= 8
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="member 3 after cycle 2"):
        store.read_checkpoint("free", 2, 3)
    path.unlink()
    assert store.last_checkpoint() == 1


def test_pruning_keeps_the_newest(store):
    for cycle in (1, 2, 3):
        run_cycle(store, cycle)
    store.prune_checkpoints(2)
    assert store.checkpoints("analysis") == store.checkpoints("free") == [2, 3]
    assert store.read_checkpoint("free", 2, 0).shape == (12, 6, 7)
    store.prune_checkpoints(5)
    assert store.checkpoints("free") == [2, 3]
    store.write_checkpoint("free", 1, 0, member_state(store.spec, 1, 0))  # what a crash left
    store.prune_checkpoints(1)
    names = {path.name for path in (store.directory / "run.zarr/checkpoints/free").iterdir()}
    assert names == {"zarr.json", *(f"c.2.{member}.0.0.0" for member in range(4))}
    with pytest.raises(StoreError, match="member 0 after cycle 1 cannot be read"):
        store.read_checkpoint("free", 1, 0)
    with pytest.raises(StoreError, match="at least one"):
        store.prune_checkpoints(0)


def test_a_store_travels_to_another_process_and_stays_open_there(store):
    text = pickle.dumps(store)
    there = pickle.loads(text)
    assert there is pickle.loads(text)
    there.write_checkpoint("analysis", 1, 2, member_state(store.spec, 1, 2))
    assert (store.directory / "run.zarr/checkpoints/analysis/c.0.2.0.0.0").exists()


def test_folders_that_exist_are_refused(store, tmp_path):
    with pytest.raises(RunError, match="exists and is not empty"):
        RunStore.create(store.directory, ocean_spec())
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a file lies where a folder is needed"):
        RunStore.create(tmp_path / "file", ocean_spec())
    (tmp_path / "empty").mkdir()
    RunStore.create(tmp_path / "empty", plane_spec())


def test_no_run_here(tmp_path, store):
    with pytest.raises(RunError, match="no run in this folder"):
        RunStore.open(tmp_path)
    (store.directory / "record.json").unlink()
    with pytest.raises(RunError, match="never completely made"):
        RunStore.open(store.directory)


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"halocast_version": 2}, "layout version 2"),
        ({"halocast_store": "data"}, "says it is 'data'"),
        ({"halocast_store": None}, "says it is None"),
    ],
)
def test_another_version_or_kind_is_refused(store, attrs, message):
    path = store.directory / "run.zarr/zarr.json"
    metadata = json.loads(path.read_text())
    metadata["attributes"].update(attrs)
    path.write_text(json.dumps(metadata))
    with pytest.raises(StoreError, match=message) as caught:
        RunStore.open(store.directory)
    assert caught.value.remedy


def test_a_damaged_hierarchy_is_named(store):
    (store.directory / "run.zarr/zarr.json").write_text('{"zarr_for')
    with pytest.raises(StoreError, match="metadata cannot be read"):
        RunStore.open(store.directory)


def test_what_does_not_fit_is_refused(store):
    good = cycle_record(store.spec, 1)
    bad = [
        (good._replace(groups={}), "run was made for"),
        (good._replace(groups={k: v[:3] for k, v in good.groups.items()}), "is needed"),
        (good._replace(table={**good.table, "value": np.zeros(3)}), "where \\(10,\\) is needed"),
        (good._replace(fates=(0, np.zeros(9001, "i2"))), "at most 9000 rows"),
        (good._replace(health={"ess": np.zeros(5)}), "where \\(12,\\)"),
        (good._replace(table={"name": np.array(["a"])}), "cannot be stored"),
        (good._replace(scores=[good.scores[0]] * 2), "differ in their labels"),
    ]
    for record, message in bad:
        with pytest.raises(StoreError, match=message):
            store.write_cycle(1, record)
    with pytest.raises(StoreError, match="1…3"):
        store.write_cycle(4, good)
    store.write_cycle(1, good)
    other = good._replace(health={"ess": np.zeros(12, "f4"), "observations": np.zeros(12, "i8")})
    with pytest.raises(StoreError, match="do not fit a row"):
        store.write_cycle(1, other)
