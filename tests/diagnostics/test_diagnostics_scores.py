"""Rows of scores: what they hold, what they weigh, and how cycles are averaged."""

import io
import json

import numpy as np
import pytest
from halocast.diagnostics import (
    Row,
    ensemble_crps,
    field_rows,
    observation_rows,
    rmse,
    summarise,
    table,
    to_json,
)
from halocast.diagnostics.summary import label, number, what_label
from halocast.grid import Grid
from halocast.state import Field, StateLayout
from rich.console import Console

LAYOUT = StateLayout(
    (
        Field("ssh", None, "m", "sea-surface height"),
        Field("u", 0, "m s-1", "eastward velocity", place="east"),
        Field("u", 1, "m s-1", "eastward velocity", place="east"),
        Field("v", 0, "m s-1", "northward velocity", place="north"),
        Field("h", 1, "m", "thickness"),
    )
)


@pytest.fixture
def grid():
    depth = np.full((12, 15), 4000.0)
    depth[3:6, 4:8] = 0
    return Grid.sphere(20, 44, 12, -60, -30, 15, depth=depth)


def fields(grid, seed=0, members=10):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(len(LAYOUT), *grid.shape))
    ensemble = truth + rng.normal(size=(members, *truth.shape))
    return truth, ensemble


def row(**changes) -> Row:
    base = dict(what="analysis", against="truth", variable="ssh")
    return Row(**(base | dict(rmse=1.0, bias=0.5, spread=2.0, crps=0.7, n=10) | changes))


def test_field_rows_name_each_field_as_its_observations_are_named(grid):
    truth, ensemble = fields(grid)
    rows = field_rows("analysis", "truth", grid, LAYOUT, ensemble.mean(0), None, truth)
    assert [r["variable"] for r in rows] == ["ssh", "u", "u1", "v", "h1"]
    assert np.isnan([rows[0]["spread"], rows[0]["crps"]]).all()


def test_land_counts_for_nothing(grid):
    truth, ensemble = fields(grid)
    mean, deviation = ensemble.mean(0), ensemble.std(0, ddof=1)
    score = ensemble_crps(ensemble, truth)
    rows = field_rows("analysis", "truth", grid, LAYOUT, mean, deviation, truth, score)
    dry = ~LAYOUT.wet(grid)
    for array in (mean, deviation, truth, score):
        array[dry] = np.nan
    again = field_rows("analysis", "truth", grid, LAYOUT, mean, deviation, truth, score)
    assert rows == again
    assert [r["n"] for r in rows] == [int((~d).sum()) for d in dry]


def test_a_cell_counts_by_its_area():
    grid = Grid.sphere(0, 60, 2, 0, 10, 1)
    layout = StateLayout((LAYOUT.fields[0],))
    error = np.array([1.0, 3.0]).reshape(1, 2, 1)
    (r,) = field_rows("analysis", "truth", grid, layout, error, None, 0 * error)
    w = np.cos(np.deg2rad([15.0, 45.0]))
    assert r["rmse"] ** 2 == pytest.approx((w @ [1.0, 9.0]) / w.sum())


def test_a_reliable_ensembles_spread_matches_its_rmse(grid):
    rng = np.random.default_rng(1)
    m = 20
    layout = StateLayout((LAYOUT.fields[0],))
    big = Grid.plane(100, 100, 1.0, 1.0)
    truth = rng.normal(size=(1, *big.shape))
    ensemble = rng.normal(size=(m, *truth.shape))
    (r,) = field_rows(
        "forecast", "truth", big, layout, ensemble.mean(0), ensemble.std(0, ddof=1), truth
    )
    assert r["spread"] * np.sqrt(1 + 1 / m) == pytest.approx(r["rmse"], rel=0.03)


def test_observation_rows_one_for_each_observed_variable():
    rng = np.random.default_rng(2)
    value, variable = rng.normal(size=30), np.repeat([0, 2], 15)
    predicted = value + rng.normal(size=(8, 30))
    rows = observation_rows(
        "forecast", "withheld", ("ssh", "u", "v", "t"), variable, value, predicted
    )
    assert [(r["variable"], r["n"]) for r in rows] == [("ssh", 15), ("v", 15)]
    here = variable == 2
    assert rows[1]["rmse"] == rmse(predicted[:, here].mean(0), value[here])
    assert rows[1]["spread"] ** 2 == pytest.approx(predicted[:, here].var(0, ddof=1).mean())
    assert rows[1]["crps"] == pytest.approx(ensemble_crps(predicted, value)[here].mean())


