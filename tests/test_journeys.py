"""The journeys of the README, walked: its commands are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import halocast
import numpy as np
import pytest
from halocast.sources.rows import Fate

README = Path(__file__).resolve().parents[1] / "README.md"


def commands_of_the_readme() -> list[str]:
    """Every line of the README's shell blocks, installation aside."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.strip().splitlines()]
    return [line.split("&& ")[-1] for line in lines]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's commands have been run, in order."""
    folder = tmp_path_factory.mktemp("journey")
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    commands = commands_of_the_readme()
    assert "halocast demo" in commands
    assert "pytest -n 2" in commands
    for command in commands:
        if command == "pytest -n 2":
            continue  # it is what runs this
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True,
            timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        (folder / f"{command.split()[1]}.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def scores(folder: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    """Scores of a run by (what, against, variable)."""
    done = subprocess.run(
        [sys.executable, "-m", "halocast", "scores", str(folder), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {(r["what"], r["against"], r["variable"]): r for r in json.loads(done.stdout)}


def test_the_python_of_the_readme_runs(walked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(walked)
    exec(code, {})
    assert "bitwise identical" in (walked / "compare.txt").read_text()


def test_the_demo_shows_what_it_says(walked: Path) -> None:
    text = (walked / "demo.txt").read_text(encoding="utf-8")
    assert "dashboard is at" in text
    assert "demo_swot" in text
    assert "free run" in text or "free-run" in text
    page = (walked / "halocast-demo" / "report.html").read_text(encoding="utf-8")
    assert "natl-demo" in page
    tree = halocast.open_run(walked / "halocast-demo")
    assert tree["analysis/mean"].sizes["cycle"] == 24


def test_the_demo_beats_the_free_run_where_it_assimilates(walked: Path) -> None:
    found = scores(walked / "halocast-demo")
    for variable in ("ssh", "u", "v", "t"):
        analysis = found["analysis", "assimilated", variable]
        free = found["free-run", "assimilated", variable]
        assert analysis["rmse"] < 0.8 * free["rmse"], variable
        # the forecast has not seen these observations yet: it is not a fit
        if variable != "ssh":  # hours, not days, between the passes of one place
            forecast = found["forecast", "assimilated", variable]
            assert forecast["rmse"] < 0.9 * free["rmse"], variable


def test_the_demo_does_not_lose_on_withheld_platforms(walked: Path) -> None:
    """Errors are paired by platform: reports of one drifter are hardly independent."""
    tree = halocast.open_run(walked / "halocast-demo")
    table = tree["observations"].to_dataset().compute()
    withheld = table["fate"].values == Fate.WITHHELD
    total = 0.0
    for code, name in enumerate(("ssh", "u", "v", "t")):
        here = withheld & (table["variable"].values == code)
        value = table["value"].values[here]
        analysis = (table["analysis_mean"].values[here] - value) ** 2
        free = (table["free_mean"].values[here] - value) ** 2
        platform = table["platform"].values[here]
        change = np.array([(analysis - free)[platform == p].mean() for p in np.unique(platform)])
        if change.size > 2:
            error = change.std(ddof=1) / np.sqrt(change.size)
            assert change.mean() < 2 * error, f"{name}: worse by more than chance"
        total += analysis.mean() / free.mean() - 1
    assert total < 0  # all variables together gain


def test_against_the_truth_no_surface_field_loses(walked: Path) -> None:
    found = scores(walked / "halocast-demo")
    for variable in ("ssh", "u", "v", "t"):
        analysis, free = found["analysis", "truth", variable], found["free-run", "truth", variable]
        assert analysis["rmse"] < 1.01 * free["rmse"], variable
