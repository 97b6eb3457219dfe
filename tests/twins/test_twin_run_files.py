"""The packaged run files: complete, without mistakes, and able to run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from halocast.check import check_run
from halocast.config import RunSettings, packaged_runs, read_settings
from halocast.engines import SerialEngine
from halocast.runs import carry_out, create_run, run_scores

EXPERIMENTS = ("linear-gaussian", "natl-linear", "twin-arctan", "twin-arctan-cauchy")
FILES = [name + setting for name in EXPERIMENTS for setting in ("", "-published")]
SMALLER = {
    "time.cycles": "2",
    "ensemble.members": "3",
    "engine.kind": "serial",
    "engine.workers": "null",
    "grid.lat": "[22, 38, 16]",
    "grid.lon": "[-50, -30, 20]",
    "data.twin.spin_up_hours": "3",
    "data.twin.drifters": "20",
}
PLANE = {"time.cycles": "2", "ensemble.members": "3", "grid.shape": "[40, 40]"}


def short(name: str) -> RunSettings:
    """Two cycles of a packaged run with few members on a small grid."""
    plane = name.startswith("linear-gaussian")
    overrides = PLANE if plane else dict(SMALLER)
    if name.startswith("twin") and not name.endswith("published"):
        overrides = overrides | {"data.twin.displacement_hours": "2"}
    return read_settings(packaged_runs()[name], [f"{k}={v}" for k, v in overrides.items()])


def test_every_experiment_has_two_settings() -> None:
    assert set(FILES) <= set(packaged_runs())


@pytest.mark.parametrize("name", sorted(packaged_runs()))
def test_a_packaged_run_file_has_no_mistakes(name: str) -> None:
    settings = read_settings(packaged_runs()[name])
    assert settings.name == name
    assert len(settings.description) > 100
    assert check_run(settings) == []


@pytest.mark.parametrize("name", FILES)
def test_a_packaged_run_runs(name: str, tmp_path: Path) -> None:
    create_run(short(name), tmp_path / "run")
    assert carry_out(tmp_path / "run", SerialEngine()) == 2
    rows = run_scores(tmp_path / "run")
    assert all(np.isfinite(r["rmse"]) for r in rows)
    against = {r["against"] for r in rows}
    assert {"truth", "assimilated"} <= against
    assert ("withheld" in against) == (read_settings(packaged_runs()[name]).observations.withhold
                                       .drifters > 0)  # fmt: skip


@pytest.mark.parametrize("name", [f for f in FILES if f.startswith("twin")])
def test_the_two_settings_differ_as_they_say(name: str) -> None:
    settings = read_settings(packaged_runs()[name])
    twin, noise = settings.data.twin, settings.ensemble.model_noise
    published = name.endswith("published")
    assert twin.kind == "nature"
    assert twin.model_noise != published
    assert (twin.displacement_hours > 0) != published
    assert settings.ensemble.centred_noise != published
    assert (settings.observations.t.operator.center == 0) == published
    assert (settings.model.perturbation.ssh_sd == 0) == published
    if published:  # Tables 5 and 7
        assert {k: n.sd for k, n in noise.items()} == {
            "ssh": 0.5, "u0": 0.15, "v0": 0.15, "t0": 1.0,
        }  # fmt: skip
        assert settings.ensemble.members == 25
    heavy = "cauchy" in name
    assert (settings.observations.u.noise.kind == "cauchy") == heavy
