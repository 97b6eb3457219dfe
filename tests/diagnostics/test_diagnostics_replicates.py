"""The mean over independent runs: identities, and what averaging is for (paper, Remark 4.1)."""

from __future__ import annotations

from pathlib import Path

import halocast
import numpy as np
import pytest
from halocast.config import find_run_file, read_settings
from halocast.diagnostics import Row
from halocast.engines import SerialEngine
from halocast.errors import RunError
from halocast.replicates import average_scores
from halocast.runs import carry_out, create_run, run_scores
from halocast.twins.sharing import shared_twin

# noise not centred, own observations only and in full: what is between a run and the exact filter
# is sampling error, independent from run to run
SMALL = [
    "grid.shape=[24, 30]", "time.cycles=4", "ensemble.members=6", "free_run=false",
    "filter.block=[1, 1]", "filter.halo=0", "filter.taper=continuous",
]  # fmt: skip
RUNS = 6


def make(folder: Path, name: str, *sets: str) -> Path:
    settings = read_settings(find_run_file("linear-gaussian-published"), [*SMALL, *sets])
    create_run(settings, folder / name, shared_twin(settings, folder))
    carry_out(folder / name, SerialEngine())
    return folder / name


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("replicates")
    return [make(folder, f"run-{k}", f"seed={k}") for k in range(RUNS)]


def analysis(rows: list[Row], against: str = "kalman-filter") -> Row:
    return next(r for r in rows if (r["what"], r["against"]) == ("analysis", against))


@pytest.mark.parametrize("against", ["kalman-filter", "truth"])
def test_the_mean_of_one_run_is_that_run(runs: list[Path], against: str) -> None:
    mean, own = analysis(average_scores(runs[:1]), against), analysis(run_scores(runs[0]), against)
    assert mean["rmse"] == pytest.approx(own["rmse"], rel=1e-12)
    assert mean["bias"] == pytest.approx(own["bias"], abs=1e-15)
    assert mean["n"] == own["n"]


def test_the_mean_is_that_of_the_stored_fields(runs: list[Path]) -> None:
    trees = [halocast.open_run(d) for d in runs[:3]]
    mean = np.mean([t["analysis/mean"]["z"].values for t in trees], axis=0)
    exact = trees[0]["kalman_filter/mean"]["z"].values
    by_cycle = np.sqrt(((mean - exact) ** 2).mean(axis=(1, 2)))
    found = analysis(average_scores(runs[:3]))["rmse"]
    assert found == pytest.approx(by_cycle.mean(), rel=1e-10)


def test_the_order_of_the_runs_does_not_matter(runs: list[Path]) -> None:
    forth, back = average_scores(runs), average_scores(runs[::-1])
    assert [r["rmse"] for r in forth] == pytest.approx([r["rmse"] for r in back], rel=1e-10)


def test_monte_carlo_error_shrinks_as_the_root_of_the_runs(runs: list[Path]) -> None:
    single = np.sqrt(np.mean([analysis(run_scores(d))["rmse"] ** 2 for d in runs]))
    together = analysis(average_scores(runs))["rmse"]
    assert together == pytest.approx(single / np.sqrt(RUNS), rel=0.2)


def test_runs_of_different_settings_are_not_replicates(runs: list[Path], tmp_path: Path) -> None:
    other = make(tmp_path, "other", "seed=1", "filter.block=[4, 4]", "filter.halo=3")
    with pytest.raises(RunError, match=r"filter\.block"):
        average_scores([runs[0], other])


def test_the_cycles_that_all_runs_have_count(runs: list[Path], tmp_path: Path) -> None:
    settings = read_settings(find_run_file("linear-gaussian-published"), [*SMALL, "seed=9"])
    create_run(settings, tmp_path / "new", shared_twin(settings, tmp_path))
    with pytest.raises(RunError, match="no committed cycle"):
        average_scores([runs[0], tmp_path / "new"])
