"""The covariance of the model noise is that of the fields drawn, and has the shape asked for."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.localization.taper import gaspari_cohn
from halocast.models.linear_gaussian import LinearGaussian, LinearGaussianSettings
from halocast.noise import (
    FieldNoise,
    ModelNoise,
    correlation_at,
    covariance_between,
    covariance_matrix,
    fill_covariance,
)
from halocast.noise.base_fields import matern
from hypothesis import given, settings
from hypothesis import strategies as st
from noise_cases import (
    GASPARI_COHN,
    all_scalars,
    map_of_draws,
    noise_of,
    periodic_ocean,
    sphere_ocean,
)
from scipy import special

BALANCED = {"sd": 0.02, "balanced": True, **GASPARI_COHN}
EVERYTHING = {
    "ssh": BALANCED,
    "u0": 0.01,
    "v1": {"sd": 0.03, "correlation": "matern", "length": 0.6, "smoothness": 2.5},
    "t0": {"sd": 0.1, "layers": (0.5, -0.2), "correlation": "gaspari-cohn", "length_km": 60.0},
}


def scalar_noise(grid: Grid, **entry) -> ModelNoise:
    model = LinearGaussian(LinearGaussianSettings(), grid)
    return ModelNoise.build({"z": FieldNoise(**entry)}, grid, model.layout)


@pytest.mark.parametrize(
    ("ocean", "entries"),
    [
        (sphere_ocean(), EVERYTHING),
        (sphere_ocean(increments="proportional"), {"ssh": BALANCED, "h1": 2.0}),
        (sphere_ocean(increments="top"), {"ssh": BALANCED, "t": {"sd": 1.0, "layers": (0.5,)}}),
        (periodic_ocean(), {"ssh": BALANCED, "u": {"sd": 0.2, **GASPARI_COHN}}),
    ],
    ids=["everything", "proportional", "top", "periodic"],
)
def test_the_covariance_is_that_of_the_fields_drawn(ocean, entries, monkeypatch):
    noise = noise_of(ocean, **entries)
    drawn = map_of_draws(noise, monkeypatch)
    terms = noise.terms(*all_scalars(noise))
    exact = covariance_matrix(noise.correlation, terms, terms)
    scale = np.where(noise.sd.ravel() > 0, noise.sd.ravel(), 1.0)
    difference = (drawn @ drawn.T - exact) / np.outer(scale, scale)
    assert np.abs(difference).max() < 1e-12


@pytest.mark.parametrize("ocean", [sphere_ocean(), periodic_ocean()])
def test_the_standard_deviation_is_the_root_of_the_diagonal(ocean):
    entries = EVERYTHING if not any(ocean.grid.periodic) else {"ssh": BALANCED, "u0": 0.01}
    noise = noise_of(ocean, **entries)
    terms = noise.terms(*all_scalars(noise))
    diagonal = np.diag(covariance_matrix(noise.correlation, terms, terms))
    np.testing.assert_allclose(noise.sd.ravel(), np.sqrt(diagonal), rtol=1e-14)


BIG = noise_of(
    sphere_ocean(30, 28),
    ssh={"sd": 0.02, "balanced": True, "correlation": "gaspari-cohn", "length": 4.0},
    u0={"sd": 0.05, "correlation": "matern", "length": 2.0},
    t0={"sd": 0.1, "layers": (0.5, 0.1)},
)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_no_eigenvalue_of_a_covariance_is_negative(n, seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 24, 2)
    cell = (corner[0] + rng.integers(0, 6, n)) * 28 + corner[1] + rng.integers(0, 5, n)
    field = rng.integers(0, BIG.n_fields, n)
    terms = BIG.terms(field, cell)
    sd = BIG.sd[field, cell]
    scale = np.where(sd > 0, sd, 1.0)
    correlation = covariance_matrix(BIG.correlation, terms, terms) / np.outer(scale, scale)
    assert np.linalg.eigvalsh((correlation + correlation.T) / 2)[0] >= -1e-12
    np.testing.assert_allclose(correlation, correlation.T, atol=1e-14)
    np.testing.assert_allclose(np.diag(correlation), sd > 0, atol=1e-14)


def test_the_sample_covariance_of_draws_tends_to_it():
    grid = Grid.plane(20, 24, 1.0, 1.0)
    noise = scalar_noise(grid, sd=0.5, correlation="gaspari-cohn", length=3.0)
    members = 1500
    drawn = np.stack([noise.draw(9, 1, k).ravel() for k in range(members)])
    terms = noise.terms(np.zeros(grid.n_cells, int), np.arange(grid.n_cells))
    exact = covariance_matrix(noise.correlation, terms, terms)
    sample = drawn.T @ drawn / members
    error = (sample - exact) / np.sqrt((0.25**2 + exact**2) / members)
    assert abs(error.std() - 1.0) < 0.1
    assert np.abs(error).max() < 6.0


@pytest.mark.parametrize("length", [0.4, 3.25, 12.0, 50.0])
def test_gaspari_cohn_is_met_and_ends_at_twice_its_length(length):
    grid = Grid.plane(16, 5, 1.0, 1.0)
    noise = scalar_noise(grid, sd=1.0, correlation="gaspari-cohn", length=length)
    cells = np.arange(grid.n_cells)
    terms = noise.terms(np.zeros(cells.size, int), cells)
    got = covariance_matrix(noise.correlation, terms, terms)
    j, i = np.divmod(cells, 5)
    distance = np.hypot(j[:, None] - j, i[:, None] - i)
    np.testing.assert_allclose(got, gaspari_cohn(distance / length), atol=1e-13)
    assert not got[distance >= 2 * length].any()


@pytest.mark.parametrize("length", [2.0, 15.0])
@pytest.mark.parametrize("smoothness", [1.5, 2.5])
def test_matern_is_met_but_for_the_way_round_the_lattice(smoothness, length):
    entry = {"correlation": "matern", "length": length, "smoothness": smoothness}
    table = scalar_noise(Grid.plane(40, 40, 1.0, 1.0), sd=1.0, **entry).correlation.table[0]
    lag = np.hypot(*np.meshgrid(np.arange(40), np.arange(40)))
    np.testing.assert_allclose(table, matern(lag / length, smoothness), atol=4e-3)


@pytest.mark.parametrize("nu", [1.5, 2.5])
def test_matern_is_the_bessel_function_it_should_be(nu):
    r = np.linspace(0.01, 6.0, 50)
    s = np.sqrt(2 * nu) * r
    bessel = 2 ** (1 - nu) / special.gamma(nu) * s**nu * special.kv(nu, s)
    np.testing.assert_allclose(matern(r, nu), bessel, rtol=1e-12)


def test_a_length_in_kilometres_is_one_in_cells_of_the_mean_spacing():
    grid = Grid.sphere(30.0, 40.0, 20, -60.0, -50.0, 20)
    noise = scalar_noise(grid, sd=1.0, correlation="gaspari-cohn", length_km=200.0)
    table = noise.correlation.table[0]
    np.testing.assert_allclose(table[2, 0], gaspari_cohn(2 * grid.dy / 200e3), atol=1e-13)
    np.testing.assert_allclose(table[0, 3], gaspari_cohn(3 * grid.dx.mean() / 200e3), atol=1e-13)
    apart = np.hypot(grid.dy, 2 * grid.dx.mean())
    np.testing.assert_allclose(table[1, 2], gaspari_cohn(apart / 200e3), atol=1e-13)


def test_a_periodic_axis_is_measured_the_shorter_way():
    grid = Grid.plane(10, 12, 1.0, 1.0, periodic=(False, True))
    noise = scalar_noise(grid, sd=1.0, correlation="gaspari-cohn", length=2.0)
    one = correlation_at(noise.correlation, 0, 3 * 12 + 0, 3 * 12 + 11)
    assert one == correlation_at(noise.correlation, 0, 3 * 12 + 5, 3 * 12 + 4)
    np.testing.assert_allclose(one, gaspari_cohn(0.5), rtol=1e-13)
    assert correlation_at(noise.correlation, 0, 0, 9 * 12) == 0.0


def test_white_noise_is_diagonal():
    noise = noise_of(sphere_ocean(), ssh=0.01, v0=0.2)
    terms = noise.terms(*all_scalars(noise))
    got = covariance_matrix(noise.correlation, terms, terms)
    np.testing.assert_array_equal(got, np.diag(noise.sd.ravel() ** 2))
    assert not noise.correlated


def test_a_vertical_share_is_one_noise_in_several_layers():
    ocean = sphere_ocean()
    noise = noise_of(ocean, t0={"sd": 0.4, "layers": (0.5, 0.25)})
    cell = np.flatnonzero(ocean.grid.sea)[:1].repeat(3)
    terms = noise.terms(np.array([3, 7, 11]), cell)
    sd = 0.4 * np.array([1.0, 0.5, 0.25])
    np.testing.assert_allclose(
        covariance_matrix(noise.correlation, terms, terms), np.outer(sd, sd), rtol=1e-14
    )
    assert noise.correlated


def test_two_noises_of_one_field_add_their_variances():
    ocean = sphere_ocean()
    noise = noise_of(ocean, t0={"sd": 3.0, "layers": (1.0,)}, t1=4.0)
    np.testing.assert_allclose(noise.sd[7][ocean.grid.sea.ravel()], 5.0, rtol=1e-15)


def test_a_selection_of_a_covariance_is_filled_in_place():
    cell = np.array([100, 101, 130, 405])
    terms_a, terms_b = BIG.terms(np.array([0, 1, 2, 3]), cell), BIG.terms(np.zeros(4, int), cell)
    rows_a, rows_b = np.array([2, 0]), np.array([1, 3, 0])
    out = np.full((2, 3), np.nan)
    fill_covariance(BIG.correlation, terms_a, rows_a, terms_b, rows_b, out)
    whole = covariance_matrix(BIG.correlation, terms_a, terms_b)
    np.testing.assert_array_equal(out, whole[np.ix_(rows_a, rows_b)])
    assert covariance_between(BIG.correlation, terms_a, 2, terms_b, 1) == out[0, 0]
