"""The first difference of two runs, in the order the numbers were computed."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import RunError
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore
from store_examples import HOUR, cycle_record, member_state, ocean_spec, plane_spec, run_cycle


def make(path, change=None, n_cycles: int = 3, **spec):
    """A run of noise; ``change(cycle, record)`` may alter what a cycle leaves behind."""
    store = RunStore.create(path, ocean_spec(n_cycles, **spec))
    for cycle in range(1, n_cycles + 1):
        record = cycle_record(store.spec, cycle)
        record = record if change is None else (change(cycle, record) or record)
        seconds = np.random.default_rng().uniform()
        store.commit(cycle, {"seconds": seconds}, store.write_cycle(cycle, record))
    return path


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return make(tmp_path_factory.mktemp("reference") / "run")


def test_the_same_numbers_are_the_same_run(tmp_path, reference):
    other = make(tmp_path / "other", config="engine: dask\n", record={"machine": "another"})
    assert compare_runs(reference, reference) is None
    assert compare_runs(reference, other) is None


@pytest.mark.parametrize(
    ("field", "name", "index"),
    [(0, "ssh", (2, 3)), (5, "u1", (5, 6)), (8, "h2", (0, 0)), (11, "t2", (3, 1))],
)
def test_the_last_bit_of_one_cell(tmp_path, reference, field, name, index):
    def change(cycle, record):
        if cycle == 2:
            values = record.groups["analysis/mean"]
            values[field][index] = np.nextafter(values[field][index], 9)

    found = compare_runs(reference, make(tmp_path / "other", change))
    assert (found.cycle, found.group, found.field) == (2, "analysis/mean", name)
    assert found.index == index
    assert found.value_b == np.nextafter(found.value_a, 9)
    assert repr(found.value_a) in str(found)
    assert f"cycle 2, analysis/mean, {name}, cell (y, x) = {index}" in str(found)


def test_zeros_of_both_signs_differ_and_nan_equals_nan(tmp_path):
    def zeros(sign):
        def change(_, record):
            record.groups["forecast/spread"][:] = np.nan
            record.groups["free_run/mean"][:] = np.copysign(0.0, sign)

        return change

    def other_nan(cycle, record):
        zeros(1)(cycle, record)
        bits = np.full(record.groups["forecast/spread"].shape, 0x7FF8000000000001)
        record.groups["forecast/spread"][:] = bits.view("f8")

    plus = make(tmp_path / "plus", zeros(1))
    assert compare_runs(plus, make(tmp_path / "nan", other_nan)) is None
    found = compare_runs(plus, make(tmp_path / "minus", zeros(-1)))
    assert (found.group, found.value_a, repr(found.value_b)) == ("free_run/mean", 0.0, "-0.0")
    assert found.count == 3 * 6 * 7 if found.field[0] in "tuv" else 1


def test_the_order_is_that_of_the_computation(tmp_path, reference):
    """What was computed first is to blame first."""

    def change(cycle, record):
        if cycle >= 2:
            for group in record.groups.values():
                group += 1.0
            record.table["value"][:] += 1
            record.health["ess"][:] += 1

    found = compare_runs(reference, make(tmp_path / "other", change))
    assert (found.cycle, found.group) == (2, "forecast/mean")


def test_tables_health_and_scores_count_too(tmp_path, reference):
    changes = {
        "observations": lambda r: r.table["value"].__setitem__(4, 9.0),
        "fates": lambda r: r.fates[1].__setitem__(4, 17),
        "health": lambda r: r.health["ess"].__setitem__(4, 9.0),
        "scores": lambda r: r.scores[1].__setitem__("crps", 9.0),
    }
    for group, change in changes.items():
        other = make(tmp_path / group, lambda k, r, change=change: change(r) if k == 3 else None)
        found = compare_runs(reference, other)
        assert (found.cycle, found.group, found.count) == (3, group, 1)
    assert "crps of analysis truth u" in str(found)


def test_tables_of_other_lengths(tmp_path, reference):
    def change(cycle, record):
        if cycle == 2:
            return record._replace(table={k: v[:-1] for k, v in record.table.items()})
        return None

    found = compare_runs(reference, make(tmp_path / "other", change))
    assert (found.cycle, found.group, found.value_b) == (2, "observations", "shape (9,)")


def test_a_column_one_run_does_not_have(tmp_path, reference):
    def change(_, record):
        return record._replace(health={"ess": record.health["ess"]})

    found = compare_runs(reference, make(tmp_path / "other", change))
    assert (found.cycle, found.group, found.field) == (1, "health", "observations")
    assert (found.value_a, found.value_b) == ("present", "absent")


def test_rows_of_scores_one_run_does_not_have(tmp_path, reference):
    found = compare_runs(
        reference, make(tmp_path / "other", lambda _, record: record._replace(scores=[]))
    )
    assert (found.group, found.value_a, found.value_b) == (
        "scores", "analysis truth ssh", "no such row",
    )  # fmt: skip


def test_a_shorter_run(tmp_path, reference):
    found = compare_runs(reference, make(tmp_path / "other", n_cycles=2))
    assert (found.cycle, found.value_a, found.value_b) == (3, "committed", "not committed")
    assert "cycle 3" in str(found)


@pytest.mark.parametrize(
    ("spec", "group"),
    [
        (ocean_spec(members=5), "members"),
        (ocean_spec(tracks=("analysis",)), "field groups"),
        (ocean_spec(times=ocean_spec().times + HOUR), "time"),
        (plane_spec(), "state"),
    ],
)
def test_runs_of_another_shape(tmp_path, reference, spec, group):
    RunStore.create(tmp_path / "other", spec)
    assert compare_runs(reference, tmp_path / "other").group == group


def test_no_run_to_compare(tmp_path, reference):
    with pytest.raises(RunError, match="no run in this folder"):
        compare_runs(reference, tmp_path)


def test_checkpoints_do_not_matter(tmp_path, reference):
    """How often members are kept changes no number."""
    store = RunStore.create(tmp_path / "other", ocean_spec())
    for cycle in (1, 2, 3):
        run_cycle(store, cycle)
    store.write_checkpoint("free", 3, 1, member_state(store.spec, 9, 9))
    assert compare_runs(reference, store.directory) is None
