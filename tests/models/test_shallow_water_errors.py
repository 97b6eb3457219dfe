"""A bad run is told so, before it starts where that is possible."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ModelError
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.models.shallow_water.stability import surface_frequency
from pydantic import ValidationError
from shallow_water_cases import START, eddies, hours, run, smooth_basin, torus


def test_values_that_are_not_finite_are_reported_with_field_cell_and_time():
    model = ShallowWater(ShallowWaterSettings(), smooth_basin())
    state = eddies(model)
    state[5, 4, 9] = np.nan
    with pytest.raises(ModelError, match=r"u1 became nan[\s\S]*y 4, x 9[\s\S]*2024-08-01T00:00:00"):
        run(model, state, hours(1))


def test_a_run_that_blows_up_says_when():
    model = ShallowWater(ShallowWaterSettings(time_step=400), smooth_basin())
    assert any("time_step" in problem for problem in model.check())
    with pytest.raises(ModelError, match=r"became .*nan|inf[\s\S]*between 2024-08-0") as error:
        run(model, eddies(model), hours(200))
    assert "CFL" in str(error.value)


def test_the_time_step_that_check_allows_is_stable_and_the_limit_is_near():
    settings = ShallowWaterSettings(viscosity=0.0, diffusivity=0.0)
    grid = torus(8, 8, 20e3)
    (problem,) = ShallowWater(settings.model_copy(update={"time_step": 600}), grid).check()
    allowed = int(problem.rsplit("use at most ", 1)[1].removesuffix(" s"))
    stable = ShallowWater(settings.model_copy(update={"time_step": allowed}), grid)
    assert stable.check() == []
    assert 2.4 < allowed * surface_frequency(stable.settings, stable.grid) < 2.83
    rng = np.random.default_rng(2)
    state = stable.initial_state(None)
    state[0] = 1e-3 * rng.normal(size=state[0].shape)
    stop = START + np.timedelta64(2000 * allowed, "s")
    assert np.abs(stable.advance(state, START, stop, None)[0]).max() < 4e-3


def test_viscosity_too_large_for_the_step_is_reported():
    grid = torus(8, 8, 10e3)
    settings = ShallowWaterSettings(viscosity=2e6, time_step=30)
    (problem,) = ShallowWater(settings, grid).check()
    assert "viscosity 2e+06" in problem


def test_a_stretch_that_is_no_number_of_steps_is_refused():
    model = ShallowWater(ShallowWaterSettings(), smooth_basin())
    with pytest.raises(ModelError, match="100 s is not a number of time steps of 75 s"):
        run(model, model.initial_state(None), np.timedelta64(100, "s"))


def test_a_domain_too_shallow_everywhere_is_refused():
    with pytest.raises(ModelError, match="600"):
        ShallowWater(ShallowWaterSettings(), Grid.plane(4, 4, 1e4, 1e4, np.full((4, 4), 200.0)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"densities": (1023.0, 1026.0)}, "different numbers of layers"),
        ({"densities": (1026.0, 1023.0, 1028.0)}, "increase downwards"),
        ({"biharmonic_viscosity": 1e10}, "viscosity to 0"),
        ({"minimum_depth": 400.0}, "no room for the lowest layer"),
        ({"minimum_thickness": 100.0}, "exceed minimum_thickness"),
        ({"time_step": 0}, "greater than 0"),
        ({"viscositty": 5.0}, "Extra inputs"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, text):
    with pytest.raises(ValidationError, match=text):
        ShallowWaterSettings(**changes)
