"""Combinations of a sweep, their outcomes, and the picture of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from halocast.config import find_run_file
from halocast.diagnostics import Row
from halocast.errors import ConfigError
from halocast.sweep import Outcome, Score, combine, parse_vary, write_outcomes
from halocast.sweep.chart import write_chart
from halocast.sweep.outcome import default_score
from hypothesis import given
from hypothesis import strategies as st

RUN_FILE = find_run_file("linear-gaussian")


def row(rmse: float, what: str = "analysis", against: str = "truth", variable: str = "z") -> Row:
    return Row(what=what, against=against, variable=variable, rmse=rmse, bias=0.0, spread=2 * rmse,
               crps=np.nan, n=4)  # fmt: skip


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True))
def test_values_come_back_as_they_were_written(values: list[int]) -> None:
    assert parse_vary("a.b=" + ",".join(map(str, values))) == ("a.b", values)


def test_a_list_in_brackets_is_one_value_and_words_are_words() -> None:
    assert parse_vary("filter.block=[1, 1],[2, 3]") == ("filter.block", [[1, 1], [2, 3]])
    assert parse_vary("filter.taper=paper,continuous") == ("filter.taper", ["paper", "continuous"])
    assert parse_vary("x=1.5,null,true") == ("x", [1.5, None, True])


@pytest.mark.parametrize("text", ["", "a.b", "a.b=", "=1,2", "a=[1", "a=1,2,1"])
def test_a_key_without_values_or_with_one_twice_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match="--vary"):
        parse_vary(text)


def test_every_value_meets_every_other_and_all_names_differ() -> None:
    vary = {"filter.block": [[1, 1], [2, 3]], "filter.halo": [2.5, 4], "seed": [1, 2, 3]}
    found = combine(RUN_FILE, vary, ["ensemble.members=9"])
    assert len(found) == len({c.name for c in found}) == 12
    assert {(c.settings.block, c.settings.filter.halo, c.settings.seed) for c in found} == {
        (tuple(b), h, s) for b in [[1, 1], [2, 3]] for h in [2.5, 4] for s in [1, 2, 3]
    }
    assert {c.settings.ensemble.members for c in found} == {9}


def test_what_changes_no_score_of_the_analysis_is_left_out() -> None:
    (only,) = combine(RUN_FILE, {"seed": [1]})
    assert not only.settings.free_run
    assert only.settings.checkpoint.every == only.settings.time.cycles


def test_the_mistakes_of_all_combinations_are_told_before_anything_runs() -> None:
    with pytest.raises(ConfigError) as caught:
        combine(RUN_FILE, {"filter.halo": [-1, 2.5], "ensemble.members": [0, 5]})
    text = str(caught.value)
    assert "3 combinations" in text
    assert text.count("filter.halo") >= 2
    assert text.count("ensemble.members") >= 2
    with pytest.raises(ConfigError, match="did you mean 'halo'"):
        combine(RUN_FILE, {"filter.hallo": [1]})


def test_the_judge_is_the_best_one_there_is() -> None:
    rows = [row(1, against="assimilated"), row(2, "forecast", "kalman-filter"), row(3)]
    assert default_score([Outcome({}, [], 0.0, "failed"), Outcome({}, rows, 1.0)]) == (
        "analysis", "truth", "z",
    )  # fmt: skip
    assert Score.parse("analysis:withheld:u") == ("analysis", "withheld", "u")
    with pytest.raises(ConfigError, match="what:against:variable"):
        Score.parse("analysis:ssh")


def test_results_are_a_tidy_table_with_a_line_for_what_failed(tmp_path: Path) -> None:
    done = Outcome({"a.b": 1, "c": [2, 3]}, [row(0.1), row(0.2, against="withheld")], 1.5)
    failed = Outcome({"a.b": 2, "c": [2, 3]}, [], 0.5, "ModelError: member 3")
    write_outcomes(tmp_path, [done, failed])
    with (tmp_path / "results.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["rmse"] for line in lines] == ["0.1", "0.2", ""]
    assert [line["error"] for line in lines] == ["", "", "ModelError: member 3"]
    assert {line["c"] for line in lines} == {"[2, 3]"}
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [o["values"] for o in stored] == [done.values, failed.values]
    assert np.isnan(failed.value(Score("analysis", "truth", "z")))


@pytest.mark.parametrize("keys", [1, 2])
@pytest.mark.parametrize("failing", [False, True])
def test_one_key_gives_a_curve_two_a_map(keys: int, failing: bool, tmp_path: Path) -> None:
    outcomes = []
    for i in range(3):
        for j in range(4 if keys == 2 else 1):
            values = {"filter.radius": i, "filter.inflation": 1 + j / 50}
            values = dict(list(values.items())[:keys])
            broken = failing and i == 1
            outcomes.append(Outcome(values, [] if broken else [row(0.1 + i + j)], 1.0))
    path = tmp_path / "sweep.png"
    assert write_chart(path, outcomes, Score("analysis", "truth", "z"))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_three_keys_have_no_picture(tmp_path: Path) -> None:
    outcomes = [Outcome({"a": 1, "b": 2, "c": 3}, [row(1.0)], 1.0)]
    assert not write_chart(tmp_path / "sweep.png", outcomes, Score("analysis", "truth", "z"))


def test_a_sweep_in_which_everything_failed_can_be_drawn(tmp_path: Path) -> None:
    outcomes = [Outcome({"a": i, "b": j}, [], 1.0, "no") for i in range(2) for j in range(2)]
    assert write_chart(tmp_path / "sweep.png", outcomes, default_score(outcomes))
