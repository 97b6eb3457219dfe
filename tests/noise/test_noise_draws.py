"""What is drawn: addressed, in balance, at sea only, of unit variance."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Address, Purpose, normals
from halocast.errors import ConfigError
from halocast.models.shallow_water.balance import geostrophic_velocity, montgomery_potential
from halocast.models.shallow_water.columns import displacements
from halocast.models.shallow_water.increments import interface_increment
from halocast.models.shallow_water.layers import gravities
from halocast.noise import centre
from hypothesis import given, settings
from hypothesis import strategies as st
from noise_cases import GASPARI_COHN, map_of_draws, noise_of, periodic_ocean, sphere_ocean

OCEAN = sphere_ocean(9, 11)
WHITE = noise_of(OCEAN, ssh=0.01, u0=0.2, v0=0.3, t1=0.0)
BALANCED = {"ssh": {"sd": 0.03, "balanced": True, **GASPARI_COHN}}


def bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.int64)


@given(st.lists(st.integers(0, 98), min_size=1, max_size=30), st.integers(0, 2**64 - 1))
@settings(max_examples=30, deadline=None)
def test_white_noise_of_some_scalars_is_that_of_the_whole_field(cells, seed):
    cells = np.array(cells)
    whole = np.stack([WHITE.draw(seed, 4, k) for k in range(3)]).reshape(3, 12, -1)
    tile = WHITE.white_tile(3, cells, seed, 4)
    np.testing.assert_array_equal(bits(tile), bits(whole[:, :, cells]))
    field = cells % 12
    some = WHITE.white_at(3, field, cells, seed, 4)
    np.testing.assert_array_equal(bits(some), bits(whole[:, field, cells]))


def test_white_noise_has_the_address_of_its_scalar():
    n_cells = OCEAN.grid.n_cells
    expected = 0.2 * normals(Address(8, 3, Purpose.MODEL_NOISE, 5), n_cells, n_cells)
    drawn = WHITE.draw(8, 3, 5)[1].ravel()
    wet = OCEAN.grid.wet_at("east").ravel()
    np.testing.assert_array_equal(drawn[wet], expected[wet])


def test_no_cells_are_no_noise():
    assert WHITE.white_tile(3, np.empty(0, int), 1, 1).shape == (3, 12, 0)
    nobody = np.empty(0, int)
    assert WHITE.white_at(3, nobody, nobody, 1, 1).shape == (3, 0)
    assert WHITE.terms(nobody, nobody).n_scalars == 0


def test_a_run_without_noise_draws_zeros():
    silent = noise_of(OCEAN, ssh=0.0)
    assert not silent.draw(1, 1, 1).any()
    assert not silent.sd.any()
    assert not silent.correlated
    assert not silent.white_tile(2, np.arange(5), 1, 1).any()
    assert silent.terms(np.zeros(3, int), np.arange(3)).start.tolist() == [0, 0, 0, 0]


def test_correlated_noise_is_not_drawn_scalar_by_scalar():
    noise = noise_of(OCEAN, ssh={"sd": 1.0, **GASPARI_COHN})
    with pytest.raises(ConfigError, match="scalar by scalar"):
        noise.white_tile(2, np.arange(3), 1, 1)


@pytest.mark.parametrize("entry", [GASPARI_COHN, {"correlation": "matern", "length": 1.0}, {}])
def test_every_sea_point_has_unit_variance_and_land_none(entry, monkeypatch):
    noise = noise_of(sphere_ocean(), t0={"sd": 1.0, **entry})
    wet = sphere_ocean().grid.sea.ravel()
    variance = (map_of_draws(noise, monkeypatch)[3 * wet.size : 4 * wet.size] ** 2).sum(axis=1)
    np.testing.assert_allclose(variance[wet], 1.0, rtol=1e-12)
    assert not variance[~wet].any()
    np.testing.assert_allclose(noise.sd[3], wet, rtol=1e-14)


def test_land_stays_without_noise():
    noise = noise_of(OCEAN, **BALANCED, t0={"sd": 1.0, "layers": (0.5, 0.5)}, u0=0.1)
    wet = OCEAN.layout.wet(OCEAN.grid)
    drawn = noise.draw(1, 2, 3)
    assert not drawn[~wet].any()
    assert not noise.sd.reshape(wet.shape)[~wet].any()
    assert noise.sd.reshape(wet.shape)[[0, 3, 7]][wet[[0, 3, 7]]].all()


def test_draws_are_addressed():
    noise = noise_of(OCEAN, **BALANCED, t0={"sd": 1.0, **GASPARI_COHN})
    one = noise.draw(1, 2, 3)
    noise.draw(1, 2, 4)
    np.testing.assert_array_equal(bits(one), bits(noise.draw(1, 2, 3)))
    for other in (
        noise.draw(2, 2, 3),
        noise.draw(1, 3, 3),
        noise.draw(1, 2, 4),
        noise.draw(1, 2, 3, Purpose.NATURE_NOISE),
    ):
        assert abs(np.corrcoef(one[3].ravel(), other[3].ravel())[0, 1]) < 0.9
        assert not np.array_equal(one, other)
    assert abs(np.corrcoef(one[0].ravel(), one[3].ravel())[0, 1]) < 0.9


@pytest.mark.parametrize("increments", ["top", "proportional", "balanced"])
@pytest.mark.parametrize("make", [sphere_ocean, periodic_ocean])
def test_balanced_velocity_is_geostrophic_and_interfaces_move_with_the_surface(make, increments):
    ocean = make(increments=increments)
    noise = noise_of(ocean, **BALANCED)
    drawn = noise.draw(6, 1, 2)
    gravity = gravities(ocean.settings)
    lead = drawn[0].ravel()
    rest = np.maximum(ocean.rest.reshape(3, -1), 1.0)
    tops = interface_increment(increments, lead, rest, gravity).reshape(3, *ocean.grid.shape)
    u, v = geostrophic_velocity(ocean.grid, montgomery_potential(tops, gravity))
    size = np.abs(u).max()
    np.testing.assert_allclose(drawn[1::4], u, atol=1e-14 * size, rtol=0)
    np.testing.assert_allclose(drawn[2::4], v, atol=1e-14 * size, rtol=0)
    moved = displacements(np.where(ocean.grid.sea, drawn, 0.0), np.zeros_like(ocean.rest))
    np.testing.assert_allclose(moved, np.where(ocean.grid.sea, tops, 0.0), atol=1e-11)
    assert not drawn[3::4].any()
    assert noise.balanced
    assert noise.correlated


def test_balanced_noise_leaves_the_bottom_layer_at_rest():
    noise = noise_of(OCEAN, **BALANCED)
    assert not noise.sd[9:11].any()
    assert (noise.sd[1:3].max(axis=1) > 0.01).all()


def test_terms_do_not_depend_on_the_group_they_are_asked_in():
    noise = noise_of(OCEAN, **BALANCED, t0={"sd": 1.0, "layers": (0.5,), **GASPARI_COHN}, u0=0.1)
    rng = np.random.default_rng(2)
    field, cell = rng.integers(0, 12, 200), rng.integers(0, OCEAN.grid.n_cells, 200)
    whole = noise.terms(field, cell)
    for s in range(0, 200, 7):
        alone = noise.terms(field[s : s + 1], cell[s : s + 1])
        mine = slice(whole.start[s], whole.start[s + 1])
        np.testing.assert_array_equal(alone.cell, whole.cell[mine])
        np.testing.assert_array_equal(alone.base, whole.base[mine])
        np.testing.assert_array_equal(bits(alone.coefficient), bits(whole.coefficient[mine]))


def test_adding_a_white_field_changes_no_other_draw():
    lone = noise_of(OCEAN, **BALANCED).draw(1, 2, 3)
    more = noise_of(OCEAN, **BALANCED, t0=0.5).draw(1, 2, 3)
    rest = [f for f in range(12) if f != 3]
    np.testing.assert_array_equal(bits(lone[rest]), bits(more[rest]))
    assert more[3].any()


def test_centred_noise_has_no_mean_and_the_same_differences():
    noise = np.stack([WHITE.draw(1, 1, k) for k in range(5)])
    centred = centre(noise)
    assert np.abs(centred.mean(axis=0)).max() < 1e-16
    np.testing.assert_allclose(centred[1] - centred[0], noise[1] - noise[0], atol=1e-15)
    cut = centre(noise[:, 2:4, 3:, :5])
    np.testing.assert_array_equal(bits(cut), bits(centred[:, 2:4, 3:, :5]))
    np.testing.assert_array_equal(centre(noise[:1]), noise[:1])
