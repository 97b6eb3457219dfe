"""The LETKF against the Kalman filter's algebra, and in its limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.base import BlockGroup, BlockObservations, BlockUpdate, make_group
from halocast.filters.letkf import LetkfSettings, sees, update
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import GAUSSIAN, IDENTITY, STUDENT_T
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

SHAPE, FIELDS = (6, 9), 3
N = SHAPE[0] * SHAPE[1]


def unit_grid(shape: tuple[int, int] = SHAPE, periodic: tuple[bool, bool] = (False, False)) -> Grid:
    return Grid.plane(*shape, 1.0, 1.0, periodic=periodic)


def observations(
    field: np.ndarray, cell: np.ndarray, value: np.ndarray, error: np.ndarray | float,
    n_cells: int = N, noise: int = GAUSSIAN,
) -> BlockObservations:  # fmt: skip
    p = cell.size
    return BlockObservations(
        np.arange(p), field * n_cells + cell, field, cell, value, np.broadcast_to(error, p) * 1.0,
        np.full(p, IDENTITY, np.int8), np.zeros(p), np.ones(p), np.full(p, noise, np.int8),
        np.full(p, 3.0),
    )  # fmt: skip


def random_world(seed: int, m: int = 8, p: int = 20) -> tuple[np.ndarray, BlockObservations]:
    rng = np.random.default_rng(seed)
    field, cell = rng.integers(0, FIELDS, p), rng.integers(0, N, p)
    seen = observations(field, cell, rng.normal(size=p), rng.uniform(0.3, 1.0, p))
    return rng.normal(size=(m, FIELDS, N)), seen


def group_of(
    settings: LetkfSettings, members: np.ndarray, seen: BlockObservations,
    numbers: np.ndarray | None = None, grid: Grid | None = None,
) -> BlockGroup:  # fmt: skip
    """Half of a member is forecast, half is its model noise: the LETKF must see their sum."""
    grid = unit_grid() if grid is None else grid
    blocks = partition(grid.shape, settings.block)
    return make_group(
        np.arange(blocks.n_blocks) if numbers is None else numbers, blocks,
        sees(settings, blocks, seen.cell, grid), seen, 0.5 * members, 0.5 * members,
        ModelNoise.independent(np.ones(members.shape[1:]), grid), grid=grid, seed=1, cycle=1,
    )  # fmt: skip


def whole(group: BlockGroup, found: BlockUpdate) -> np.ndarray:
    out = np.empty_like(found.members)
    out[:, :, group.cells] = found.members
    return out


def analyse(settings: LetkfSettings, *args: Any, **kwargs: Any) -> np.ndarray:
    group = group_of(settings, *args, **kwargs)
    return whole(group, update(group, settings))


@pytest.mark.parametrize("p", [3, 40])
def test_without_localization_it_is_the_kalman_filter_of_the_ensemble(p: int) -> None:
    members, seen = random_world(0, m=8, p=p)
    found = analyse(LetkfSettings(radius=1e7), members, seen).reshape(8, -1)
    flat = members.reshape(8, -1)
    anomaly = flat - flat.mean(axis=0)
    covariance = anomaly.T @ anomaly / 7
    h = np.zeros((p, flat.shape[1]))
    h[np.arange(p), seen.scalar] = 1.0
    gain = covariance @ h.T @ np.linalg.inv(h @ covariance @ h.T + np.diag(seen.error**2))
    mean = flat.mean(axis=0) + gain @ (seen.value - h @ flat.mean(axis=0))
    np.testing.assert_allclose(found.mean(axis=0), mean, atol=1e-12)
    after = found - found.mean(axis=0)
    expected = (np.eye(flat.shape[1]) - gain @ h) @ covariance
    np.testing.assert_allclose(after.T @ after / 7, expected, atol=1e-12)


def test_the_transform_is_the_symmetric_root_and_moves_members_least() -> None:
    members, seen = random_world(1)
    found = analyse(LetkfSettings(radius=1e7), members, seen).reshape(8, -1)
    before = members.reshape(8, -1) - members.reshape(8, -1).mean(axis=0)
    transform = np.linalg.lstsq(before.T, (found - found.mean(axis=0)).T, rcond=None)[0]
    # known up to the direction 1 1', which the anomalies do not have
    centre = np.eye(8) - 1 / 8
    transform = centre @ transform @ centre
    np.testing.assert_allclose(transform, transform.T, atol=1e-10)
    assert np.linalg.eigvalsh(transform)[1:].min() > 0


def test_one_observation_acts_within_twice_the_radius_and_no_further() -> None:
    members, _ = random_world(2)
    cell = np.array([2 * SHAPE[1] + 4])
    seen = observations(np.array([1]), cell, np.array([2.0]), 0.5)
    change = analyse(LetkfSettings(radius=1.3), members, seen) - members
    j, i = np.divmod(np.arange(N), SHAPE[1])
    far = np.hypot(j - 2, i - 4) >= 2.6
    assert (change[:, :, far] == 0).all()
    assert (np.abs(change[:, :, ~far]).max(axis=(0, 1)) > 1e-9).all()


@given(st.integers(0, 50), st.sampled_from([1, 2, 3]), st.permutations(range(6)))
@hypothesis_settings(max_examples=20, deadline=None)
def test_no_grouping_changes_a_bit(seed: int, stride: int, order: list[int]) -> None:
    members, seen = random_world(seed)
    settings = LetkfSettings(block=(3, 3), radius=1.5, weight_stride=stride, rtps=0.3)
    alone = analyse(settings, members, seen)
    for numbers in (np.sort(order[:3]), np.sort(order[3:])):
        group = group_of(settings, members, seen, numbers)
        np.testing.assert_array_equal(update(group, settings).members, alone[:, :, group.cells])
    other = LetkfSettings(block=(2, 4), radius=1.5, weight_stride=stride, rtps=0.3)
    np.testing.assert_array_equal(analyse(other, members, seen), alone)


def test_radius_in_km_is_the_radius_in_cells_on_a_plane_of_kilometres() -> None:
    members, seen = random_world(3)
    kilometres = Grid.plane(*SHAPE, 1000.0, 1000.0)
    np.testing.assert_allclose(
        analyse(LetkfSettings(radius_km=1.7), members, seen, grid=kilometres),
        analyse(LetkfSettings(radius=1.7), members, seen), atol=1e-13,
    )  # fmt: skip


def test_on_the_sphere_distance_is_the_great_circle() -> None:
    """60° N: a degree of longitude is 55.6 km, of latitude 111.2 km."""
    grid = Grid.sphere(59.5, 60.5 + 4, 5, 0, 9, 9)
    members = np.random.default_rng(4).normal(size=(6, 1, 45))
    seen = observations(np.zeros(1, int), np.array([4]), np.array([3.0]), 0.5, n_cells=45)
    moved = analyse(LetkfSettings(radius_km=60.0), members, seen, grid=grid) != members
    moved = moved.any(axis=(0, 1)).reshape(5, 9)
    assert moved[0].tolist() == [False, False, True, True, True, True, True, False, False]
    assert moved[1, 4]
    assert not moved[2].any()


def test_a_periodic_axis_wraps() -> None:
    members, _ = random_world(5)
    seen = observations(np.array([0]), np.array([0]), np.array([2.0]), 0.5)
    grid = unit_grid(periodic=(False, True))
    moved = (analyse(LetkfSettings(radius=0.8), members, seen, grid=grid) != members)[:, 0]
    moved = moved.any(axis=0).reshape(SHAPE)
    assert moved[0, [0, 1, -1]].all()
    assert not moved[0, 2:-1].any()


def test_interpolated_weights_are_exact_at_the_points_and_close_between() -> None:
    members, seen = random_world(6, p=12)
    exact = analyse(LetkfSettings(radius=8.0), members, seen)
    between = analyse(LetkfSettings(radius=8.0, weight_stride=2), members, seen)
    j, i = np.divmod(np.arange(N), SHAPE[1])
    at = (j % 2 == 0) & (i % 2 == 0)
    np.testing.assert_allclose(between[:, :, at], exact[:, :, at], atol=1e-12)
    error = np.sqrt(np.mean((between - exact) ** 2))
    assert 0 < error < 0.05 * np.sqrt(np.mean((exact - members) ** 2))


def test_full_relaxation_restores_the_spread_or_the_perturbations() -> None:
    members, seen = random_world(7)
    prior = members.std(axis=0)
    spread = analyse(LetkfSettings(radius=3.0, rtps=1.0), members, seen)
    np.testing.assert_allclose(spread.std(axis=0), prior, rtol=1e-12)
    mixed = analyse(LetkfSettings(radius=3.0, rtpp=1.0), members, seen)
    np.testing.assert_allclose(
        mixed - mixed.mean(axis=0), members - members.mean(axis=0), atol=1e-12
    )
    plain = analyse(LetkfSettings(radius=3.0), members, seen)
    for relaxed in (spread, mixed):
        np.testing.assert_allclose(relaxed.mean(axis=0), plain.mean(axis=0), atol=1e-12)


def test_inflation_scales_the_forecast_where_nothing_is_seen() -> None:
    members, _ = random_world(8)
    seen = observations(np.array([0]), np.array([0]), np.array([1.0]), 0.5)
    found = analyse(LetkfSettings(radius=0.6, inflation=1.1), members, seen)[:, :, -1]
    np.testing.assert_allclose(found.std(axis=0), 1.1 * members[:, :, -1].std(axis=0), rtol=1e-12)


def test_the_background_check_silences_outliers_of_any_density() -> None:
    members, seen = random_world(9)
    wild = seen._replace(
        value=np.where(np.arange(20) == 4, 1e6, seen.value),
        noise_kind=np.full(20, STUDENT_T, np.int8),
    )
    settings = LetkfSettings(radius=2.0, background_check=5.0)
    without = seen.take(np.flatnonzero(np.arange(20) != 4))
    np.testing.assert_array_equal(
        analyse(settings, members, wild), analyse(settings, members, without)
    )
    group = group_of(settings, members, wild)
    assert update(group, settings).health["rejected"].sum() >= 1


def test_useless_observations_change_nothing_and_repeated_ones_add_up() -> None:
    members, seen = random_world(10)
    settings = LetkfSettings(radius=2.0)
    useless = analyse(settings, members, seen._replace(error=np.full(20, 1e9)))
    np.testing.assert_allclose(useless, members, atol=1e-12)
    twice = seen.take(np.repeat(np.arange(20), 2))
    better = seen._replace(error=seen.error / np.sqrt(2))
    np.testing.assert_allclose(
        analyse(settings, members, twice), analyse(settings, members, better), atol=1e-12
    )


def test_units_do_not_matter() -> None:
    members, seen = random_world(11)
    settings = LetkfSettings(radius=2.0, rtps=0.4)
    scaled = seen._replace(value=1e3 * seen.value, error=1e3 * seen.error)
    np.testing.assert_allclose(
        analyse(settings, 1e3 * members, scaled), 1e3 * analyse(settings, members, seen), rtol=1e-10
    )


def test_all_observations_in_one_cell_leave_the_others_alone() -> None:
    members, _ = random_world(12)
    rng = np.random.default_rng(0)
    seen = observations(rng.integers(0, FIELDS, 60), np.full(60, 13), rng.normal(size=60), 0.5)
    settings = LetkfSettings(radius=0.5)
    group = group_of(settings, members, seen)
    before = [a.copy() for a in (group.forecast, group.noise, group.observed, group.value)]
    found = whole(group, update(group, settings))
    assert np.array_equal(np.delete(found, 13, axis=2), np.delete(members, 13, axis=2))
    assert (found[:, :, 13].std(axis=0) < members[:, :, 13].std(axis=0)).all()
    for old, new in zip(before, (group.forecast, group.noise, group.observed, group.value)):
        np.testing.assert_array_equal(old, new)


def test_one_member_has_no_covariance() -> None:
    members, seen = random_world(13, m=1)
    settings = LetkfSettings(radius=2.0)
    with pytest.raises(ConfigError, match="one member"):
        update(group_of(settings, members, seen), settings)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "radius"),
        ({"radius": 1.0, "radius_km": 30.0}, "once"),
        ({"radius": 1.0, "rtps": 0.5, "rtpp": 0.5}, "one of them"),
        ({"radius": 0.0}, "greater than 0"),
        ({"radius": 1.0, "inflation": 0.9}, "greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        LetkfSettings(**wrong)  # type: ignore[arg-type]
