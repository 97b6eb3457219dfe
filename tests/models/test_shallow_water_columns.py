"""Columns of layers: conversions, what an increment does below, the analysis continued down."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.models.shallow_water.balance import montgomery_potential
from halocast.models.shallow_water.columns import displacements, keep_thick, thicknesses
from halocast.models.shallow_water.geometry import model_grid, ring_distance
from halocast.models.shallow_water.increments import complete_columns
from halocast.models.shallow_water.layers import gravities, rest_thickness
from hypothesis import given, settings, strategies
from hypothesis.extra.numpy import arrays
from shallow_water_cases import (
    START,
    Window,
    eddies,
    hours,
    layer_thickness,
    run,
    smooth_basin,
    torus,
)

SETTINGS = ShallowWaterSettings()
GRAVITY = gravities(SETTINGS)
REST = rest_thickness(SETTINGS, np.array([[700.0, 2345.678, 6000.0]]))[:, 0]


def columns(rise: float) -> tuple[np.ndarray, np.ndarray]:
    """Ancestor and drawn columns (F, 3): heights raised by ``rise``."""
    ancestor = np.zeros((12, 3))
    ancestor[0] = [0.1, -0.2, 0.3]
    ancestor[4::4] = REST[1:] + np.array([[5.0, -20.0, 12.0], [30.0, 8.0, -40.0]])
    drawn = ancestor.copy()
    drawn[0] += rise
    return drawn, ancestor


@given(arrays(float, (3, 3), elements=strategies.floats(-60, 60)))
def test_a_state_and_its_displacements_hold_the_same_bits(anomaly):
    displacement = keep_thick(anomaly, REST, 10.0)
    state = np.zeros((12, 3))
    state[0] = displacement[0]
    state[4::4] = thicknesses(displacement, REST)[1:]
    assert np.array_equal(displacements(state, REST), displacement)


@given(arrays(float, (3, 3), elements=strategies.floats(-3000, 3000)))
@settings(max_examples=200)
def test_every_layer_is_kept_thick_enough_by_moving_inner_interfaces_only(anomaly):
    anomaly[0] /= 1000
    kept = keep_thick(anomaly, REST, 10.0)
    assert (thicknesses(kept, REST) >= 10.0 - 1e-9).all()
    assert np.array_equal(kept[0], anomaly[0])
    assert np.array_equal(keep_thick(kept, REST, 10.0), kept)


@pytest.mark.parametrize("method", ["top", "proportional", "balanced"])
def test_an_increment_of_height_stays_a_volume_of_water(method):
    drawn, ancestor = columns(0.1)
    done = complete_columns(drawn, ancestor, REST, GRAVITY, method, 10.0)
    before = thicknesses(displacements(ancestor, REST), REST)
    after = thicknesses(displacements(done, REST), REST)
    assert after.sum(0) - before.sum(0) == pytest.approx(0.1)
    if method == "top":
        assert np.array_equal(done, drawn)
    if method == "proportional":
        assert after / before == pytest.approx(
            np.broadcast_to(after.sum(0) / before.sum(0), after.shape)
        )
    if method == "balanced":
        bottom = [
            montgomery_potential(displacements(state, REST), GRAVITY)[-1]
            for state in (ancestor, done)
        ]
        assert bottom[1] == pytest.approx(bottom[0], abs=1e-9)
        assert after[1] == pytest.approx(before[1])


@pytest.mark.parametrize("method", ["top", "proportional", "balanced"])
def test_no_increment_changes_nothing_to_the_bit(method):
    drawn, ancestor = columns(0.0)
    drawn[1] += 0.3
    kept, before = drawn.copy(), ancestor.copy()
    done = complete_columns(drawn, ancestor, REST, GRAVITY, method, 10.0)
    assert np.array_equal(done, drawn)
    assert np.array_equal(drawn, kept)
    assert np.array_equal(ancestor, before)


def test_a_large_increment_leaves_every_layer_thick_enough():
    drawn, ancestor = columns(-3.0)
    done = complete_columns(drawn, ancestor, REST, GRAVITY, "balanced", 10.0)
    assert thicknesses(displacements(done, REST), REST).min() >= 10 - 1e-9


def test_completing_some_cells_is_completing_all_of_them():
    model = ShallowWater(SETTINGS, smooth_basin())
    state = eddies(model)
    drawn = state.copy()
    drawn[0] += 0.05 * model.grid.sea
    flat, old = drawn.reshape(12, -1), state.reshape(12, -1)
    everything = model.complete(flat, old, np.arange(flat.shape[1]))
    some = np.array([3, 77, 100, 101, 300])
    assert np.array_equal(model.complete(flat[:, some], old[:, some], some), everything[:, some])
    land = ~model.grid.sea.ravel()
    assert np.array_equal(everything[:, land], flat[:, land])


def test_a_balanced_increment_of_height_stays_and_one_of_the_top_layer_radiates_away():
    grid = torus(40, 40, 50e3, f=8e-5)
    j, i = np.mgrid[:40, :40]
    patch = 0.1 * np.exp(-((j - 20) ** 2 + (i - 20) ** 2) / 4.0**2)
    kept = {}
    for method in ("top", "proportional", "balanced"):
        model = ShallowWater(ShallowWaterSettings(increments=method), grid)
        state = model.initial_state(None)
        drawn = state.copy()
        drawn[0] += patch
        done = model.complete(drawn.reshape(12, -1), state.reshape(12, -1), np.arange(1600))
        after = run(model, done.reshape(state.shape), hours(24))[0]
        kept[method] = ((after - after.mean()) * patch).sum() / (patch**2).sum()
    print("height increment left after a day:", {k: round(v, 2) for k, v in kept.items()})
    assert kept["balanced"] > 0.5
    assert abs(kept["top"]) < 0.3


def test_an_analysis_is_continued_downwards_in_its_modes():
    model = ShallowWater(SETTINGS, smooth_basin())
    ny, nx = model.grid.shape
    ssh = np.full((1, ny, nx), 0.2)
    state = model.initial_state(Window(np.array([START]), {"ssh": ssh}))
    e = displacements(state, model.rest)[:, model.grid.sea]
    assert e[0] == pytest.approx(0.2)
    assert (e[1] < -10).all()
    assert (e[2] < e[1]).all()
    assert not state[1][:, :-1][model.grid.wet_at("east")[:, :-1]].any()


def test_the_initial_state_has_the_analysis_at_the_surface_and_balance_below():
    model = ShallowWater(SETTINGS, smooth_basin())
    ny, nx = model.grid.shape
    j, i = np.mgrid[:ny, :nx]
    fields = {
        "ssh": 0.2 * np.sin(i / 4.0) * np.cos(j / 3.0),
        "u": 0.1 + 0.0 * i,
        "v": -0.05 + 0.0 * i,
        "t": 290.0 + 0.1 * j,
    }
    window = Window(np.array([START]), {k: v[None] for k, v in fields.items()})
    state = model.initial_state(window)
    wet_u, wet_v = model.grid.wet_at("east"), model.grid.wet_at("north")
    # up to the small common velocity that stops the transport from piling up at coasts
    assert state[1][wet_u] == pytest.approx(0.1, abs=0.03)
    assert state[2][wet_v] == pytest.approx(-0.05, abs=0.03)
    assert state[3][model.grid.sea] == pytest.approx(fields["t"][model.grid.sea])
    assert np.abs(state[9:11]).max() < 0.3 * np.abs(state[5:7]).max()
    assert (layer_thickness(model, state)[:, model.grid.sea] >= 10 - 1e-9).all()


def test_the_initial_transport_piles_up_nowhere_but_in_open_cells():
    model = ShallowWater(SETTINGS, smooth_basin())
    state = eddies(model)
    start, grid = START, model.grid
    after = model.advance(state, start, start + np.timedelta64(75, "s"), None)
    inside = (ring_distance(grid) > 1) & grid.sea
    rate = np.abs(after[0] - state[0])[inside].max() / 75
    print(f"the surface starts to move at up to {3600 * rate:.4f} m/h")
    assert rate < 0.02 / 3600


def test_members_differ_by_smooth_balanced_addressed_fields():
    model = ShallowWater(SETTINGS, smooth_basin(40, 40))
    draws = np.stack([model.initial_perturbation(7, member) for member in range(30)])
    assert np.array_equal(draws[3], model.initial_perturbation(7, 3))
    assert not np.array_equal(draws[3], model.initial_perturbation(8, 3))
    sea = model.grid.sea
    wish = SETTINGS.perturbation
    assert draws[:, 0, sea].std() == pytest.approx(wish.ssh_sd, rel=0.1)
    assert draws[:, 3, sea].std() == pytest.approx(wish.temperature_sd, rel=0.1)
    assert abs(np.corrcoef(draws[:, 0, sea].ravel(), draws[:, 3, sea].ravel())[0, 1]) < 0.1
    assert not draws[:, :, ~sea].any()
    # flow and height near the open edge are the forcing's business: walls here
    grid = smooth_basin(40, 40)
    grid.depth[[0, -1], :] = grid.depth[:, [0, -1]] = 0.0
    model = ShallowWater(SETTINGS, grid)
    sea = model.grid.sea
    draws = model.initial_perturbation(7, 0)[None]
    state = model.initial_state(None)
    member = model.apply_perturbation(state, draws[0])
    assert np.allclose(member[:4, sea], (state + draws[0])[:4, sea])
    motionless = member.copy()
    motionless[1::4], motionless[2::4] = 0.0, 0.0
    moved = [
        (run(model, start, hours(12))[0] - start[0])[sea].std() for start in (member, motionless)
    ]
    print(f"height moves by {moved[0]:.3f} m in 12 h, {moved[1]:.3f} m without balance")
    assert moved[0] < 0.5 * moved[1]


def test_depth_is_smoothed_to_the_slope_parameter_with_its_volume_kept():
    rng = np.random.default_rng(5)
    depth = rng.uniform(400.0, 6000.0, (20, 25))
    grid = model_grid(Grid.plane(20, 25, 1e4, 1e4, depth), SETTINGS)
    assert np.array_equal(grid.sea, depth >= 600)
    for axis in (0, 1):
        one, two = np.moveaxis(grid.depth, axis, 0)[:-1], np.moveaxis(grid.depth, axis, 0)[1:]
        both = np.moveaxis(grid.sea, axis, 0)[:-1] & np.moveaxis(grid.sea, axis, 0)[1:]
        assert (np.abs(one - two) / np.where(both, one + two, 1.0))[both].max() <= 0.2
    assert grid.depth.sum() == pytest.approx(depth[grid.sea].sum())
    assert grid.depth[grid.sea].min() >= 600
    again = model_grid(grid, SETTINGS)
    assert np.array_equal(again.depth, grid.depth)
