"""Errors found from what a filter did: right where its errors are, and telling where not."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from halocast.diagnostics.desroziers import (
    Consistency,
    consistency,
    consistency_table,
    stored_consistency,
    tuned_factor,
)
from halocast.sources.rows import Fate
from rich.console import Console

FORECAST, ERROR = 1.5, 0.7  # the true variances of the sheet's test


def _scalar_filter(count: int, assumed_error: float, assumed_forecast: float) -> Consistency:
    rng = np.random.default_rng(1)
    forecast = np.sqrt(FORECAST) * rng.normal(size=count)  # the truth is 0
    value = np.sqrt(ERROR) * rng.normal(size=count)
    gain = assumed_forecast / (assumed_forecast + assumed_error)
    analysis = forecast + gain * (value - forecast)
    (found,) = consistency(
        np.zeros(count, int), value, forecast, analysis,
        np.full(count, np.sqrt(assumed_error)), np.full(count, np.sqrt(assumed_forecast)),
    )  # fmt: skip
    return found


def test_a_right_filter_finds_its_errors():
    """Sheet: 1.490, 0.695 and 2.185 for 1.5, 0.7 and 2.2."""
    found = _scalar_filter(400_000, ERROR, FORECAST)
    assert found.forecast_found == pytest.approx(FORECAST, rel=0.01)
    assert found.error_found == pytest.approx(ERROR, rel=0.01)
    assert found.total_found == pytest.approx(FORECAST + ERROR, rel=0.01)
    assert (found.error, found.forecast) == pytest.approx((ERROR, FORECAST))
    assert found.total == pytest.approx(FORECAST + ERROR)


def test_a_wrong_sum_is_found_whatever_the_shares():
    found = _scalar_filter(400_000, 0.2, 0.3)
    assert found.total_found == pytest.approx(FORECAST + ERROR, rel=0.01)
    assert found.error_found / found.forecast_found == pytest.approx(0.2 / 0.3)


def test_tuning_goes_to_the_truth_slowly():
    factor, assumed = 1.0, 0.35
    for _ in range(60):
        found = _scalar_filter(40_000, factor * assumed, FORECAST).error_found
        factor = tuned_factor(factor, factor * assumed, found, 0.2)
    assert factor * assumed == pytest.approx(ERROR, rel=0.1)
    assert tuned_factor(1.3, 0.7, -0.1, 0.5) == 1.3
    assert tuned_factor(1.0, 1.0, 2.0, 0.1) == pytest.approx(1.1)


def test_kinds_are_counted_apart():
    kind = np.array([3, 0, 3])
    found = consistency(kind, *np.ones((3, 3)), np.array([1.0, 2, 3]), np.zeros(3))
    assert [(entry.kind, entry.n) for entry in found] == [(0, 1), (3, 2)]
    assert [entry.error for entry in found] == [4, 5]


def test_a_runs_assimilated_gaussian_observations_count():
    names = "variable", "value", "forecast_mean", "analysis_mean", "error", "forecast_spread"
    columns = {name: (("cycle", "slot"), np.full((2, 3), float(i))) for i, name in enumerate(names)}
    columns["variable"] = (("cycle", "slot"), np.zeros((2, 3), int))
    fate = np.full((2, 3), Fate.ASSIMILATED)
    fate[0, 1] = Fate.WITHHELD
    noise = np.zeros((2, 3), int)
    noise[0, 2] = 1
    columns |= {"fate": (("cycle", "slot"), fate), "noise": (("cycle", "slot"), noise)}
    (found,) = stored_consistency(xr.Dataset(columns | {"n": ("cycle", [3, 1])}))
    assert found.n == 2
    assert found.error_found == (1 - 3) * (1 - 2)
    assert found.forecast_found == (3 - 2) * (1 - 2)
    assert stored_consistency(xr.Dataset()) == []
    console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(consistency_table([found]))
    assert "< 0" in console.export_text()  # a variance found below zero is said to be that
