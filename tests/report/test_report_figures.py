"""What the figures of places, moments, blocks and chains are drawn from."""

import numpy as np
import pytest
from halocast.report.chains import chain_summary, chain_table, shown_trace
from halocast.report.content import score_lines
from halocast.report.health import block_chart, health_table
from halocast.report.places import most_observed, place_name
from halocast.report.series import expected_error
from halocast.report.verdict import gains, verdict
from halocast.report.view import RunView
from halocast.runs import run_scores
from halocast.sources.rows import Fate
from halocast.stores.open_run import open_run

SEEN = (Fate.ASSIMILATED, Fate.WITHHELD)


@pytest.fixture
def view(make_run):
    return RunView(open_run(make_run()))


def with_health(view, **columns):
    """The same run with other diagnostics of its blocks."""
    view.__dict__["health"] = {name: np.asarray(values) for name, values in columns.items()}
    return view


@pytest.mark.parametrize(("cycles", "expected"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2])])
def test_moments_are_cycles_of_the_run(make_run, cycles, expected):
    directory = make_run(n_cycles=cycles, truth=False)
    assert RunView(open_run(directory)).first_middle_last == expected


def test_what_is_seen_through_an_operator_has_not_the_variables_unit(make_run, view):
    through = RunView(open_run(make_run(geographic=False, truth=False, chains=True, arctan=True)))
    assert through.transformed("z")
    assert {line["reference"] for line in score_lines(through)} >= {
        "withheld observations (as observed)", "assimilated observations (as observed)",
    }  # fmt: skip
    assert not view.transformed("ssh")
    assert view.observed_unit("ssh") == "m"
    view.observations["operator"][:] = 1
    assert view.observed_unit("ssh") == ""


def test_nothing_is_expected_of_errors_without_a_variance(view):
    columns = view.observations
    columns["noise"], columns["df"] = (np.ones(columns["fate"].size) for _ in range(2))
    assert np.isnan(expected_error(view, "withheld", "t")).all()
    columns["df"] *= 5
    assert np.isfinite(expected_error(view, "withheld", "t")).any()


def test_the_reports_scores_are_the_runs(make_run):
    directory = make_run()
    assert RunView(open_run(directory)).summary == run_scores(directory)


def test_no_cell_was_observed_in_more_cycles_than_the_first(view):
    columns = view.observations
    for variable in ("ssh", "u"):
        mask = view.observed(variable, SEEN)
        cycles = {}
        for cell, cycle in zip(columns["cell"][mask].tolist(), columns["cycle"][mask].tolist()):
            cycles.setdefault(cell, set()).add(cycle)
        first, second = most_observed(view, variable)
        assert len(cycles[first]) == max(map(len, cycles.values()))
        assert first != second
        assert 2 * len(cycles[second]) >= len(cycles[first])
        assert view.sea.ravel()[first]


def test_one_observed_cell_is_enough(view):
    columns = view.observations
    only = view.observed("ssh") & (columns["cell"] == most_observed(view, "ssh")[0])
    view.__dict__["observations"] = {k: v[only] for k, v in columns.items()}
    assert len(most_observed(view, "ssh")) == 1


def test_series_at_cells_are_the_fields_there(view):
    cells = [130, 201]
    for track, statistic in (("analysis", "mean"), ("analysis", "spread"), ("free-run", "mean")):
        series = view.at_cells(track, statistic, "t", cells)
        for cycle in range(view.n_cycles):
            field = view.field(track, statistic, "t", cycle).ravel()[cells]
            np.testing.assert_array_equal(series[cycle], field)
    truth = view.reference_at_cells("v", cells)
    np.testing.assert_array_equal(truth[2], view.reference_field("v", 2).ravel()[cells])


def test_the_exact_filter_is_the_reference_where_it_ran(make_run):
    view = RunView(open_run(make_run(geographic=False, truth=False, kalman=True)))
    exact = view.reference_at_cells("z", [7])
    np.testing.assert_array_equal(exact[1], view.reference_field("z", 1).ravel()[[7]])
    assert place_name(view, "z", 24 + 7) == "row 1, column 7"