def test_better_known_means_and_deviations_replace_the_sample_ones():
    value, variable = np.zeros(4), np.zeros(4, int)
    predicted = np.random.default_rng(3).normal(size=(5, 4))
    (r,) = observation_rows(
        "analysis", "withheld", ("ssh",), variable, value, predicted, np.full(4, 2.0), np.ones(4)
    )
    assert (r["rmse"], r["bias"], r["spread"]) == (2.0, 2.0, 1.0)


def test_one_member_has_no_spread_and_no_observation_no_row():
    value, variable = np.zeros(2), np.zeros(2, int)
    (r,) = observation_rows("forecast", "withheld", ("ssh",), variable, value, np.ones((1, 2)))
    assert np.isnan(r["spread"])
    assert r["crps"] == 1.0
    empty = np.zeros(0)
    assert observation_rows("forecast", "withheld", ("ssh",), empty, empty, np.zeros((3, 0))) == []


def test_rows_do_not_touch_their_input(grid):
    truth, ensemble = fields(grid)
    copies = truth.copy(), ensemble.copy()
    field_rows("a", "truth", grid, LAYOUT, ensemble.mean(0), ensemble.std(0), truth)
    observation_rows("a", "withheld", ("ssh",), np.zeros(15, int), truth[0, 0], ensemble[:, 0, 0])
    np.testing.assert_array_equal(truth, copies[0])
    np.testing.assert_array_equal(ensemble, copies[1])


def test_every_cycle_counts_once_and_counts_add_up():
    (r,) = summarise([[row(rmse=1.0, n=10)], [row(rmse=3.0, n=1000)]])
    assert (r["rmse"], r["n"]) == (2.0, 1010)


def test_cycles_that_do_not_know_a_measure_do_not_count_for_it():
    (r,) = summarise([[row(crps=np.nan)], [], [row(crps=0.2)]])
    assert r["crps"] == 0.2
    (r,) = summarise([[row(crps=np.nan)]])
    assert np.isnan(r["crps"])


def test_summary_is_ordered_for_reading_whatever_came_first():
    rows = [
        row(variable="t1"),
        row(variable="u", what="free-run"),
        row(variable="ssh", against="withheld"),
        row(variable="u"),
        row(variable="ssh"),
    ]
    expected = [
        ("ssh", "truth", "analysis"),
        ("ssh", "withheld", "analysis"),
        ("u", "truth", "analysis"),
        ("u", "truth", "free-run"),
        ("t1", "truth", "analysis"),
    ]
    for cycles in ([rows], [rows[::-1]], [[r] for r in rows]):
        got = [(r["variable"], r["against"], r["what"]) for r in summarise(cycles)]
        assert got == expected


def test_json_is_json_even_where_a_measure_is_unknown():
    text = to_json([row(crps=np.nan), row(what="free-run")])
    first, second = json.loads(text)
    assert first["crps"] is None
    assert second == row(what="free-run")
    assert list(first) == [
        "what", "against", "variable", "rmse", "bias", "spread", "crps", "n",
    ]  # fmt: skip


def test_table_shows_names_units_and_numbers():
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table([row(rmse=0.012345, crps=np.nan), row(variable="u", what="free-run")]))
    text = console.export_text()
    for words in (
        "sea-surface height [m]",
        "surface eastward velocity [m/s]",
        "against truth",
        "0.0123",
        "–",
    ):
        assert words in text
    assert "free-run" in text


def test_table_keeps_its_numbers_whole_on_a_narrow_terminal():
    console = Console(width=80, record=True, file=io.StringIO())
    rows = [row(variable=v, rmse=0.012345, n=1440000) for v in ("ssh", "v", "v2", "h2")]
    console.print(table(rows))
    text = console.export_text()
    assert "…" not in text
    assert text.count("0.0123") == text.count("1,440,000") == 4


def test_only_the_analysis_against_its_own_observations_is_called_a_fit():
    assert "fit" in what_label("analysis", "assimilated")
    assert "fit" not in what_label("forecast", "assimilated")
    assert "fit" not in what_label("analysis", "withheld")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.012345, "0.0123"), (1.0, "1.00"), (123.4, "123"), (-0.5, "-0.500"),
     (1.2e-9, "1.20e-09"), (float("nan"), "–"), (float("inf"), "–")],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_labels_have_units():
    assert label("t1") == ("temperature, layer 1", "K")
    assert label("t") == ("surface temperature", "K")
    assert label("salt") == ("salt", "")
