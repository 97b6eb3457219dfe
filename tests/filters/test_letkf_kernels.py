"""The LETKF's parts: eigenvectors, the transform of a point, its reach, relaxation."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError, RunError
from halocast.filters.base import BlockObservations, make_group
from halocast.filters.letkf import LetkfSettings, sees, update
from halocast.filters.letkf.eigen import symmetric_eigen
from halocast.filters.letkf.filter import reach_in_cells
from halocast.filters.letkf.transform import fill_transform
from halocast.filters.relaxation import relax_to_prior_perturbations, relax_to_prior_spread
from halocast.grid import EARTH_RADIUS, Grid
from halocast.localization.blocks import partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY
from hypothesis import given, settings
from hypothesis import strategies as st


@given(st.integers(1, 50), st.integers(0, 10), st.integers(0, 10_000), st.sampled_from([0, 3, 9]))
@settings(max_examples=60, deadline=None)
def test_ql_finds_the_eigenvectors(n: int, rank: int, seed: int, decades: int) -> None:
    """Of any rank, with repeated and with graded eigenvalues."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n, min(n, rank))) * 10.0 ** rng.uniform(-decades, 0, min(n, rank))
    matrix = factor @ factor.T
    size = max(np.abs(matrix).max(), 1e-300)
    work, vectors = np.full((n + 2, n + 2), np.nan), np.full((n + 1, n + 1), np.nan)
    work[:n, :n] = matrix
    symmetric_eigen(work, n, vectors)
    found, u = np.diag(work)[:n], vectors[:n, :n]
    np.testing.assert_allclose(u @ u.T, np.eye(n), atol=1e-13)
    np.testing.assert_allclose(u.T @ np.diag(found) @ u, matrix, atol=1e-13 * n * size)
    np.testing.assert_allclose(np.sort(found), np.linalg.eigvalsh(matrix), atol=1e-13 * n * size)


