"""Open boundaries, nudging and wind."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.models.shallow_water.geometry import ring_distance
from halocast.models.shallow_water.settings import OpenBoundary
from shallow_water_cases import INVISCID, START, Window, hours, one_layer, run


def box(ny=20, nx=24, f=1e-4) -> Grid:
    return Grid.plane(ny, nx, 40e3, 40e3, coriolis=f)


def still_window(grid: Grid, days: int = 10, **fields) -> Window:
    zero = np.zeros((2, *grid.shape))
    return Window(
        np.array([START, START + hours(24 * days)]),
        {"ssh": zero, "u": zero, "v": zero, "t": zero + 290, **fields},
    )


def test_a_level_sea_at_rest_stays_at_rest_inside_an_open_edge():
    model = ShallowWater(ShallowWaterSettings(), box())
    forcing = model.prepare_forcing(still_window(model.grid))
    after = run(model, model.initial_state(None), hours(24), forcing)
    assert not after[1::4].any()
    assert not after[2::4].any()
    assert not after[0].any()


def test_a_barotropic_pulse_leaves_through_the_open_edge():
    settings = one_layer(**INVISCID, boundary=OpenBoundary(width=1, rate=0.0))
    model = ShallowWater(settings, box(40, 40, f=0.0))
    j, i = np.mgrid[:40, :40]
    state = model.initial_state(None)
    state[0] = 0.1 * np.exp(-((j - 19.5) ** 2 + (i - 19.5) ** 2) / 9)
    forcing = model.prepare_forcing(still_window(model.grid))
    opened = run(model, state, hours(6), forcing)
    closed = run(model, state, hours(6), None)
    left = (opened[0] ** 2).sum() / (closed[0] ** 2).sum()
    print(f"height variance left after 6 h: {left:.1e} of a closed basin's")
    assert left < 0.01


def test_only_the_zone_is_relaxed():
    settings = ShallowWaterSettings(sst_relaxation_rate=0.0)
    model = ShallowWater(settings, box(30, 30, f=0.0))
    window = still_window(model.grid)
    window.fields["t"] = window.fields["t"] + 5.0
    state = model.initial_state(None)
    after = run(model, state, hours(6), model.prepare_forcing(window))
    warmed = after[3] - state[3]
    inside = ring_distance(model.grid) > settings.boundary.width
    assert np.abs(warmed[inside]).max() < 1e-6
    zone = ring_distance(model.grid) == 2
    assert (np.abs(warmed[zone]) > 0.5).all()


@pytest.mark.parametrize("step", [50, 100])
def test_nudging_has_the_rate_of_the_settings_at_any_step(step):
    settings = ShallowWaterSettings(time_step=step, diffusivity=0.0)
    model = ShallowWater(settings, box())
    window = still_window(model.grid)
    state = model.initial_state(None)
    state[3] = 291.0
    after = run(model, state, hours(2), model.prepare_forcing(window))
    assert after[3, 10, 12] - 290 == pytest.approx(np.exp(-2.8e-4 * 7200), rel=1e-6)
    assert after[7, 10, 12] == pytest.approx(283.15)


def test_the_inflow_of_the_forcing_reaches_the_interior():
    model = ShallowWater(ShallowWaterSettings(), box(20, 24))
    flow = np.full((2, *model.grid.shape), 0.1)
    y = model.grid.y[:, None] + 0 * model.grid.x
    ssh = np.broadcast_to(-1e-4 * 0.1 / 9.81 * y, flow.shape)
    window = still_window(model.grid, u=flow, ssh=ssh)
    forcing = model.prepare_forcing(window)
    after = run(model, model.initial_state(window), hours(24), forcing)
    assert after[1, 10, 8:16] == pytest.approx(0.1, rel=0.2)


def test_wind_pushes_the_top_layer_of_a_closed_basin():
    depth = np.full((20, 24), 4000.0)
    depth[[0, -1], :] = depth[:, [0, -1]] = 0.0
    grid = Grid.plane(20, 24, 40e3, 40e3, depth)
    model = ShallowWater(ShallowWaterSettings(sst_relaxation_rate=0.0), grid)
    tau = np.full((2, 20, 24), 0.1)
    forcing = model.prepare_forcing(still_window(grid, tau_x=tau, tau_y=0 * tau))
    after = run(model, model.initial_state(None), np.timedelta64(750, "s"), forcing)
    assert after[1, 10, 12] == pytest.approx(0.1 / 1025 / 100 * 750, rel=1e-3)
    assert np.abs(after[5]).max() < 1e-4


def test_forcing_that_does_not_cover_the_run_is_refused():
    model = ShallowWater(ShallowWaterSettings(), box())
    window = still_window(model.grid, days=1)
    forcing = model.prepare_forcing(window)
    with pytest.raises(InputError, match="covers 2024-08-01T00:00:00 to 2024-08-02T00:00:00"):
        run(model, model.initial_state(None), hours(25), forcing)
    with pytest.raises(InputError, match="out of order"):
        model.prepare_forcing(Window(window.times[::-1], window.fields))


def test_a_hole_in_the_analysis_is_reported_with_its_cell():
    model = ShallowWater(ShallowWaterSettings(), box())
    window = still_window(model.grid)
    window.fields["v"] = window.fields["v"].copy()
    window.fields["v"][1, 3, 7] = np.nan
    with pytest.raises(InputError, match=r"v is nan at 1 sea cells[\s\S]*y 3, x 7"):
        model.prepare_forcing(window)
