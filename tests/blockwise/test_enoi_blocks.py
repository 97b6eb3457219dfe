"""EnOI on blocks: what it is equal to, runs of one member, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from block_runs import Make, section
from halocast.check import check_run
from halocast.engines import SerialEngine
from halocast.errors import ConfigError
from halocast.report import write_report
from halocast.runs import carry_out, create_run, run_scores
from halocast.stores.run_store import RunStore
from window_cases import FIELDS, SHAPE, joined, random_scene, settings_of

EVERY = [np.arange(15)]
QUIET = "ensemble.model_noise={}"


def own_states(scene, folder: Path) -> Path:
    """Write the scene's own members, which are then the static states."""
    members = scene.forecast + scene.noise
    np.save(folder / "own.npy", members.reshape(len(members), FIELDS, *SHAPE))
    return folder / "own.npy"


@pytest.mark.parametrize("halo", [0.0, 4.0])
def test_with_its_own_members_as_the_store_its_mean_is_the_etkfs(
    halo: float, tmp_path: Path
) -> None:
    scene = random_scene()
    static = own_states(scene, tmp_path)
    found = joined(scene, settings_of("enoi", static=static, alpha=1.0, halo=halo), EVERY)
    expected = joined(scene, settings_of("etkf", halo=halo), EVERY)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=0, atol=1e-13)
    before = scene.forecast + scene.noise
    kept = found.members - found.mean - (before - before.mean(axis=0))
    assert np.abs(kept).max() < 1e-14


def test_with_its_own_members_and_tapers_its_mean_is_the_enkfs(tmp_path: Path) -> None:
    scene, by = random_scene(), {"localization": "covariances"}
    static = own_states(scene, tmp_path)
    found = joined(scene, settings_of("enoi", static=static, alpha=1.0, **by), EVERY)
    expected = joined(scene, settings_of("denkf", **by), EVERY)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=0, atol=1e-13)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("halo", [0.0, 4.0])
def test_its_mean_is_the_hybrids_without_a_dynamic_share(halo: float, mixed: bool) -> None:
    scene = random_scene(mixed=mixed)
    found = joined(scene, settings_of("enoi", alpha=1.0, halo=halo), EVERY)
    hybrid = settings_of("hybrid-covariance", dynamic_share=0.0, halo=halo)
    expected = joined(scene, hybrid, EVERY)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=0, atol=1e-13)


def test_one_member_gets_the_mean_of_many() -> None:
    """What the mean becomes does not depend on the members about it."""
    scene = random_scene()
    mean = (scene.forecast + scene.noise).mean(axis=0, keepdims=True)
    alone = scene._replace(forecast=mean, noise=np.zeros_like(mean))
    many, one = (joined(s, settings_of("enoi"), EVERY) for s in (scene, alone))
    np.testing.assert_allclose(one.members[0], many.mean, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(one.members[0], one.mean)
    np.testing.assert_array_equal(one.spread, 0.0)


def test_a_run_of_one_member_goes_through_to_its_report(linear: Make, tmp_path: Path) -> None:
    create_run(linear(), tmp_path / "made")  # a truth with noise
    data = ["data.twin=null", f"data.store={tmp_path / 'made' / 'data.zarr'}"]
    settings = linear(section("enoi"), "ensemble.members=1", QUIET, "free_run=true", *data)
    assert check_run(settings) == []
    create_run(settings, tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    rows = {(r["what"], r["against"], r["variable"]): r for r in run_scores(tmp_path / "run")}
    analysis, free = (rows[what, "truth", "z"] for what in ("analysis", "free-run"))
    assert analysis["rmse"] < free["rmse"]
    assert analysis["spread"] == 0.0
    assert np.isfinite(analysis["crps"])
    read = RunStore.open(tmp_path / "run").read_array
    for name in ("analysis/mean/z", "analysis/spread/z", "forecast/mean/z"):
        assert np.isfinite(read(4, name)).all()
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    visible = re.sub(r"<(script|style|svg).*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\bnan\b", re.sub(r"<[^>]*>", " ", visible), re.IGNORECASE)


def test_what_cannot_be_is_refused(linear: Make) -> None:
    noisy = linear(section("enoi"), "ensemble.members=1")
    assert any("set the model noise to 0" in problem for problem in check_run(noisy))
    with pytest.raises(ConfigError, match=r"filter\.alpha = 0"):
        linear(section("enoi", alpha=0))
    with pytest.raises(ConfigError, match=r"filter\.static"):
        linear("filter={method: enoi}")
    missing = linear(section("enoi", static="/nowhere/states.npy"))
    assert any("halocast states" in problem for problem in check_run(missing))
