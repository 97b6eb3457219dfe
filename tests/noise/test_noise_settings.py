"""Settings of the model noise: what is refused, and what the message says."""

from __future__ import annotations

import pytest
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.models.linear_gaussian import LinearGaussian, LinearGaussianSettings
from halocast.noise import FieldNoise, FieldNoiseEntry, ModelNoise
from noise_cases import GASPARI_COHN, noise_of, sphere_ocean
from pydantic import TypeAdapter, ValidationError

OCEAN = sphere_ocean()


def test_a_bare_number_is_white_noise():
    entries = TypeAdapter(dict[str, FieldNoiseEntry])
    got = entries.validate_python({"ssh": 0.01, "t0": {"sd": 1, **GASPARI_COHN}})
    assert got["ssh"] == FieldNoise(sd=0.01)
    assert got["t0"] == FieldNoise(sd=1.0, correlation="gaspari-cohn", length=1.5)
    with pytest.raises(ValidationError):
        entries.validate_python({"ssh": True})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"sd": -1.0}, "greater than or equal to 0"),
        ({"sd": float("nan")}, "finite"),
        ({"sd": 1.0, "length": 2.0}, "correlation is white"),
        ({"sd": 1.0, "length_km": 2.0}, "length_km is set and correlation is white"),
        ({"sd": 1.0, "balanced": True}, "balanced noise needs a length"),
        ({"sd": 1.0, "correlation": "matern"}, "none is set"),
        ({"sd": 1.0, **GASPARI_COHN, "length_km": 50.0}, "both are set"),
        ({"sd": 1.0, **GASPARI_COHN, "smoothness": 2.5}, "smoothness is for matern"),
        ({"sd": 1.0, "correlation": "matern", "length": 2.0, "smoothness": 2.0}, "1.5 or 2.5"),
        ({"sd": 1.0, "correlation": "gaspari-cohn", "length": 0.0}, "greater than 0"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(entry, message):
    with pytest.raises(ValidationError, match=message):
        FieldNoise(**entry)


@pytest.mark.parametrize(
    ("entries", "what", "remedy"),
    [
        ({"salt": 1.0}, "no field salt", "ssh, u0"),
        ({"u": 1.0, "u0": 2.0}, "twice", "keep one"),
        ({"u0": {"sd": 1.0, "balanced": True, **GASPARI_COHN}}, "only sea-surface", "for ssh"),
        ({"t1": {"sd": 1.0, "layers": (0.5, 0.5)}}, "t has 1", "at most 1"),
        ({"ssh": {"sd": 1.0, "layers": (0.5,)}}, "ssh has 0", "at most 0"),
    ],
)
def test_entries_that_the_state_cannot_have_are_refused(entries, what, remedy):
    with pytest.raises(ConfigError, match=what) as caught:
        noise_of(OCEAN, **entries)
    assert remedy in caught.value.remedy
    assert caught.value.where.startswith("ensemble.model_noise.")


def test_a_model_without_velocity_has_nothing_to_balance():
    model = LinearGaussian(LinearGaussianSettings(), OCEAN.grid)
    entry = FieldNoise(sd=1.0, balanced=True, **GASPARI_COHN)
    with pytest.raises(ConfigError, match="no velocity"):
        ModelNoise.build({"z": entry}, model.grid, model.layout, model.surface_response())


@pytest.mark.parametrize("correlation", ["gaspari-cohn", "matern"])
def test_a_correlation_longer_than_half_a_period_is_refused(correlation):
    grid = Grid.plane(40, 12, 1.0, 1.0, periodic=(True, True))
    model = LinearGaussian(LinearGaussianSettings(), grid)
    entry = FieldNoise(sd=1.0, correlation=correlation, length=3.5)
    with pytest.raises(ConfigError, match="periodic x axis of 12 cells") as caught:
        ModelNoise.build({"z": entry}, grid, model.layout)
    assert "factor" in caught.value.remedy
