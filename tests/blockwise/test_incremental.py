"""Increments that enter bit by bit: what comes of them, and the same bits on every engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from block_runs import NATL, Make, compare_engines, section, serial
from halocast.check import run_model
from halocast.config import RunSettings, find_run_file, read_settings
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.errors import ConfigError, RunError, RunStopped
from halocast.filters.operation import shares
from halocast.increments import advance_from_origin
from halocast.models import Model
from halocast.runs import carry_out, change_settings, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore
from sudden_death import die_before_commit

STEPS = ["model.time_step=600", "model.decay=0.8"]  # six steps an interval
SHAPES = ("constant", "triangular")


def bit_by_bit(shape: str = "constant") -> str:
    return f"update={{kind: incremental, shape: {shape}}}"


def members(run: Path, track: str, cycle: int) -> np.ndarray:
    """All members of a track after a cycle, (m, F, ny, nx)."""
    store = RunStore.open(run)
    return np.array([store.read_checkpoint(track, cycle, k) for k in range(store.spec.members)])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_decaying_member_gets_the_shares_that_theory_says(
    shape: str, linear: Make, tmp_path: Path
) -> None:
    """x_J = a^J x_f + sum_j w_j a^(J - 1 - j) (x_a - x_f), of the free run likewise."""
    settings = linear(
        section("etkf"), bit_by_bit(shape), *STEPS, "free_run=true", "checkpoint.every=1",
        "checkpoint.keep=4",
    )  # fmt: skip
    run = serial(settings, tmp_path / "run")
    kept = (shares(6, shape) * 0.8 ** np.arange(5, -1, -1)).sum()
    for track, origin in (("analysis", "forecast"), ("free", "free_forecast")):
        for cycle in (1, 2, 3):
            before, after = members(run, origin, cycle), members(run, track, cycle)
            expected = 0.8**6 * before + kept * (after - before)
            np.testing.assert_allclose(members(run, origin, cycle + 1), expected, atol=1e-15)
    moved = members(run, "analysis", 2) - members(run, "forecast", 2)
    assert np.abs(moved).max() > 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_where_nothing_moves_members_end_at_their_analysis(
    shape: str, linear: Make, tmp_path: Path
) -> None:
    still = ["model.decay=1", "model.time_step=240", "checkpoint.every=1", "checkpoint.keep=4"]
    run = serial(linear(section("etkf"), bit_by_bit(shape), *still), tmp_path / "run")
    for cycle in (1, 2, 3):
        found, analysis = members(run, "forecast", cycle + 1), members(run, "analysis", cycle)
        np.testing.assert_allclose(found, analysis, rtol=0, atol=2e-15)


def test_the_analysis_of_the_first_cycle_is_that_of_direct_insertion(
    linear: Make, tmp_path: Path
) -> None:
    basic = [section("etkf"), *STEPS, "time.cycles=2"]
    direct = serial(linear(*basic), tmp_path / "direct")
    other = serial(linear(*basic, bit_by_bit()), tmp_path / "incremental")
    assert "cycle 2" in str(compare_runs(direct, other))


@pytest.fixture(scope="module")
def engine() -> Iterator[DaskEngine]:
    made = DaskEngine(workers=2, dashboard=None)
    yield made
    made.close()


def everywhere(settings: RunSettings, engine: DaskEngine, folder: Path) -> None:
    alone = compare_engines(settings, engine, folder)
    killed, cycles = folder / "killed", settings.time.cycles
    fatal = cycles - settings.checkpoint.every + 1
    create_run(settings, killed)
    die_before_commit(killed, fatal)
    assert RunStore.open(killed).last_checkpoint() == fatal - 1
    carry_out(killed, SerialEngine())
    assert compare_runs(alone, killed) is None
    for track in RunStore.open(alone).spec.tracks:
        np.testing.assert_array_equal(members(alone, track, cycles), members(killed, track, cycles))


def test_no_engine_and_no_death_changes_a_bit(
    engine: DaskEngine, linear: Make, tmp_path: Path
) -> None:
    settings = linear(section("etkf"), bit_by_bit("triangular"), *STEPS, "free_run=true")
    everywhere(settings, engine, tmp_path)


def test_a_run_that_was_stopped_goes_on_with_what_is_pending(linear: Make, tmp_path: Path) -> None:
    settings = linear(section("enkf"), bit_by_bit(), *STEPS, "checkpoint.every=4")
    half = tmp_path / "half"
    create_run(settings, half)
    with pytest.raises(RunStopped):
        carry_out(half, SerialEngine(), stop=lambda: RunStore.open(half).committed() >= 1)
    assert RunStore.open(half).last_checkpoint() in (1, 2)
    carry_out(half, SerialEngine())
    assert compare_runs(serial(settings, tmp_path / "whole"), half) is None


@pytest.mark.full
def test_no_engine_and_no_death_changes_a_bit_of_an_ocean(
    engine: DaskEngine, natl: Make, tmp_path: Path
) -> None:
    sets = ["filter={method: letkf, halo: 4}", bit_by_bit(), "checkpoint.every=1"]
    everywhere(natl(*sets), engine, tmp_path)


def rate(model: Model, state: np.ndarray, start: np.datetime64) -> float:
    """Root mean square of d(ssh)/dt over the sea in three hours, in m/s."""
    ten, rates = np.timedelta64(600, "s"), []
    for k in range(18):
        later = model.advance(state, start + k * ten, start + (k + 1) * ten, None)
        rates.append((later - state)[0][model.grid.sea] / 600.0)
        state = later
    return float(np.sqrt(np.mean(np.square(rates))))


@pytest.mark.parametrize("shape", SHAPES)
def test_gravity_waves_of_an_increment_are_five_times_less(shape: str) -> None:
    """0.1 m of height, as the update completes it below; rms in the three hours after it is in."""
    settings = read_settings(find_run_file("natl-demo"), [*NATL, "time.cycle_seconds=21600"])
    model, start, stop = run_model(settings), settings.time.at(0), settings.time.at(1)
    rest, (row, column) = model.initial_state(None), np.mgrid[:35, :40]
    higher = rest.copy()
    higher[0] += 0.1 * np.exp(-(((column - 20) / 2.0) ** 2 + ((row - 17) / 2.0) ** 2))
    flat = [state.reshape(len(rest), -1) for state in (higher, rest)]
    analysis = model.complete(*flat, np.arange(35 * 40)).reshape(rest.shape)
    weights = shares(21600 // settings.model.time_step, shape)
    late = advance_from_origin(model, rest, analysis, start, stop, weights, None)
    at_once, spread = rate(model, analysis, start), rate(model, late, stop)
    print(f"{shape}: {at_once:.2e} m/s at once, {spread:.2e}: {at_once / spread:.1f} times less")
    assert spread < at_once / 5


def test_a_member_without_an_origin_goes_on_from_its_analysis(linear: Make) -> None:
    """Who took a donor's forecast has none of its own."""
    settings = linear(*STEPS)
    model, time = run_model(settings), settings.time
    analysis = np.ones((1, 16, 20))
    found = advance_from_origin(
        model, analysis * np.nan, analysis, time.at(0), time.at(1), shares(6, "constant"), None
    )
    expected = model.advance(analysis, time.at(0), time.at(1), None)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([section("sir"), *STEPS], "with filter.method = 'sir'.*use letkf"),
        ([section("etkf", rotation=2), *STEPS], "with filter.method = 'etkf' as it is set"),
        (["filter={method: lsmcmc-v2}", *STEPS], "with filter.method = 'lsmcmc-v2'"),
        ([section("python"), *STEPS], "of unknown making"),
        ([section("etkf")], r"cycle_seconds = 3600 holds 1 time steps of 3600 s"),
        ([section("etkf"), "model.time_step=1000"], r"holds 3\.6 time steps"),
        ([section("etkf"), 'model={kind: python, class: "a:B"}'], "time_step is not given"),
        ([section("etkf"), "update.shape=square"], r"update\..*square"),
    ],
)
def test_what_cannot_be_is_refused(sets: list[str], said: str, linear: Make) -> None:
    with pytest.raises(ConfigError, match=re.compile(said, re.DOTALL)):
        linear("update.kind=incremental", *sets)


def test_ranks_of_the_forecast_are_pairs_too(linear: Make) -> None:
    kept = linear("filter={method: lsmcmc-v2, reduction: quantile}", bit_by_bit(), *STEPS)
    assert kept.update.kind == "incremental"


def test_a_run_keeps_the_update_it_was_made_with(linear: Make, tmp_path: Path) -> None:
    settings = linear(section("etkf"), *STEPS)
    create_run(settings, tmp_path / "run")
    changed = linear(section("etkf"), *STEPS, bit_by_bit())
    change_settings(tmp_path / "run", changed, accept_changes=True)
    with pytest.raises(RunError, match=r"not made with update\.kind = 'incremental'"):
        carry_out(tmp_path / "run", SerialEngine())
