"""The numbers behind the page are those of the run."""

import numpy as np
import pytest
from halocast.diagnostics import Row
from halocast.diagnostics.summary import number
from halocast.report import write_picture
from halocast.report.consistency import consistency_lines
from halocast.report.content import facts, fate_lines, score_lines
from halocast.report.reliability import innovation_table, not_judged, samples
from halocast.report.series import expected_error
from halocast.report.verdict import gains, verdict
from halocast.report.view import RunView
from halocast.sources.rows import Fate
from halocast.stores.open_run import open_run


@pytest.fixture(scope="module")
def view(make_run):
    directory = make_run()
    return RunView(open_run(directory))


def row(what, variable, rmse, against="truth"):
    return Row(what=what, against=against, variable=variable, rmse=rmse, bias=0.0, spread=1.0,
               crps=1.0, n=5)  # fmt: skip


def test_series_are_the_rows_of_the_cycles(view):
    series = view.series("analysis", "truth", "ssh", "rmse")
    assert series.shape == (3,)
    mean = next(r for r in view.summary if r["variable"] == "ssh" and r["what"] == "analysis")
    assert mean["rmse"] == pytest.approx(series.mean())
    assert np.isnan(view.series("analysis", "truth", "unknown", "rmse")).all()


def test_fields_hide_land_and_come_from_the_surface(view):
    tree = view.tree["analysis/mean"].to_dataset()
    t = view.field("analysis", "mean", "t", 1)
    assert np.isnan(t[~view.sea]).all()
    np.testing.assert_array_equal(t[view.sea], tree["t"].values[1, 0][view.sea])
    assert not view.sea.all()


def test_currents_are_means_of_the_faces_around_a_cell(view):
    u, v = view.currents("analysis", 0)
    faces = view.field("analysis", "mean", "u", 0), view.field("analysis", "mean", "v", 0)
    assert u[10, 5] == pytest.approx((faces[0][10, 4] + faces[0][10, 5]) / 2)
    assert v[10, 5] == pytest.approx((faces[1][9, 5] + faces[1][10, 5]) / 2)


def test_errors_are_against_the_truth_at_the_same_time(view):
    expected = view.truth.at(view.times[2].astype("datetime64[s]"))[0]
    got = view.reference_field("ssh", 2)
    np.testing.assert_array_equal(got[view.sea], expected[view.sea])


def test_observations_keep_their_own_places_and_cycles(view):
    columns = view.observations
    counts = view.tree["observations"].to_dataset()["n"].values
    np.testing.assert_array_equal(np.bincount(columns["cycle"], minlength=3), counts)
    assert columns["lat"].shape == columns["value"].shape == columns["cycle"].shape
    assert np.isfinite(columns["value"]).all()


def test_observed_values_fall_into_the_cells_they_were_seen_in(view):
    columns = view.observations
    mask = view.observed("ssh")
    grid = view.on_grid(mask, columns["value"])
    j = np.abs(view.axes[0][:, None] - columns["lat"][mask]).argmin(axis=0)
    i = np.abs(view.axes[1][:, None] - columns["lon"][mask]).argmin(axis=0)
    assert np.isfinite(grid).sum() == len(set(zip(j.tolist(), i.tolist())))
    first = (j == j[0]) & (i == i[0])
    assert grid[j[0], i[0]] == pytest.approx(columns["value"][mask][first].mean())


def test_no_raw_observation_is_missing_from_the_fates(view):
    table = view.tree["fates"].to_dataset()
    assert sum(line["n"] for line in fate_lines(view)) == table["n"].values.sum()
    assert sum(line["share"] for line in fate_lines(view)) == pytest.approx(1)
    assert view.fate_counts[Fate.OUTSIDE] == 120


def test_blocks_tile_the_grid_in_the_partitions_order(view):
    blocks = view.block_of_cell
    assert blocks.shape == view.shape
    assert blocks.max() + 1 == view.health["ess"].shape[1]
    assert blocks[0, 0] == blocks[1, 1] == 0
    assert blocks[0, 2] == 1


def test_expected_error_against_observations_holds_their_error_too(view):
    columns = view.observations
    expected = expected_error(view, "withheld", "t")
    spread = view.series("analysis", "withheld", "t", "spread")
    cycle = int(np.flatnonzero(np.isfinite(spread))[0])
    here = view.observed("t", (Fate.WITHHELD,)) & (columns["cycle"] == cycle)
    error = np.mean(columns["error"][here] ** 2)
    assert expected[cycle] ** 2 == pytest.approx(spread[cycle] ** 2 + error)
    np.testing.assert_array_equal(
        expected_error(view, "truth", "t"), view.series("analysis", "truth", "t", "spread")
    )


