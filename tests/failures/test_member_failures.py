"""A member that blows up: the run ends, or goes on without it or with a healthy member's forecast.

A checkpoint is given values at the edge of what a float can hold, in one member of each track; the
model, which grows, then overflows in the next cycle and says so.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from halocast.cycle.driver import Driver
from halocast.cycle.failures import Failure, advance_members, make_roster
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.errors import ModelError
from halocast.report.content import failure_lines
from halocast.report.page import build_page
from halocast.report.view import RunView
from halocast.runs import carry_out, change_settings, create_run, stored_settings
from halocast.stores.compare import compare_runs
from halocast.stores.open_run import open_run
from halocast.stores.run_store import RunStore

MEMBERS, POISONED, SICK, SICK_FREE = 8, 4, 3, 5
GROWING = ["model.decay=1.05", "time.cycles=9", "checkpoint.every=4", "checkpoint.keep=9"]
TRACKS = (("analysis", SICK), ("free", SICK_FREE))


@pytest.fixture(scope="module")
def poisoned(linear, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run after its first checkpoint, with a sick member in each track."""
    directory = tmp_path_factory.mktemp("poisoned") / "run"
    settings = linear(*GROWING)
    assert settings.ensemble.members == MEMBERS
    store = create_run(settings, directory)
    for progress in Driver(directory, SerialEngine()).run():
        if progress.cycle == POISONED:
            break
    for track, member in TRACKS:
        state = store.read_checkpoint(track, POISONED, member)
        state[0, 3, 4] = 1.79e308
        store.write_checkpoint(track, POISONED, member, state)
    return directory


def with_policy(poisoned: Path, directory: Path, policy: str) -> Path:
    """Copy the poisoned run and give it a policy."""
    shutil.copytree(poisoned, directory, symlinks=True)
    settings = stored_settings(directory)
    ensemble = settings.ensemble.model_copy(update={"on_failure": policy})
    changed = settings.model_copy(update={"ensemble": ensemble})
    change_settings(directory, changed, accept_changes=True)
    return directory


@pytest.fixture(scope="module", params=["drop", "replace"])
def policy(request: pytest.FixtureRequest) -> str:
    """The policies with which a run goes on."""
    return request.param


