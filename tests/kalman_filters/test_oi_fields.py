"""Optimal interpolation of fields on a sphere and a plane."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.kalman.correlations import (
    Function,
    Places,
    between,
    correlation,
    horizontal,
)
from halocast.filters.kalman.oi_field import MOST, Measurements, OiGroup, basins, interpolate
from halocast.grid import EARTH_RADIUS, Grid
from halocast.sources.sphere import distance_and_bearing
from hypothesis import given, settings
from hypothesis import strategies as st
from kalman_cases import random_matrix

FUNCTIONS: tuple[Function, ...] = ("gaussian", "exponential", "gaspari-cohn")
SPHERE = Grid.sphere(30.0, 40.0, 20, -60.0, -45.0, 30)


def places_of(grid: Grid, depth: float = 0.0) -> Places:
    y, x = (a.ravel() for a in np.meshgrid(grid.y, grid.x, indexing="ij"))
    return Places(y, x, np.full(y.size, depth), np.zeros(y.size, int))


def one_at(cell: int, value: float, error: float) -> Measurements:
    return Measurements(np.array([[cell]]), np.ones((1, 1)), np.array([value]), np.array([error]))


def analysed(group: OiGroup, seen: Measurements, background: np.ndarray) -> np.ndarray:
    return interpolate({"t": background}, {"t": places_of(SPHERE)}, SPHERE, [(group, seen)])["t"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_observation_at_a_cell(function: Function) -> None:
    """The increment at distance d is s^2 rho(d) / (s^2 + r) times the innovation, exactly."""
    sd, error, cell = 0.7, 0.3, 314
    group = OiGroup(field="t", sd=sd, length_km=150.0, function=function)
    background = random_matrix(1, 1, 600)[0]
    step = analysed(group, one_at(cell, 2.5, error), background) - background
    places = places_of(SPHERE)
    d, _ = distance_and_bearing(places.y[cell], places.x[cell], places.y, places.x)
    rho = {
        "gaussian": np.exp(-0.5 * (d / 150e3) ** 2),
        "exponential": np.exp(-d / 150e3),
        "gaspari-cohn": correlation(d / 150e3, "gaspari-cohn"),
    }[function]
    expected = sd**2 * rho / (sd**2 + error**2) * (2.5 - background[cell])
    assert np.abs(step - expected).max() < 1e-14
    if function == "gaspari-cohn":
        assert np.all(step[d > 300e3] == 0.0)


def test_values_of_the_functions() -> None:
    assert correlation(np.array([0.0, 1.0, 2.0]), "gaussian") == pytest.approx(
        [1.0, np.exp(-0.5), np.exp(-2.0)], abs=1e-16
    )
    assert correlation(np.array([0.0, 1.0]), "exponential") == pytest.approx([1.0, np.exp(-1.0)])
    assert correlation(np.array([0.0, 1.0, 2.0]), "gaspari-cohn") == pytest.approx(
        [1.0, 5.0 / 24.0, 0.0], abs=1e-15
    )


@settings(max_examples=60, deadline=None)
@given(
    y=st.lists(st.floats(-90, 90), min_size=2, max_size=2),
    x=st.lists(st.floats(-360, 360), min_size=2, max_size=2),
)
def test_great_circles(y: list[float], x: list[float]) -> None:
    """Against the haversine, off the antipodes where neither is exact to more than this."""
    ones, others = (Places.at_surface(np.array([y[k]]), np.array([x[k]])) for k in (0, 1))
    found = horizontal(ones, others, SPHERE)[0, 0]
    expected, _ = distance_and_bearing(ones.y, ones.x, others.y, others.x)
    bound = 1e-8 if expected[0] < 1.9e7 else 1.0
    assert abs(found - expected[0]) < bound * (1.0 + EARTH_RADIUS * 1e-7)


def test_a_ring_is_as_long_as_its_domain() -> None:
    grid = Grid.plane(4, 10, 100.0, 100.0, periodic=(False, True))
    ones = Places.at_surface(np.zeros(1), np.array([50.0]))
    others = Places.at_surface(np.zeros(3), np.array([950.0, 550.0, 1050.0]))
    assert np.array_equal(horizontal(ones, others, grid), [[100.0, 500.0, 0.0]])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_many_observations_are_the_dense_algebra(function: Function) -> None:
    """Interpolated measurements against B, H and R written out."""
    n, p = 600, 15
    cells = (np.abs(random_matrix(2, p, 4)) * 1e6).astype(int) % n
    weight = np.abs(random_matrix(3, p, 4))
    weight /= weight.sum(axis=1, keepdims=True)
    seen = Measurements(cells, weight, random_matrix(4, 1, p)[0], np.linspace(0.2, 0.5, p))
    group = OiGroup(field="t", sd=0.7, length_km=200.0, function=function)
    background, factor = random_matrix(1, 1, n)[0], np.linspace(0.5, 2.0, n)
    found = interpolate(
        {"t": background}, {"t": places_of(SPHERE)}, SPHERE, [(group, seen)], {"t": factor}
    )["t"]
    places, sd = places_of(SPHERE), 0.7 * factor
    b = sd[:, None] * between(places, places, SPHERE, 200e3, None, function) * sd
    h = np.zeros((p, n))
    np.add.at(h, (np.repeat(np.arange(p), 4), cells.ravel()), weight.ravel())
    spread = h @ b @ h.T + np.diag(np.square(seen.error))
    expected = background + b @ h.T @ np.linalg.solve(spread, seen.value - h @ background)
    assert np.abs(found - expected).max() < 1e-12


def test_depths_have_their_own_length() -> None:
    places = places_of(SPHERE)
    deep = Places(places.y[:3], places.x[:3], np.array([0.0, 15.0, 60.0]), np.zeros(3, int))
    rho = between(deep, deep, SPHERE, 200e3, 15.0, "gaussian")
    flat = between(deep, deep, SPHERE, 200e3, None, "gaussian")
    assert rho[0, 1] == pytest.approx(flat[0, 1] * np.exp(-0.5))
    assert rho[0, 2] == pytest.approx(flat[0, 2] * np.exp(-8.0))


def test_nothing_passes_land() -> None:
    """Two seas on either side of an isthmus, and a ring that joins its ends."""
    sea = np.ones((6, 9), bool)
    sea[:, 4] = False
    grid = Grid.plane(6, 9, 1e4, 1e4, np.where(sea, 100.0, 0.0))
    number = basins(grid, grid.sea)
    assert len(np.unique(number[sea])) == 2
    assert np.all(number[~sea] == -1)
    ring = Grid.plane(6, 9, 1e4, 1e4, np.where(sea, 100.0, 0.0), periodic=(False, True))
    assert len(np.unique(basins(ring, ring.sea)[sea])) == 1
    wet = np.flatnonzero(sea)
    y, x = (a.ravel()[wet] for a in np.meshgrid(grid.y, grid.x, indexing="ij"))
    places = Places(y, x, np.zeros(wet.size), number.ravel()[wet])
    group = OiGroup(field="t", sd=1.0, length_km=100.0)
    found = interpolate(
        {"t": np.zeros(wet.size)}, {"t": places}, grid, [(group, one_at(0, 1.0, 0.1))]
    )["t"]
    assert np.all(found[places.basin != places.basin[0]] == 0.0)
    assert np.all(found[places.basin == places.basin[0]] > 0.1)


def test_large_innovations_are_cut() -> None:
    group = OiGroup(field="t", sd=1.0, length_km=150.0, largest_innovation=2.0)
    plain = OiGroup(field="t", sd=1.0, length_km=150.0)
    zero = np.zeros(600)
    for value, seen_as in ((50.0, 2.0), (-50.0, -2.0), (1.5, 1.5)):
        cut = analysed(group, one_at(5, value, 0.5), zero)
        assert np.array_equal(cut, analysed(plain, one_at(5, seen_as, 0.5), zero))


def test_groups_are_taken_in_order_and_fields_apart() -> None:
    """Two groups of one field: the second from the analysis of the first; others untouched."""
    first = OiGroup(field="t", sd=1.0, length_km=150.0)
    second = OiGroup(field="t", sd=0.5, length_km=50.0, function="exponential")
    a, b = one_at(5, 1.0, 0.5), one_at(80, -1.0, 0.5)
    zero, salt = np.zeros(600), np.ones(600)
    places = {"t": places_of(SPHERE), "s": places_of(SPHERE)}
    both = interpolate({"t": zero, "s": salt}, places, SPHERE, [(first, a), (second, b)])
    assert both["s"] is salt
    assert np.array_equal(both["t"], analysed(second, b, analysed(first, a, zero)))


def test_no_measurements_change_nothing() -> None:
    group = OiGroup(field="t", sd=1.0, length_km=150.0)
    none = Measurements(np.zeros((0, 1), int), np.zeros((0, 1)), np.zeros(0), np.zeros(0))
    zero = np.zeros(600)
    assert analysed(group, none, zero) is zero


class TestRefusals:
    def test_what_is_not_there(self) -> None:
        group = OiGroup(field="salt", sd=1.0, length_km=150.0)
        with pytest.raises(ConfigError, match="no field salt"):
            analysed(group, one_at(5, 1.0, 0.5), np.zeros(600))

    def test_errors_of_zero(self) -> None:
        group = OiGroup(field="t", sd=1.0, length_km=150.0)
        with pytest.raises(ConfigError, match="R is singular"):
            analysed(group, one_at(5, 1.0, 0.0), np.zeros(600))

    @pytest.mark.parametrize("cell", [-1, 600])
    def test_cells_outside(self, cell: int) -> None:
        group = OiGroup(field="t", sd=1.0, length_km=150.0)
        with pytest.raises(ConfigError, match="the field has 600"):
            analysed(group, one_at(cell, 1.0, 0.5), np.zeros(600))

    def test_too_many_at_once(self) -> None:
        group, count = OiGroup(field="t", sd=1.0, length_km=150.0), MOST + 1
        many = Measurements(
            np.zeros((count, 1), int), np.ones((count, 1)), np.zeros(count), np.ones(count)
        )
        with pytest.raises(ConfigError, match="4001 measurements"):
            analysed(group, many, np.zeros(600))

    @pytest.mark.parametrize(
        "bad",
        [{"sd": -1.0}, {"sd": 0.0}, {"length_km": -5.0}, {"vertical_length_m": 0.0},
         {"function": "step"}, {"largest_innovation": -1.0}],
    )  # fmt: skip
    def test_settings(self, bad) -> None:
        with pytest.raises(ValueError, match="1 validation error"):
            OiGroup(**{"field": "t", "sd": 1.0, "length_km": 100.0, **bad})
