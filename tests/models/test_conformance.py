"""The conformance kit passes a model that conforms and says what is wrong with others."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.models import Model, build_model
from halocast.models.linear_gaussian import LinearGaussian, LinearGaussianSettings
from halocast.settings import Settings
from halocast.state import Field, StateLayout
from halocast.testing import PROMISES, ModelTests, check_model


def a_grid() -> Grid:
    sea = np.ones((6, 7), bool)
    sea[2, 3:5] = False
    return Grid.plane(6, 7, 1.0, 1.0, sea=sea)


class TestLinearGaussianConforms(ModelTests):
    @pytest.fixture
    def model(self) -> Model:
        return build_model(LinearGaussianSettings(), a_grid())


def test_check_model_says_nothing_about_a_model_that_conforms():
    assert check_model(LinearGaussian(LinearGaussianSettings(), a_grid())) == []


class Forgetful(LinearGaussian):
    """Counts its calls, and lets them matter."""

    calls = 0

    def advance(self, state, start, stop, forcing=None):
        self.calls += 1
        return super().advance(state, start, stop) + 1e-15 * self.calls


class Overwriting(LinearGaussian):
    def advance(self, state, start, stop, forcing=None):
        state *= self.settings.decay
        return state


class OnceACall(LinearGaussian):
    def steps(self, start, stop):
        return 1


class Exploding(LinearGaussian):
    def apply_perturbation(self, state, increment):
        return np.full_like(state, np.inf)


class TwoFields(LinearGaussian):
    layout = StateLayout((Field("z", None, "1", "state"), Field("z", None, "1", "state")))


class Smoothing(LinearGaussian):
    def complete(self, drawn, ancestor, cells):
        return drawn - drawn.mean() + ancestor.mean()


class Incomplete:
    name = "incomplete"


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Forgetful, "same answer twice"),
        (Overwriting, "arguments stay"),
        (OnceACall, "restart changes nothing"),
        (Exploding, "states are finite"),
        (TwoFields, "layout is true"),
        (Smoothing, "complete leaves alone"),
    ],
)
def test_a_broken_promise_is_named(kind, promise):
    broken = check_model(kind(LinearGaussianSettings(), a_grid()))
    assert any(line.startswith(promise) for line in broken), broken


def test_a_class_that_is_not_a_model_breaks_every_promise():
    broken = check_model(Incomplete())
    assert len(broken) == len(PROMISES)
    assert "lacks grid, layout, needs_forcing, initial_state" in broken[0]


def test_an_unknown_model_is_a_config_error():
    class Unknown(Settings):
        kind: str = "spherical-cow"

    with pytest.raises(ConfigError, match="spherical-cow") as caught:
        build_model(Unknown(), a_grid())
    assert "linear-gaussian" in caught.value.remedy


def test_the_protocol_recognises_a_model():
    assert isinstance(LinearGaussian(LinearGaussianSettings(), a_grid()), Model)
    assert not isinstance(Incomplete(), Model)
