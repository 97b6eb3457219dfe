"""The cases of the tables: all of them can run, and hold the figures of the paper."""

from __future__ import annotations

import pytest
from halocast.config import packaged_runs
from halocast.errors import ConfigError
from halocast.filters import FILTERS, LsmcmcV2Settings
from halocast.tables import Case, Method, load_cases
from halocast.tables.cases import FREE_RUN, columns, method_settings

EXPERIMENTS = ["linear-gaussian", "natl-linear", "twin-arctan", "twin-arctan-cauchy"]
CASES = load_cases()
# rows of the paper's Tables 2, 4, 6 and 8, by method: velocity, SST, SSH; or the state
PUBLISHED = {
    "linear-gaussian": [{"z": 0.0072}, {"z": 0.0203}, {"z": 0.0071}, {"z": 0.0101}, {"z": 0.0042}],
    "natl-linear": [
        {"velocity": 0.0108, "t": 0.111, "ssh": 0.361},
        {"velocity": 0.0098, "t": 0.144, "ssh": 0.493},
        {"velocity": 0.0143, "t": 0.079, "ssh": 0.403},
    ],
    "twin-arctan": [
        {"velocity": 0.0702, "t": 0.465, "ssh": 0.346},
        {"velocity": 0.0591, "t": 0.389, "ssh": 0.295},
        {"velocity": 0.0546, "t": 0.362, "ssh": 0.421},
        {"velocity": 0.072, "t": 0.203, "ssh": 146.66},
    ],
    "twin-arctan-cauchy": [
        {"velocity": 0.068, "t": 0.451, "ssh": 0.335},
        {"velocity": 0.068, "t": 0.450, "ssh": 0.338},
        {"velocity": 0.056, "t": 0.365, "ssh": 0.421},
    ],
}


def exists(method: Method) -> bool:
    chains = "sampler" in method.filter
    return method.filter["method"] in FILTERS and (
        not chains or "sampler" in LsmcmcV2Settings.model_fields
    )


def rows() -> list:
    found = []
    for case in CASES:
        for method in case.methods:
            missing = not exists(method)
            mark = [pytest.mark.xfail(reason="no such method yet", strict=True)] if missing else []
            found.append(pytest.param(case, method, id=f"{case.name}: {method.name}", marks=mark))
    return found


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(("case", "method"), rows())
def test_every_row_is_a_sound_run_file(case: Case, method: Method, quick: bool) -> None:
    first = method_settings(case, method, 0, quick=quick)
    assert first.filter.method == method.filter["method"]
    if not quick and case.cycles is None:
        assert first.time.cycles in (100, 240)
    for replicate in range(1, method.replicates):
        other = method_settings(case, method, replicate, quick=quick)
        assert other.seed == first.seed + replicate
        free = {"seed": first.seed, "free_run": first.free_run}
        assert other.model_copy(update=free) == first


def test_every_experiment_is_there_as_published_and_fair() -> None:
    assert {(c.experiment, c.setting) for c in CASES} == {
        (e, s) for e in EXPERIMENTS for s in ("as published", "fair")
    } | {("natl-linear", "the field's filters")}
    assert {c.run for c in CASES} <= packaged_runs().keys()
    for case in CASES:
        names = [m.name for m in case.methods]
        assert len(set(names)) == len(names)
        assert {"lsmcmc-v2", "letkf"} <= {m.filter["method"] for m in case.methods}
        if case.setting == "as published":
            assert case.source.startswith("Table")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_published_figures_are_the_papers(experiment: str) -> None:
    found = [
        m.published
        for case in CASES
        if (case.experiment, case.setting) == (experiment, "as published")
        for m in case.methods
        if m.published
    ]
    expected = PUBLISHED[experiment]
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_one_free_run_serves_a_table() -> None:
    for case in CASES:
        assert [m.filter["method"] for m in case.rows].count("free-run") == 1
        assert case.rows[-1].name == FREE_RUN
        for method in filter(exists, case.rows):
            assert not method_settings(case, method, 0, quick=True).free_run


def test_one_experiment_can_be_chosen_and_a_wrong_name_says_which_there_are() -> None:
    assert {c.experiment for c in load_cases("natl-linear")} == {"natl-linear"}
    assert [c.setting for c in load_cases("twin-arctan-fair")] == ["fair"]
    with pytest.raises(ConfigError, match="twin-arctan-cauchy"):
        load_cases("twin-tan")


def test_velocity_is_one_column() -> None:
    assert columns(["v", "ssh", "u", "u1", "h2", "t"]) == ["velocity", "t", "ssh"]
    assert columns(["z"]) == ["z"]