def test_places_are_named_on_the_sphere(view):
    name = place_name(view, "ssh", 0)
    assert name == f"{view.axes[0][0]:.1f}°N {-view.axes[1][0]:.1f}°W"


def test_blocks_that_a_cycle_does_not_have_are_not_counted(view):
    gone = np.nan
    with_health(view, observations=[[3.0, 0.0, gone], [1.0, 2.0, 2.0]],
                ess=[[5.0, 9.0, gone], [1.0, gone, 3.0]])  # fmt: skip
    row = next(r for r in health_table(view) if r["name"] == "effective number of ancestors")
    assert (row["mean"], row["middle"]) == (3.0, 3.0)
    assert view.block_of_cell is None
    assert block_chart(view).caption.endswith("All blocks of all cycles that saw observations.")


def test_every_diagnostic_is_put_in_words(view):
    names = ("acceptance", "r_hat", "chain_ess", "distinct", "fallback", "rejected", "signal",
             "bridge", "mass_log")  # fmt: skip
    with_health(
        view, observations=[[1.0, 2.0]], **{n: [[0.5, 0.25]] for n in names}, odd_one=[[1, 2]]
    )
    words = [row["name"] for row in health_table(view)]
    assert len(words) == len(names) + 2
    assert "odd one" in words
    assert not {*names} & {*words}
    picture = block_chart(view)
    assert "egrees of freedom for signal" in picture.caption
    assert "bridge" in picture.caption


def test_blocks_that_are_all_alike_need_no_picture(view):
    with_health(view, observations=[[1.0, 2.0]], ess=[[25.0, 25.0]])
    assert block_chart(view) is None
    assert len(health_table(view)) == 2


def test_without_blocks_nothing_is_said_of_them(view):
    with_health(view)
    assert block_chart(view) is None
    assert health_table(view) == []


def test_blocks_that_follow_the_observations_have_no_map(view):
    view.__dict__["config"] = {"filter": {"block": [2, 2], "adaptive": {"largest": [8, 8]}}}
    assert view.block_of_cell is None


def test_chains_shown_are_those_with_most_to_see(make_run):
    view = RunView(open_run(make_run(geographic=False, truth=False, chains=True)))
    trace = shown_trace(view)
    seen = np.nanmax(view.health["observations"], axis=1)
    assert trace.cycle in (0, 2)  # no chain ran in the second
    assert seen[trace.cycle] == max(seen[0], seen[2])


def test_numbers_of_chains_are_those_of_their_samples(make_run):
    view = RunView(open_run(make_run(geographic=False, truth=False, chains=True)))
    trace, summary, rows = shown_trace(view), chain_summary(view), chain_table(view)
    assert summary["samples"] == 1200
    assert summary["r_hat"] == pytest.approx(1.0, abs=0.1)
    assert summary["ess"] == pytest.approx(1200 / 9, rel=0.6)  # correlation 0.8: (1 - a)/(1 + a)
    assert summary["distinct"] == np.unique(trace.ancestor).size
    assert [row["chain"] for row in rows] == [1, 2, 3]
    assert rows[1]["mean"] == pytest.approx(trace.values[1].mean())


def test_the_truth_where_observations_were_withheld_judges_before_them():
    def row(what, against, rmse):
        return {"what": what, "against": against, "variable": "ssh", "rmse": rmse, "bias": 0.0,
                "spread": 1.0, "crps": 1.0, "n": 5}  # fmt: skip

    rows = [row("analysis", "truth-at-withheld", 0.5), row("free-run", "truth-at-withheld", 1.0),
            row("analysis", "withheld", 9.9), row("free-run", "withheld", 10.0)]  # fmt: skip
    assert [g.against for g in gains(rows)] == ["truth-at-withheld", "withheld"]
    assert verdict(rows).startswith("Against the truth where observations were withheld, ")
