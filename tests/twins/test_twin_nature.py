"""The nature twin: its truth is the run's own model, its observations the run's own operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from halocast.config import RunSettings, validate_settings
from halocast.cycle.context import Context, load_context
from halocast.draws import Address, Purpose
from halocast.engines import SerialEngine
from halocast.errors import ConfigError
from halocast.noise import ModelNoise
from halocast.observations import ObservationTable, prepare_observations
from halocast.observations.operators import observe
from halocast.observations.withholding import SWOT, platforms_of, product_kind
from halocast.runs import carry_out, create_run, run_scores
from halocast.sources.rows import Fate
from halocast.twins.observing import standard_errors
from scipy import stats

HOUR = np.timedelta64(3600, "s")
ARCTAN = {"kind": "arctan", "center": 0.1, "scale": 0.3}
BALANCED = {"sd": 0.02, "correlation": "gaspari-cohn", "length": 3, "balanced": True}


def settings_of(
    twin: dict[str, Any] | None = None, cycles: int = 4, **sections: Any
) -> RunSettings:
    """A small run with a nature twin, some of its sections replaced."""
    tree = {
        "name": "small",
        "seed": 4,
        "time": {"start": "2024-08-01T00:00:00", "cycles": cycles},
        "grid": {"kind": "sphere", "lat": [25, 41, 16], "lon": [-40, -20, 20]},
        "model": {
            "kind": "shallow-water",
            "sst_relaxation_rate": 0,
            "boundary": {"width": 3},
            "perturbation": {"ssh_sd": 0, "temperature_sd": 0},
        },
        "ensemble": {"members": 2, "model_noise": {}},
        "data": {
            "twin": {
                "kind": "nature",
                "model_noise": False,
                "spin_up_hours": 3,
                "drifters": 150,
                "swath_width": 2.0,
                **(twin or {}),
            }
        },
        "observations": {n: {"representativeness": 0} for n in ("ssh", "u", "v", "t")},
        "filter": {"method": "free-run"},
        **sections,
    }
    return validate_settings(tree)


def context_of(folder: Path, settings: RunSettings) -> Context:
    """Make the run and return it as its tasks see it."""
    create_run(settings, folder / "run")
    return load_context(str(folder / "run"))


def tables_of(context: Context) -> list[ObservationTable]:
    """Observation tables of all cycles."""
    settings, time = context.settings, context.settings.time
    among = platforms_of(*context.observations.platforms(time.at(0), time.at(time.cycles)))
    tables = []
    for cycle in range(1, time.cycles + 1):
        window = (time.at(cycle - 1), time.at(cycle))
        rows = context.observations.window(*window)
        tables.append(
            prepare_observations(
                rows, context.grid, context.model.layout, settings.observations, settings.seed,
                window, among,
            )[0]
        )  # fmt: skip
    return tables


def test_without_noise_the_truth_is_the_runs_own_trajectory(tmp_path: Path) -> None:
    context = context_of(tmp_path, settings_of())
    time = context.settings.time
    state = context.initial_state()
    assert not np.array_equal(state[0], np.zeros_like(state[0]))
    for cycle in range(1, time.cycles + 1):
        forcing = context.forcing(cycle)
        state = context.model.advance(state, time.at(cycle - 1), time.at(cycle), forcing)
        np.testing.assert_array_equal(state, context.truth_at(cycle))


def test_a_free_run_of_members_like_the_truth_has_no_error(tmp_path: Path) -> None:
    create_run(settings_of(cycles=2), tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    rows = [r for r in run_scores(tmp_path / "run") if r["against"] == "truth"]
    assert {r["what"] for r in rows} >= {"free-run", "forecast"}
    assert all(r["rmse"] == 0.0 and r["spread"] == 0.0 for r in rows)


@pytest.mark.parametrize("noise", [{"ssh": 0.1, "u0": 0.02}, {"ssh": BALANCED, "t0": 0.1}])
def test_the_truth_gets_the_runs_noise_as_a_member_does(noise: dict, tmp_path: Path) -> None:
    settings = settings_of({"model_noise": True, "seed": 11}, 2, ensemble={"model_noise": noise})
    context = context_of(tmp_path, settings)
    model, time = context.model, settings.time
    drawn = ModelNoise.build(
        settings.ensemble.model_noise, model.grid, model.layout, model.surface_response()
    )
    state = context.initial_state()
    for cycle in (1, 2):
        forcing = context.forcing(cycle)
        ahead = model.advance(state, time.at(cycle - 1), time.at(cycle), forcing)
        state = context.truth_at(cycle)
        assert state is not None
        given = drawn.draw(11, cycle, 0, Purpose.NATURE_NOISE)
        surface = [i for i, f in enumerate(model.layout.fields) if f.variable != "h"]
        np.testing.assert_allclose((state - ahead)[surface], given[surface], atol=1e-9)
        assert not np.array_equal(given, drawn.draw(11, cycle, 0, Purpose.MODEL_NOISE))
        moved = state[4] - ahead[4], state[8] - ahead[8]
        if drawn.balanced:  # interfaces move with the noise that is drawn for them
            np.testing.assert_allclose(moved, given[[4, 8]], atol=1e-9)
        else:  # as the model completes an increment of height: the lowest layer thins
            rise = given[0][model.grid.sea]
            assert np.corrcoef(moved[1][model.grid.sea], rise)[0, 1] < -0.99


def test_the_ensemble_starts_around_the_truth_of_some_hours_before(tmp_path: Path) -> None:
    context = context_of(tmp_path, settings_of({"displacement_hours": 2}, 2))
    model, start = context.model, context.settings.time.at(0)
    truth = context.truth
    assert truth is not None
    assert truth.times[0] == start - 2 * HOUR
    late = context.initial_state()
    np.testing.assert_array_equal(late, truth.at(start - 2 * HOUR))
    window = context._forcing.window(start - 2 * HOUR, start)
    now = model.advance(late, start - 2 * HOUR, start, model.prepare_forcing(window))
    np.testing.assert_array_equal(now, truth.at(start))
    assert not np.array_equal(now, late)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"twin": {"displacement_hours": 1}}, "whole cycles"),
        ({"model": {"kind": "linear-gaussian"}}, "shallow-water"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    if "twin" in change:
        settings = settings_of(change["twin"])
        settings = settings.model_copy(
            update={"time": settings.time.model_copy(update={"cycle_seconds": 7200})}
        )
    else:
        settings = settings_of(**change)
    with pytest.raises(ConfigError, match=words):
        create_run(settings, tmp_path / "run")


@pytest.mark.parametrize(
    ("noise", "exact"),
    [
        ("gaussian", stats.norm()),
        ("cauchy", stats.cauchy()),
        ("laplace", stats.laplace(scale=np.sqrt(0.5))),
        ({"kind": "student-t", "df": 3.0}, stats.t(3.0)),
    ],
)
def test_errors_follow_the_density_asked_for(noise: Any, exact: Any) -> None:
    variable = settings_of(observations={"ssh": {"noise": noise}}).observations.ssh
    address = Address(3, 1, Purpose.NATURE_OBSERVATIONS, 0)
    drawn = standard_errors(variable, address, np.arange(20_000))
    assert stats.kstest(drawn, exact.cdf).pvalue > 0.01
    few = np.array([7, 19_000, 3])
    np.testing.assert_array_equal(standard_errors(variable, address, few), drawn[few])


@pytest.mark.parametrize("noise", ["gaussian", "cauchy"])
def test_rows_hold_the_operator_of_the_truth_and_an_error(noise: str, tmp_path: Path) -> None:
    """In observation space, through ingestion and preparation, every row on its own."""
    sections = {
        name: {"operator": ARCTAN, "noise": noise, "representativeness": 0}
        for name in ("ssh", "u", "v")
    }
    warm = {"operator": {"kind": "arctan", "center": 297, "scale": 3}, "noise": noise}
    errors = {"ssh": 0.02, "u": 0.03, "v": 0.04, "t": 0.05}
    settings = settings_of(
        {"errors": errors}, observations={**sections, "t": {**warm, "representativeness": 0}}
    )
    context = context_of(tmp_path, settings)
    residuals, seen = [], 0
    for cycle, table in enumerate(tables_of(context), 1):
        time = settings.time
        rows = context.observations.window(time.at(cycle - 1), time.at(cycle))
        assert (table.fate == Fate.ASSIMILATED).all()
        assert table.size == rows.sizes["row"]  # several drifters of a cell stay apart
        seen += table.size - np.unique(table.scalar).size
        by_id = np.argsort(table.id)
        np.testing.assert_array_equal(table.value[by_id], rows["value"].values)
        np.testing.assert_allclose(table.error[by_id], rows["error"].values, rtol=1e-15)
        truth = context.truth_at(cycle)
        assert truth is not None
        expected = observe(
            table.observed(truth), table.operator, table.operator_center, table.operator_scale
        )
        residuals.append((table.value - expected) / table.error)
    assert seen > 0
    everything = np.concatenate(residuals)
    exact = stats.norm() if noise == "gaussian" else stats.cauchy()
    assert everything.size > 1500
    assert stats.kstest(everything, exact.cdf).pvalue > 0.01


def test_swaths_are_passes_and_shares_are_withheld(tmp_path: Path) -> None:
    observations = {"withhold": {"swot": 0.25, "drifters": 0.2}}
    context = context_of(tmp_path, settings_of(cycles=8, observations=observations))
    tables = tables_of(context)
    kept, drifters = 0, {}
    for table in tables:
        swath = product_kind(table.product) == SWOT
        assert swath.sum() > 15
        assert np.unique(table.fate[swath]).size == 1
        kept += int(table.fate[swath][0] == Fate.WITHHELD)
        for number, fate in zip(table.platform[~swath], table.fate[~swath]):
            drifters.setdefault(int(number), set()).add(int(fate))
    assert kept == 2
    assert all(len(fates) == 1 for fates in drifters.values())
    share = np.mean([Fate.WITHHELD in fates for fates in drifters.values()])
    assert share == pytest.approx(0.2, abs=1 / len(drifters))
