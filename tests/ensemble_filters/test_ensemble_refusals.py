"""What the ensemble filters refuse, and that they say why."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ensemble_cases import UNTAPERED, run, window_of, with_tapers
from halocast.errors import ConfigError, RunError
from halocast.filters.ensemble import hybrid
from halocast.filters.ensemble.etkf import EtkfSettings
from pydantic import ValidationError


@pytest.mark.parametrize("name", UNTAPERED)
def test_an_ensemble_of_one(name: str) -> None:
    with pytest.raises(ConfigError, match="one member"):
        run(name, window_of(m=1))


@pytest.mark.parametrize("name", UNTAPERED)
@pytest.mark.parametrize(
    ("column", "bad"),
    [("error", 0.0), ("error", np.nan), ("value", np.nan), ("value", np.inf), ("weight", 0.0)],
)
def test_a_singular_r_or_an_observation_without_a_value(name: str, column: str, bad: float) -> None:
    window = window_of()
    values = getattr(window, column).copy()
    values[2] = bad
    with np.errstate(divide="ignore"), pytest.raises(RunError, match="observation 2"):
        run(name, window._replace(**{column: values}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"inflation": -1.0}, "greater than 0"),
        ({"inflation": 0.0}, "greater than 0"),
        ({"inflation": np.nan}, "inflation"),
        ({"rtps": 1.3}, "less than or equal"),
        ({"rtpp": -0.1}, "greater than or equal"),
        ({"r_factor": 0.5}, "greater than or equal to 1"),
        ({"r_factor": np.inf}, "finite"),
        ({"spread_reduction": 1.1}, "less than or equal to 1"),
        ({"r_factor": 2.0, "spread_reduction": 0.5}, "use one of them"),
        ({"rtps": 0.5, "rtpp": 0.5}, "use one of them"),
        ({"rtpp": 0.5, "spread_reduction": 0.5}, "use one of them"),
        ({"rotation": -1}, "greater than or equal to 0"),
        ({"adaptive": {"by": "anderson", "sd": 0.0}}, "greater than 0"),
        ({"adaptive": {"by": "anderson", "least": 2.0, "most": 1.5}}, "cannot lie"),
        ({"adaptive": {"by": "anderson", "sd": 0.05}}, "least_sd"),
        ({"adaptive": {"by": "whim"}}, "whim"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_settings(settings: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EtkfSettings(**settings)


def test_schur_localization_where_there_is_no_covariance() -> None:
    window = with_tapers(window_of(), 2.0)
    with pytest.raises(ConfigError, match="Schur"):
        run("etkf", window)
    with pytest.raises(ConfigError, match="tapered"):
        run("enkf", window, gain="svd")


def test_sampling_errors_of_two_members() -> None:
    with pytest.raises(ConfigError, match="correlates perfectly"):
        run("ensrf", window_of(m=2), sampling_error_correction=True)


def test_hybrids_without_static_states_that_fit(tmp_path: Path) -> None:
    window, settings = window_of(), hybrid.HybridCovarianceSettings()
    with pytest.raises(ConfigError, match="there are none"):
        hybrid.analyse_covariance(window, settings)
    with pytest.raises(ConfigError, match=re.escape("(4, 3)")):
        hybrid.analyse_covariance(window._replace(memory=np.zeros((4, 3))), settings)
    (tmp_path / "no.npy").write_text("words")
    bad = hybrid.HybridGainSettings(static=tmp_path / "no.npy")
    with pytest.raises(ConfigError, match="no npy file"):
        hybrid.analyse_gain(window, bad)
    of_none = window._replace(memory=np.eye(12), scalar=np.full(5, -1))
    with pytest.raises(ConfigError, match="one scalar each"):
        hybrid.analyse_covariance(of_none, settings)
    with pytest.raises(ValidationError, match="give a file"):
        hybrid.HybridGainSettings(adaptive={"by": "miyoshi"})


@pytest.mark.parametrize("name", UNTAPERED)
def test_a_forecast_that_is_not_finite_does_not_become_finite(name: str) -> None:
    window = window_of()
    broken = window.forecast.copy()
    broken[0, window.scalar[0]] = np.nan
    found = run(name, window._replace(forecast=broken, predicted=broken[:, window.scalar]))
    assert np.isnan(found.mean[window.scalar[0]])


def test_nor_does_it_with_the_gain_by_singular_values() -> None:
    window = window_of()
    broken = np.full_like(window.forecast, np.inf)
    with np.errstate(invalid="ignore"):
        found = run("enkf", window._replace(forecast=broken, predicted=broken[:, :5]), gain="svd")
    assert not np.isfinite(found.mean).any()
