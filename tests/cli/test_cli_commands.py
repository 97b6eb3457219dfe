"""The commands, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import halocast
import pytest

COMMANDS = [
    "demo", "ingest", "catalog", "check", "run", "resume", "scores", "compare", "report",
    "experiments", "states",
]  # fmt: skip
SMALL = ["--set", "grid.shape=[24, 30]", "--set", "time.cycles=6", "--set", "ensemble.members=8"]


def halocast_command(
    *words: str, cwd: Path | None = None, code: int | None = 0
) -> subprocess.CompletedProcess:
    """Run a command and require its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "halocast", *words],
        capture_output=True, text=True, cwd=cwd, timeout=600, check=False,
    )  # fmt: skip
    if code is not None:
        assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands") / "lg"
    halocast_command("run", "linear-gaussian", *SMALL, "--output", str(folder))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    text = halocast_command(command, "--help").stdout
    assert "Example:" in text
    assert f"halocast {command}" in text


def test_experiments_lists_the_packaged_run_files() -> None:
    text = halocast_command("experiments").stdout
    assert "linear-gaussian" in text
    assert "natl-demo" in text


def test_catalog_says_what_was_not_exercised() -> None:
    text = halocast_command("catalog").stdout
    assert "demo_swot" in text
    assert "no" in text.split()


def test_scores_as_json_are_tidy_rows(run_directory: Path) -> None:
    rows = json.loads(halocast_command("scores", str(run_directory), "--json").stdout)
    assert {"what", "against", "variable", "rmse", "bias", "spread", "crps", "n"} == set(rows[0])
    assert {r["what"] for r in rows} == {"analysis", "forecast", "forecast-mean", "free-run"}
    assert {r["against"] for r in rows} >= {"truth", "kalman-filter", "assimilated"}
    table = halocast_command("scores", str(run_directory)).stdout
    assert "against kalman-filter" in table


def test_report_is_one_file(run_directory: Path) -> None:
    halocast_command("report", str(run_directory))
    page = (run_directory / "report.html").read_text(encoding="utf-8")
    assert "linear-gaussian" in page


def test_compare_finds_nothing_or_the_first_difference(run_directory: Path, tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    halocast_command("run", "linear-gaussian", *SMALL, "--output", str(same))
    halocast_command("run", "linear-gaussian", *SMALL, "--set", "seed=8", "--output", str(other))
    assert "bitwise identical" in halocast_command("compare", str(run_directory), str(same)).stdout
    text = halocast_command("compare", str(run_directory), str(other), code=1).stdout
    assert "cycle 1" in text


def test_an_output_folder_that_exists_is_refused(run_directory: Path) -> None:
    done = halocast_command(
        "run", "linear-gaussian", *SMALL, "--output", str(run_directory), code=2
    )
    assert "exists and is not empty" in done.stderr
    assert "Traceback" not in done.stderr


def test_resume_refuses_another_configuration_unless_told(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    halocast_command("run", "linear-gaussian", *SMALL, "--output", str(folder))
    assert "nothing to do" in halocast_command("resume", str(folder)).stdout
    done = halocast_command("resume", str(folder), "--set", "filter.block=[4, 4]", code=2)
    assert "filter.block" in done.stderr
    assert "--accept-changes" in done.stderr


def test_mistakes_end_with_a_message_not_a_traceback(tmp_path: Path) -> None:
    done = halocast_command("check", "linear-gaussian", "--set", "time.cycels=3", code=2)
    assert "did you mean 'cycles'?" in done.stderr
    done = halocast_command("resume", str(tmp_path / "none"), code=2)
    assert "no run in this folder" in done.stderr
    done = halocast_command("check", "natl-demo", "--set", "model.time_step=225", code=2)
    assert "225" in done.stdout
    assert "sound" in halocast_command("check", "linear-gaussian").stdout


@pytest.mark.parametrize(
    "command",
    ["submit linear-gaussian --dry-run", "sweep linear-gaussian --vary seed=1,2", "tables"],
)
def test_what_needs_a_folder_on_a_disk_refuses_a_url(command: str) -> None:
    done = halocast_command(*command.split(), "--output", "s3://bucket/run", code=2)
    assert "s3://bucket/run" in done.stderr
    assert "give a path" in done.stderr


def test_settings_of_an_engine_that_another_ignores_are_mistakes() -> None:
    for kind, cure in (("serial", "use kind: dask"), ("mpi", "use mpirun -n")):
        sets = ("--set", f"engine.kind={kind}", "--set", "engine.workers=3")
        assert cure in halocast_command("check", "linear-gaussian", *sets, code=2).stdout


def test_open_run_gives_labelled_data_of_committed_cycles(run_directory: Path) -> None:
    tree = halocast.open_run(run_directory)
    analysis = tree["analysis/mean"].to_dataset()
    assert analysis["z"].dims == ("cycle", "y", "x")
    assert analysis.sizes["cycle"] == 6
    assert analysis["z"].chunks is not None
    assert "units" in analysis["z"].attrs