@pytest.fixture(scope="module")
def went_on(policy: str, poisoned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The poisoned run, carried on serially under a policy."""
    directory = with_policy(poisoned, tmp_path_factory.mktemp(policy) / "run", policy)
    assert carry_out(directory, SerialEngine()) == 9
    return directory


def test_by_default_the_run_ends_and_says_which_member_and_what_to_do(
    poisoned: Path, tmp_path: Path
) -> None:
    directory = with_policy(poisoned, tmp_path / "run", "fail")
    with pytest.raises(ModelError, match="not finite") as caught:
        carry_out(directory, SerialEngine())
    for words in (f"member {SICK} of the analysis, cycle 5", "cell (3, 4)", "on_failure=drop"):
        assert words in str(caught.value)
    assert RunStore.open(directory).committed() == POISONED


def test_what_happened_is_committed_with_the_cycle_it_happened_in(
    policy: str, went_on: Path
) -> None:
    store = RunStore.open(went_on)
    account = {entry["track"]: entry for entry in store.commit_record(5)["failures"]}
    assert account["analysis"]["member"] == SICK
    assert account["free run"]["member"] == SICK_FREE
    for entry in account.values():
        assert "not finite" in entry["what"]
        assert entry["done"] == {"drop": "dropped", "replace": "replaced"}[policy]
    if policy == "replace":
        assert account["analysis"]["donor"] != SICK
        assert account["free run"]["donor"] != SICK_FREE
    for cycle in (1, 2, 3, 4, 6, 7, 8, 9):
        assert "failures" not in store.commit_record(cycle)
    left = {"analysis": MEMBERS - 1, "free-run": MEMBERS - 1}
    for cycle in (5, 9):
        assert store.commit_record(cycle).get("members") == (left if policy == "drop" else None)


def test_the_report_says_who_failed_and_what_became_of_it(policy: str, went_on: Path) -> None:
    lines = failure_lines(RunView(open_run(went_on)))
    assert [line["moment"] for line in lines] == ["cycle 5", "cycle 5"]
    assert [line["member"] for line in lines] == [f"{SICK} of the analysis",
                                                  f"{SICK_FREE} of the free run"]  # fmt: skip
    if policy == "drop":
        page = build_page(open_run(went_on))
        assert "Members that failed" in page
        assert f"<td>{SICK} of the analysis</td><td>dropped</td>" in page


def test_a_dropped_member_is_nan_from_then_on_and_a_replaced_one_is_not(
    policy: str, went_on: Path
) -> None:
    store = RunStore.open(went_on)
    for track, sick in TRACKS:
        states = np.stack([store.read_checkpoint(track, 8, n) for n in range(MEMBERS)])
        finite = np.isfinite(states).reshape(MEMBERS, -1)
        expected = np.ones(MEMBERS, dtype=bool)
        expected[sick] = policy == "replace"
        assert np.array_equal(finite.all(axis=1), expected)
        assert np.array_equal(finite.any(axis=1), expected)
        assert len(np.unique(states.reshape(MEMBERS, -1)[expected], axis=0)) == expected.sum()
    for name in ("analysis/mean/z", "free_run/spread/z", "forecast/mean/z"):
        assert np.isfinite(store.read_array(9, name)).all()


def test_no_engine_and_no_grouping_changes_a_bit_of_what_goes_on(
    policy: str, poisoned: Path, went_on: Path, two_workers: DaskEngine, tmp_path: Path
) -> None:
    grouped = with_policy(poisoned, tmp_path / "groups", policy)
    carry_out(grouped, SerialEngine(), groups=5)
    assert compare_runs(went_on, grouped) is None
    carry_out(with_policy(poisoned, tmp_path / "dask", policy), two_workers, groups=3)
    assert compare_runs(went_on, tmp_path / "dask") is None
    records = [RunStore.open(p).commit_record(5) for p in (went_on, grouped, tmp_path / "dask")]
    assert records[0]["failures"] == records[1]["failures"] == records[2]["failures"]


def test_a_run_stopped_after_the_failure_resumes_to_the_same_bits(
    policy: str, poisoned: Path, went_on: Path, tmp_path: Path
) -> None:
    directory = with_policy(poisoned, tmp_path / "run", policy)
    for progress in Driver(directory, SerialEngine()).run():
        if progress.cycle == 8:
            break
    assert carry_out(directory, SerialEngine(), groups=2) == 9
    assert compare_runs(went_on, directory) is None


def test_a_dropped_member_comes_back_where_the_policy_becomes_replace(
    poisoned: Path, tmp_path: Path
) -> None:
    directory = with_policy(poisoned, tmp_path / "run", "drop")
    for progress in Driver(directory, SerialEngine()).run():
        if progress.cycle == 8:
            break
    again = with_policy(directory, tmp_path / "again", "replace")
    assert carry_out(again, SerialEngine()) == 9
    record = RunStore.open(again).commit_record(9)
    assert {e["what"] for e in record["failures"]} == {"was dropped in an earlier cycle"}
    assert "members" not in record


# ---- the decision by itself


def failures(*members: int, track: str = "analysis") -> list[Failure]:
    return [Failure(track, m, ModelError(f"member {m} is ill", where="here")) for m in members]


def test_donors_are_healthy_distinct_while_they_last_and_do_not_depend_on_the_order() -> None:
    ill = failures(1, 4, 6)
    roster = make_roster("replace", ill, "analysis", 8, seed=11, cycle=2)
    donors = roster.source[[1, 4, 6]]
    assert set(donors) <= {0, 2, 3, 5, 7}
    assert len(set(donors)) == 3
    other = make_roster("replace", ill[::-1], "analysis", 8, seed=11, cycle=2)
    assert np.array_equal(roster.source, other.source)
    many = make_roster("replace", failures(0, 1, 2, 3, 4), "analysis", 8, seed=11, cycle=2)
    assert set(many.source[:5]) == {5, 6, 7}


def test_donors_are_drawn_evenly() -> None:
    drawn = [
        int(make_roster("replace", failures(2), "analysis", 5, seed=3, cycle=c).source[2])
        for c in range(1, 401)
    ]
    counts = np.bincount(drawn, minlength=5)
    assert counts[2] == 0
    # 400 draws among 4: standard deviation 8.7
    assert np.abs(counts[[0, 1, 3, 4]] - 100).max() < 4 * 8.7


def test_rosters_take_and_put_back_rows() -> None:
    values = np.arange(4.0)[:, None]
    dropped = make_roster("drop", failures(1), "analysis", 4, seed=0, cycle=1)
    assert dropped.forecasts(values)[:, 0].tolist() == [0, 2, 3]
    back = dropped.to_all(dropped.own(values))
    assert np.array_equal(back[:, 0], [0, np.nan, 2, 3], equal_nan=True)
    replaced = make_roster("replace", failures(1), "analysis", 4, seed=0, cycle=1)
    assert replaced.own(values) is values
    assert replaced.forecasts(values)[1, 0] == replaced.source[1] != 1
    untouched = make_roster("drop", failures(1, track="free run"), "analysis", 4, seed=0, cycle=1)
    assert untouched.forecasts(values) is values


@pytest.mark.parametrize("policy", ["drop", "replace"])
def test_an_ensemble_of_which_nothing_is_left_ends_the_run(policy: str) -> None:
    with pytest.raises(ModelError, match="3 members failed: member 0 is ill") as caught:
        make_roster(policy, failures(0, 1, 2), "analysis", 4, seed=0, cycle=1)  # type: ignore[arg-type]
    assert "1 of 4 members" in str(caught.value)


def test_a_forecast_that_is_not_finite_is_a_failure_though_the_model_said_nothing() -> None:
    states = np.arange(12.0).reshape(3, 1, 2, 2)

    def silent(k: int, state: np.ndarray) -> np.ndarray:
        return np.where(state == 6.0, np.inf, state)

    out, failed = advance_members(silent, states, np.array([4, 5, 6]), "analysis", 3)
    assert [(f.track, f.member) for f in failed] == [("analysis", 5)]
    assert "member 5 of the analysis, cycle 3; field 0, cell (1, 0)" in str(failed[0].error)
    assert np.isnan(out[1]).all()
    assert np.array_equal(out[[0, 2]], states[[0, 2]])


def test_only_what_was_dropped_counts_as_dropped() -> None:
    states = np.zeros((3, 1, 2, 2))
    states[0] = np.nan
    states[1, 0, 0, 0] = np.nan
    seen: list[np.ndarray] = []

    def advance(k: int, state: np.ndarray) -> np.ndarray:
        seen.append(state)
        return state

    _, failed = advance_members(advance, states, np.arange(3), "analysis", 2)
    assert [f.error is None for f in failed] == [True, False]
    assert len(seen) == 2
    _, failed = advance_members(advance, states, np.arange(3), "analysis", 1)
    assert [f.error is None for f in failed] == [False, False]  # nobody was dropped before cycle 1