def transform_of(s: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    m = s.shape[1]
    weight, transform = np.empty(m), np.empty((m, m))
    square, vectors = np.empty((m, m)), np.empty((m, m))
    fill_transform(s, delta, len(s), square, vectors, np.empty(m), weight, transform)
    return weight, transform


@given(st.integers(0, 24), st.integers(2, 12), st.integers(0, 10_000), st.floats(-6, 3))
@settings(max_examples=60, deadline=None)
def test_the_transform_is_the_symmetric_root(p: int, m: int, seed: int, decade: float) -> None:
    """On either side of p = m, for observations from useless to all but exact."""
    rng = np.random.default_rng(seed)
    s = 10.0**decade * rng.normal(size=(p, m))
    s -= s.mean(axis=1, keepdims=True)
    delta = rng.normal(size=p)
    weight, transform = transform_of(s, delta)
    _, value, vector = np.linalg.svd(s, full_matrices=False)
    shrunk = (1 - 1 / np.sqrt(1 + value**2))[:, None] * vector
    np.testing.assert_allclose(transform, np.eye(m) - vector.T @ shrunk, atol=1e-8)
    np.testing.assert_allclose(transform, transform.T, atol=1e-13)
    np.testing.assert_allclose(transform.sum(axis=0), 1.0, atol=1e-8)
    expected = np.linalg.lstsq(np.vstack([s, np.eye(m)]), np.append(delta, np.zeros(m)))[0]
    np.testing.assert_allclose(weight, expected, atol=1e-8 * (1 + np.abs(expected).max()))
    assert abs(weight.sum()) < 1e-8 * (1 + np.abs(weight).max())


def observe(
    cell: np.ndarray, value: np.ndarray, error: float, operator: int = IDENTITY
) -> BlockObservations:
    p = cell.size
    return BlockObservations(
        np.arange(p), cell, np.zeros(p, int), cell, value, np.full(p, error),
        np.full(p, operator, np.int8), np.full(p, 0.2), np.full(p, 0.7),
        np.full(p, GAUSSIAN, np.int8), np.ones(p),
    )  # fmt: skip


def analyse(
    settings: LetkfSettings, grid: Grid, members: np.ndarray, seen: BlockObservations
) -> np.ndarray:
    blocks = partition(grid.shape, settings.block)
    group = make_group(
        np.arange(blocks.n_blocks), blocks, sees(settings, blocks, seen.cell, grid), seen, members,
        np.zeros_like(members), ModelNoise.independent(np.ones(members.shape[1:]), grid),
        grid=grid, seed=1, cycle=1,
    )  # fmt: skip
    out = np.empty_like(members)
    out[:, :, group.cells] = update(group, settings).members
    return out


def random_world(grid: Grid, seed: int, p: int, m: int = 5) -> tuple[np.ndarray, BlockObservations]:
    rng = np.random.default_rng(seed)
    members = rng.normal(size=(m, 2, grid.n_cells))
    return members, observe(rng.integers(0, grid.n_cells, p), rng.normal(size=p), 0.5)


@pytest.mark.parametrize("stride", [1, 2, 5, 8])
@pytest.mark.parametrize("periodic", [False, True])
def test_points_far_apart_see_the_same_from_every_block(stride: int, periodic: bool) -> None:
    """Blocks of one cell against one block, at strides that do and do not divide the axis."""
    grid = Grid.plane(18, 23, 1.0, 1.0, periodic=(periodic, periodic))
    members, seen = random_world(grid, stride, 50)
    finest = LetkfSettings(block=(1, 1), radius=4.0, weight_stride=stride)
    whole = LetkfSettings(block=(18, 23), radius=4.0, weight_stride=stride)
    np.testing.assert_array_equal(
        analyse(finest, grid, members, seen), analyse(whole, grid, members, seen)
    )


def test_points_too_far_apart_for_the_radius_are_refused() -> None:
    grid = Grid.plane(6, 6, 1.0, 1.0)
    members, seen = random_world(grid, 0, 3)
    with pytest.raises(ConfigError, match="would be lost"):
        analyse(LetkfSettings(radius=0.9, weight_stride=2), grid, members, seen)


@pytest.mark.parametrize("stride", [2, 4])
def test_constant_weights_are_interpolated_exactly(stride: int) -> None:
    grid = Grid.plane(9, 11, 1.0, 1.0)
    members, seen = random_world(grid, 3, 9)
    exact = analyse(LetkfSettings(radius=1e8), grid, members, seen)
    between = analyse(LetkfSettings(radius=1e8, weight_stride=stride), grid, members, seen)
    np.testing.assert_allclose(between, exact, atol=1e-13)


@given(st.floats(-88, 80), st.floats(10, 4000), st.integers(0, 1000))
@settings(max_examples=80, deadline=None)
def test_no_observation_near_enough_is_out_of_reach(south: float, radius: float, seed: int) -> None:
    """On the sphere: two cells within twice the radius are never further apart in cells."""
    grid = Grid.sphere(south, south + 8, 8, 0, 120, 60)
    reach = reach_in_cells(LetkfSettings(radius_km=radius), grid)
    rng = np.random.default_rng(seed)
    j, i = rng.integers(0, 8, (2, 300)), rng.integers(0, 60, (2, 300))
    lat, lon = np.deg2rad(grid.y[j]), np.deg2rad(grid.x[i])
    cosine = np.sin(lat[0]) * np.sin(lat[1])
    cosine += np.cos(lat[0]) * np.cos(lat[1]) * np.cos(lon[0] - lon[1])
    near = EARTH_RADIUS * np.arccos(np.clip(cosine, -1, 1)) < 2000.0 * radius
    cells = np.hypot(j[0] - j[1], i[0] - i[1])
    assert (cells[near] <= reach * (1 + 1e-9)).all()


@given(st.floats(-1e6, 1e6), st.integers(2, 9))
@settings(max_examples=40, deadline=None)
def test_members_that_are_all_alike_stay_so(value: float, m: int) -> None:
    """Land, and fields without spread: not a bit changes, whatever is observed beside them."""
    grid = Grid.plane(5, 5, 1.0, 1.0)
    members, seen = random_world(grid, 1, 12, m=m)
    members[:, 1] = value
    for more in ({}, {"inflation": 1.9}, {"rtps": 0.6}, {"rtpp": 0.6}, {"weight_stride": 2}):
        found = analyse(LetkfSettings(radius=2.0, **more), grid, members, seen)
        assert (found[:, 1] == value).all()
        assert (found[:, 0] != members[:, 0]).any()


@pytest.mark.parametrize("more", [{}, {"rtps": 0.7}, {"rtpp": 0.7}, {"weight_stride": 3}])
def test_cells_without_observations_keep_every_bit(more: dict[str, float]) -> None:
    grid = Grid.plane(12, 12, 1.0, 1.0)
    members, _ = random_world(grid, 2, 1)
    seen = observe(np.array([0, 1]), np.array([3.0, -3.0]), 0.4)
    found = analyse(LetkfSettings(radius=1.6, **more), grid, members, seen)
    np.testing.assert_array_equal(found[:, :, 7 * 12 :], members[:, :, 7 * 12 :])
    assert (found[:, :, :2] != members[:, :, :2]).all()


def test_a_nonlinear_operator_enters_by_its_ensemble() -> None:
    """Hunt et al., equation 12: the mean and the anomalies of h(members), not h of the mean."""
    grid = Grid.plane(4, 4, 1.0, 1.0)
    rng = np.random.default_rng(8)
    members = rng.normal(size=(6, 1, 16))
    seen = observe(np.array([5]), np.array([0.9]), 0.3, ARCTAN)
    found = analyse(LetkfSettings(radius=1e8), grid, members, seen)[:, 0]
    predicted = np.arctan((members[:, 0, 5] - 0.2) / 0.7)
    y = predicted - predicted.mean()
    anomaly = members[:, 0] - members[:, 0].mean(axis=0)
    variance = y @ y / 5 + 0.09
    increment = anomaly.T @ y / 5 / variance * (0.9 - predicted.mean())
    np.testing.assert_allclose(found.mean(axis=0) - members[:, 0].mean(axis=0), increment)
    shrink = 1 / (1 + np.sqrt(0.09 / variance))  # Whitaker & Hamill 2002, equation 13
    expected = anomaly - shrink * np.outer(y, anomaly.T @ y / 5 / variance)
    np.testing.assert_allclose(found - found.mean(axis=0), expected, atol=1e-13)


def test_the_check_goes_by_the_error_where_the_spread_has_collapsed() -> None:
    grid = Grid.plane(1, 2, 1.0, 1.0)
    members = np.zeros((4, 1, 2))
    members[:, 0, 1] = np.array([-1.0, 1.0, -1.0, 1.0])  # variance 4/3
    cell, settings = np.array([0, 0, 1, 1]), LetkfSettings(radius=0.4, background_check=3.0)
    edge = 3 * np.sqrt(4 / 3 + 0.25)
    seen = observe(cell, np.array([1.49, 1.51, edge - 0.01, edge + 0.01]), 0.5)
    blocks = partition(grid.shape, (1, 1))
    group = make_group(
        np.arange(2), blocks, sees(settings, blocks, cell, grid), seen, members,
        np.zeros_like(members), ModelNoise.independent(np.ones((1, 2)), grid),
        grid=grid, seed=1, cycle=1,
    )  # fmt: skip
    found = update(group, settings)
    kept = analyse(settings, grid, members, seen.take(np.array([0, 2])))
    np.testing.assert_array_equal(found.members, kept)
    np.testing.assert_array_equal(found.health["rejected"], [2, 2])  # both blocks see all four


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 1.2])
def test_relaxation_follows_its_formulas(alpha: float) -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(size=(7, 2, 5)) + 3.0
    after = 0.4 * rng.normal(size=(7, 2, 5)) - 1.0
    spread, mixed = after.copy(), after.copy()
    relax_to_prior_spread(before, alpha, spread)
    relax_to_prior_perturbations(before, alpha, mixed)
    for relaxed in (spread, mixed):
        np.testing.assert_allclose(relaxed.mean(axis=0), after.mean(axis=0), atol=1e-14)
    expected = (1 - alpha) * after.std(axis=0) + alpha * before.std(axis=0)
    np.testing.assert_allclose(spread.std(axis=0), expected, rtol=1e-13)
    anomalies = (1 - alpha) * (after - after.mean(axis=0)) + alpha * (before - before.mean(axis=0))
    np.testing.assert_allclose(mixed - mixed.mean(axis=0), anomalies, atol=1e-14)


def test_a_collapsed_analysis_is_not_blown_up() -> None:
    before = np.random.default_rng(1).normal(size=(5, 1, 1))
    after = np.full((5, 1, 1), 2.0)
    relax_to_prior_spread(before, 0.5, after)
    assert (after == 2.0).all()


@pytest.mark.parametrize("error", [np.nan, 1e-170])
@pytest.mark.parametrize("p", [1, 9])
def test_what_is_not_finite_is_refused(error: float, p: int) -> None:
    grid = Grid.plane(3, 3, 1.0, 1.0)
    members, seen = random_world(grid, 5, p)
    with pytest.raises(RunError, match="no finite analysis"):
        analyse(LetkfSettings(radius=9.0), grid, members, seen._replace(error=np.full(p, error)))
