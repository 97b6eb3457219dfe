"""Static states from a run: their covariance, what is not in them, and a run that uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from block_runs import Make, section
from halocast.check import check_run
from halocast.cli.app import app
from halocast.engines import SerialEngine
from halocast.errors import ConfigError, RunError
from halocast.runs import carry_out, create_run
from halocast.static_anomalies import less_surroundings, static_anomalies, write_static_anomalies
from halocast.stores.run_store import RunStore
from typer.testing import CliRunner

DAY = 86400.0


@pytest.fixture(scope="module")
def source(linear: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with six free members, two checkpoints kept."""
    folder = tmp_path_factory.mktemp("source") / "run"
    create_run(linear("free_run=true", "ensemble.centred_noise=false"), folder)
    carry_out(folder, SerialEngine())
    return folder


def test_their_covariance_is_that_of_the_members_pooled(source: Path) -> None:
    found = static_anomalies(source).reshape(12, -1)
    store = RunStore.open(source)
    assert store.checkpoints("free") == [2, 4]
    expected = np.mean(
        [
            np.cov(np.array([store.read_checkpoint("free", c, k).ravel() for k in range(6)]).T)
            for c in (2, 4)
        ],
        axis=0,
    )
    np.testing.assert_allclose(np.cov(found.T), expected, rtol=0, atol=1e-16)
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-16)


@pytest.mark.parametrize(("period", "left"), [(365.0, 0.17), (17.0, 1.0)])
def test_a_season_is_not_in_them_and_eddies_are(period: float, left: float) -> None:
    """Of a wave a window of 2 k + 1 states leaves 1 - sin((2 k + 1) a) / ((2 k + 1) sin a)."""
    days, k = np.arange(0.0, 1500.0, 5.0), 12
    wave, a = np.sin(2 * np.pi * days / period), np.pi * 5.0 / period
    share = 1.0 - np.sin((2 * k + 1) * a) / ((2 * k + 1) * np.sin(a))
    assert share == pytest.approx(left, abs=0.05)
    found = less_surroundings(wave[:, None], days * DAY, 60 * DAY)[:, 0]
    inner = slice(k, -k)  # whose windows are whole
    np.testing.assert_allclose(found[inner], share * wave[inner], rtol=0, atol=1e-13)


def test_a_window_that_holds_nothing_else_is_refused() -> None:
    with pytest.raises(RunError, match="within 2 days"):
        less_surroundings(np.zeros((5, 1)), np.arange(5) * 3 * DAY, 2 * DAY)


def test_one_member_is_held_against_its_own_surroundings(linear: Make, tmp_path: Path) -> None:
    alone = ["ensemble.members=1", "ensemble.model_noise={}", "filter={method: free-run}"]
    create_run(linear(*alone), tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    read = RunStore.open(tmp_path / "run").read_array
    states = np.array([read(c, "analysis/mean/z") for c in (1, 2, 3, 4)])
    np.testing.assert_array_equal(
        static_anomalies(tmp_path / "run")[:, 0], states - states.mean(axis=0)
    )
    hour = static_anomalies(tmp_path / "run", days=1 / 24)[:, 0]
    np.testing.assert_array_equal(hour[0], states[0] - states[:2].mean(axis=0))
    with pytest.raises(ConfigError, match="a window of 0 days"):
        static_anomalies(tmp_path / "run", days=0)


def test_of_an_ocean_they_are_nothing_on_land_and_check_takes_them(
    natl: Make, tmp_path: Path
) -> None:
    free = natl("filter={method: free-run}", "checkpoint.every=1", "time.cycles=2")
    create_run(free, tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    found = write_static_anomalies(tmp_path / "run", tmp_path / "ocean.npy")
    assert found.shape == (10, 12, 35, 40)
    wet = RunStore.open(tmp_path / "run").spec
    assert (found[:, ~wet.layout.wet(wet.grid)] == 0.0).all()
    settings = natl(f"filter={{method: enoi, static: {tmp_path / 'ocean.npy'}}}")
    assert check_run(settings) == []


def test_one_command_writes_what_a_run_of_enoi_takes(
    source: Path, linear: Make, tmp_path: Path
) -> None:
    words = ["states", str(source), "--output", str(tmp_path / "states.npy")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    settings = linear(section("enoi", static=str(tmp_path / "states.npy")))
    assert check_run(settings) == []
    create_run(settings, tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    again = CliRunner().invoke(app, words)
    assert "such a file already" in str(again.exception)


def test_what_has_no_free_states_is_refused(source: Path, linear: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="for runs of one member"):
        static_anomalies(source, days=10)
    create_run(linear(section("etkf")), tmp_path / "bound")
    with pytest.raises(RunError, match="no member of this run was free"):
        static_anomalies(tmp_path / "bound")
    create_run(linear("filter={method: free-run}"), tmp_path / "new")
    with pytest.raises(RunError, match="kept 0 free states"):
        static_anomalies(tmp_path / "new")
    with pytest.raises(RunError, match="no run in this folder"):
        static_anomalies(tmp_path)