def test_rejected_observations_do_not_judge_the_forecast(view):
    judged = sum(sample.value.size for sample in samples(view))
    assert judged == view.observed(fates=(Fate.ASSIMILATED, Fate.WITHHELD)).sum()
    rows = innovation_table(view)
    assert rows[0]["name"] == "sea-surface height"
    assert all(r["expected"] > 0 and 0.2 < r["ratio"] < 5 for r in rows)


def test_errors_found_are_the_products_of_residuals(view):
    columns, line = view.observations, consistency_lines(view)[3]
    here = view.observed("t", (Fate.ASSIMILATED,))
    before = columns["value"][here] - columns["forecast_mean"][here]
    after = columns["value"][here] - columns["analysis_mean"][here]
    assert (line["name"], line["unit"], line["n"]) == ("surface temperature", "K", here.sum())
    assumed = columns["error"][here] ** 2, columns["forecast_spread"][here] ** 2, 0
    found = after * before, (before - after) * before, before**2
    variances = [np.mean(v) for pair in zip(assumed, found) for v in pair]
    variances[4] = variances[0] + variances[2]
    assert line["numbers"] == [number(np.sqrt(v)) for v in variances]
    assert not_judged(view) == ""


def test_heavy_tailed_observations_are_named_and_not_judged_by_gaussian_ones(make_run):
    view = RunView(open_run(make_run(heavy=("t",))))
    left = view.observed("t", (Fate.ASSIMILATED, Fate.WITHHELD)).sum()
    assert not_judged(view) == f"surface temperature ({left:,} observations)"
    for table in (consistency_lines(view), innovation_table(view)):
        assert [line["name"] for line in table] == [
            "sea-surface height", "surface eastward velocity", "surface northward velocity",
        ]  # fmt: skip


def test_a_run_without_assimilation_has_no_errors_to_find(make_run):
    assert consistency_lines(RunView(open_run(make_run(method="free-run")))) == []


def test_gain_is_the_part_of_the_free_runs_error_that_is_gone(view):
    for line in score_lines(view):
        if line["what"] == "free-run":
            assert line["gain"] is None
        else:
            free = next(
                r["rmse"] for r in view.summary
                if (r["what"], r["against"], r["variable"])
                == ("free-run", line["against"], line["variable"])
            )  # fmt: skip
            assert line["gain"] == pytest.approx(1 - line["rmse"] / free)


def test_against_the_exact_filter_only_the_analysis_is_compared_with_the_free_run(make_run):
    view = RunView(open_run(make_run(geographic=False, truth=False, kalman=True)))
    gains = {
        line["what"]: line["gain"]
        for line in score_lines(view)
        if line["against"] == "kalman-filter"
    }
    assert gains["analysis"] > 0.5
    assert gains["forecast"] is None
    assert np.isnan(expected_error(view, "kalman-filter", "z")).all()
    assert dict(facts(view))["spread / exact filter's"] == "1.000"


def test_currents_are_judged_as_vectors():
    rows = [row("analysis", "u", 3.0), row("analysis", "v", 4.0),
            row("free-run", "u", 6.0), row("free-run", "v", 8.0)]  # fmt: skip
    (gain,) = gains(rows)
    assert (gain.name, gain.analysis, gain.free) == ("surface currents", 5.0, 10.0)
    assert gain.gain == 0.5


def test_the_verdict_hides_no_loss():
    rows = [row("analysis", "ssh", 0.5), row("free-run", "ssh", 1.0),
            row("analysis", "t", 1.2), row("free-run", "t", 1.0)]  # fmt: skip
    sentence = verdict(rows).replace("\N{NO-BREAK SPACE}", " ")
    assert "lowers the error of sea-surface height by 50 %" in sentence
    assert "raises the error of surface temperature by 20 %" in sentence


def test_the_verdict_prefers_the_sharpest_judge():
    pair = [row("analysis", "z", 0.1), row("free-run", "z", 1.0)]
    exact = [r | {"against": "kalman-filter"} for r in pair]
    withheld = [r | {"against": "withheld"} for r in pair]
    assert "Against the truth" in verdict(pair + withheld)
    assert "Against the exact Kalman filter" in verdict(pair + exact)
    assert verdict(withheld).startswith("Against withheld observations, ")


def test_a_fit_is_never_the_verdict():
    fit = [row("analysis", "ssh", 0.1, "assimilated"), row("free-run", "ssh", 1.0, "assimilated")]
    assert gains(fit) == []
    assert "no free run" in verdict(fit)


@pytest.mark.parametrize(
    "options",
    [{}, {"truth": False}, {"free": False}, {"observed": False},
     {"geographic": False, "truth": False, "kalman": True}],
)  # fmt: skip
def test_the_one_picture_is_drawn_whatever_the_run_had(make_run, tmp_path, options):
    directory = make_run(**options)
    path = write_picture(open_run(directory), tmp_path / "run.png")
    assert path.read_bytes().startswith(b"\x89PNG")
