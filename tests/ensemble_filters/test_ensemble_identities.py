"""The ensemble filters against the Kalman filter's algebra, and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from ensemble_cases import DETERMINISTIC, UNTAPERED, covariance, kalman, run, window_of, with_tapers
from halocast.filters.base import BlockObservations, make_group
from halocast.filters.ensemble import enkf, serial
from halocast.filters.ensemble.departures import departures
from halocast.filters.ensemble.gain import increments, svd_increments, tapered_increments
from halocast.filters.letkf import LetkfSettings, sees, update
from halocast.filters.window import Window
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import IDENTITY
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

SHAPES = [(8, 12, 5), (8, 12, 30), (20, 6, 4), (2, 5, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_mean_and_covariance_are_those_of_the_kalman_filter(
    name: str, shape: tuple[int, int, int]
) -> None:
    window = window_of(*shape)
    mean, posterior, _ = kalman(window)
    found = run(name, window)
    scale = np.abs(covariance(window.forecast)).max()
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=2e-14 * (1 + np.abs(mean).max()))
    np.testing.assert_allclose(covariance(found.members), posterior, rtol=0, atol=2e-14 * scale)


@pytest.mark.parametrize("shape", SHAPES)
def test_etkf_is_the_letkf_without_localization(shape: tuple[int, int, int]) -> None:
    window = window_of(*shape)
    np.testing.assert_allclose(run("etkf", window).members, letkf(window, 1e9), rtol=0, atol=2e-14)


def letkf(window: Window, radius: float) -> np.ndarray:
    """Members of the block filter: the scalars are the cells of a row."""
    n = window.forecast.shape[1]
    p, grid = window.value.size, Grid.plane(1, n, 1.0, 1.0)
    seen = BlockObservations(
        window.number, window.scalar, np.zeros(p, np.int64), window.scalar, window.value,
        window.error, np.full(p, IDENTITY, np.int8), np.zeros(p), np.ones(p),
        window.noise_kind.astype(np.int8), window.df,
    )  # fmt: skip
    blocks, settings = partition(grid.shape, (1, n)), LetkfSettings(radius=radius)
    forecast = window.forecast[:, None, :]
    group = make_group(
        np.arange(1), blocks, sees(settings, blocks, seen.cell, grid), seen, forecast,
        np.zeros_like(forecast), ModelNoise.independent(np.zeros((1, n)), grid), grid=grid,
        seed=1, cycle=1,
    )  # fmt: skip
    return update(group, settings).members[:, 0]


def test_etkf_of_a_local_window_is_the_letkf_of_its_cell() -> None:
    window, radius = window_of(6, 12, 9), 3.0
    expected = letkf(window, radius)
    for cell in range(12):
        weight = with_tapers(window, radius).taper[cell]  # type: ignore[index]
        near = weight > 0
        local = window._replace(
            predicted=window.predicted[:, near], number=window.number[near],
            value=window.value[near], error=window.error[near], weight=weight[near],
            noise_kind=window.noise_kind[near], df=window.df[near], scalar=window.scalar[near],
        )  # fmt: skip
        found = run("etkf", local).members[:, cell]
        np.testing.assert_allclose(found, expected[:, cell], rtol=0, atol=2e-14)


def textbook(name: str, window: Window) -> np.ndarray:
    """One observation assimilated as each paper writes it."""
    x, m = window.forecast.mean(axis=0), window.members
    a, z = window.forecast - x, window.predicted[:, 0] - window.predicted[:, 0].mean()
    r, spread, c = window.variance[0], z @ z / (m - 1), a.T @ z / (m - 1)
    mean = x + c / (spread + r) * (window.value[0] - window.predicted[:, 0].mean())
    if name == "ensrf":
        alpha = 1 / (1 + np.sqrt(r / (spread + r)))
        return mean + a - alpha * np.outer(z, c / (spread + r))
    if name == "potter":
        gamma = (1 - np.sqrt(r / (spread + r))) / ((m - 1) * spread)
        return mean + (np.eye(m) - gamma * np.outer(z, z)) @ a
    shifted = np.sqrt(r / (spread + r)) * z
    return mean + a + np.outer(shifted - z, c / spread)


@pytest.mark.parametrize("name", ["ensrf", "potter", "eakf"])
@pytest.mark.parametrize("linear", [True, False])
def test_one_observation_as_each_paper_writes_it_member_by_member(name: str, linear: bool) -> None:
    window = window_of(8, 12, 1, linear=linear)
    found = run(name, window).members
    np.testing.assert_allclose(found, textbook(name, window), rtol=0, atol=4e-15)
    assert np.array_equal(found, run("ensrf", window).members)


def test_one_observation_moves_members_of_the_etkf_as_the_serial_filters() -> None:
    window = window_of(8, 12, 1)
    found = run("etkf", window).members
    np.testing.assert_allclose(found, run("ensrf", window).members, rtol=0, atol=4e-15)


@pytest.mark.parametrize("shape", SHAPES)
def test_denkf_has_a_quarter_of_khphk_more(shape: tuple[int, int, int]) -> None:
    window = window_of(*shape)
    mean, posterior, gain = kalman(window)
    found = run("denkf", window)
    hph = covariance(window.forecast)[np.ix_(window.scalar, window.scalar)]
    expected = posterior + gain @ hph @ gain.T / 4
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=2e-14 * (1 + np.abs(mean).max()))
    np.testing.assert_allclose(covariance(found.members), expected, rtol=0, atol=2e-14)


@pytest.mark.parametrize(
    ("h", "ratio"), [(0.1, 1.003), (0.3, 1.032), (0.5, 1.125), (0.7, 1.408), (0.9, 3.025)]
)
def test_denkf_overdisperses_as_published(h: float, ratio: float) -> None:
    window = window_of(8, 1, 1)
    spread = covariance(window.forecast)[0, 0]
    window = window._replace(error=np.sqrt(np.array([spread * (1 - h) / h])))
    found = covariance(run("denkf", window).members)[0, 0]
    assert found / (spread * (1 - h)) == pytest.approx(ratio, abs=5e-4)


def test_enkf_mean_is_the_kalman_filter_s_and_perturbations_are_centred() -> None:
    window = window_of(8, 12, 30)
    mean, _, _ = kalman(window)
    np.testing.assert_allclose(run("enkf", window).mean, mean, rtol=0, atol=1e-13)
    noise = enkf.perturbations(window, window.variance)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=1e-15)


def test_enkf_of_many_members_has_the_kalman_filter_s_covariance() -> None:
    window = window_of(100_000, 3, 2)
    _, posterior, _ = kalman(window)
    found = covariance(run("enkf", window).members)
    np.testing.assert_allclose(found, posterior, rtol=0, atol=0.02 * np.diag(posterior).max())


@pytest.mark.parametrize("p", [3, 40])
def test_gain_on_either_side_of_the_smaller_matrix(p: int) -> None:
    """Sherman, Morrison & Woodbury: p x p or m x m, the increment is the same."""
    window = window_of(8, 12, p)
    seen = departures(window, "test")
    a, y, m = seen.anomalies, seen.predicted, 8
    direct = seen.innovation @ np.linalg.inv(y.T @ y + (m - 1) * np.diag(seen.variance)) @ y.T @ a
    found = increments(seen, seen.innovation[None], seen.variance)[0]
    np.testing.assert_allclose(found, direct, rtol=0, atol=1e-14 * (1 + np.abs(direct).max()))
    ones = np.ones((12, p)), np.ones((p, p))
    tapered = tapered_increments(seen, seen.innovation[None], seen.variance, *ones)[0]
    np.testing.assert_allclose(tapered, direct, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["denkf", "enkf"])
def test_schur_localization_is_the_tapered_kalman_gain(name: str) -> None:
    window = with_tapers(window_of(8, 12, 5), 2.0)
    prior, at = covariance(window.forecast), window.scalar
    assert window.taper is not None
    assert window.taper_between is not None
    inner = window.taper_between * prior[np.ix_(at, at)] + np.diag(window.variance)
    gain = (window.taper * prior[:, at]) @ np.linalg.inv(inner)
    x = window.forecast.mean(axis=0)
    found = run(name, window)
    np.testing.assert_allclose(found.mean, x + gain @ (window.value - x[at]), rtol=0, atol=1e-14)
    if name == "denkf":
        a = window.forecast - x
        expected = a - 0.5 * a[:, at] @ gain.T
        np.testing.assert_allclose(found.members - found.mean, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["ensrf", "denkf", "enkf"])
def test_beyond_the_taper_s_support_nothing_moves(name: str) -> None:
    window = window_of(8, 12, 1)._replace(scalar=np.array([2]))
    window = window._replace(predicted=window.forecast[:, [2]])
    window = with_tapers(window, 2.0)
    found = run(name, window).members
    np.testing.assert_allclose(found[:, 6:], window.forecast[:, 6:], rtol=0, atol=1e-15)
    assert (np.abs(found - window.forecast)[:, :6] > 0).any()


def test_serial_with_one_observation_is_the_tapered_gain() -> None:
    window = with_tapers(window_of(8, 12, 1), 3.0)
    plain = run("ensrf", window._replace(taper=None, taper_between=None))
    found = run("ensrf", window)
    assert window.taper is not None
    shift = window.taper[:, 0] * (plain.mean - window.forecast.mean(axis=0))
    np.testing.assert_allclose(found.mean, window.forecast.mean(axis=0) + shift, atol=1e-14)


def test_the_gain_by_singular_values_where_it_holds_and_where_not() -> None:
    """Few observations: near the gain with the perturbations' own covariance; p > m: far off."""
    few = departures(window_of(40, 12, 4), "test")
    noise = enkf.perturbations(window_of(40, 12, 4), few.variance)
    clean = noise - few.predicted @ np.linalg.pinv(few.predicted) @ noise
    clean *= np.sqrt(39 / 35)
    y = few.predicted
    direct = few.innovation @ np.linalg.inv(y.T @ y + clean.T @ clean) @ y.T @ few.anomalies
    found = svd_increments(few, noise, few.innovation[None], 1.0)[0]
    np.testing.assert_allclose(found, direct, rtol=0, atol=1e-12)
    assert np.abs(y @ np.linalg.pinv(y) @ clean).max() < 1e-11  # the cross term

    many = window_of(20, 100, 100)
    seen = departures(many, "test")
    exact = increments(seen, seen.innovation[None], seen.variance)[0]
    noise = enkf.perturbations(many, seen.variance)
    poor = svd_increments(seen, noise, seen.innovation[None], 0.999)[0]
    cosine = exact @ poor / np.linalg.norm(exact) / np.linalg.norm(poor)
    assert cosine < 0.95


@pytest.mark.parametrize("name", UNTAPERED)
def test_without_observations_nothing_moves(name: str) -> None:
    window = window_of(8, 12, 0)
    np.testing.assert_allclose(run(name, window).members, window.forecast, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", UNTAPERED)
def test_members_that_agree_are_left_alone(name: str) -> None:
    window = window_of()
    same = np.repeat(window.forecast[:1], 8, axis=0)
    window = window._replace(forecast=same, predicted=same[:, window.scalar])
    np.testing.assert_allclose(run(name, window).members, same, rtol=0, atol=1e-15)


@given(seed=st.integers(0, 10_000), power=st.integers(-20, 20))
@hypothesis_settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", UNTAPERED)
def test_units_do_not_matter(name: str, seed: int, power: int) -> None:
    """State and observations in other units, by a power of two: the same bits, scaled."""
    window, scale = window_of(seed=seed), 2.0**power
    scaled = window._replace(
        forecast=scale * window.forecast, predicted=scale * window.predicted,
        value=scale * window.value, error=scale * window.error,
    )  # fmt: skip
    assert np.array_equal(run(name, scaled).members, scale * run(name, window).members)


@given(seed=st.integers(0, 10_000))
@hypothesis_settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", [*DETERMINISTIC, "denkf"])
def test_the_order_of_members_does_not_matter(name: str, seed: int) -> None:
    window = window_of(seed=seed)
    order = np.random.default_rng(seed).permutation(8)
    mixed = window._replace(forecast=window.forecast[order], predicted=window.predicted[order])
    expected = run(name, window).members[order]
    np.testing.assert_allclose(run(name, mixed).members, expected, rtol=0, atol=1e-13)


@given(seed=st.integers(0, 10_000), p=st.sampled_from([5, 20]))
@hypothesis_settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", [*DETERMINISTIC, "denkf"])
def test_the_order_of_observations_does_not_matter(name: str, seed: int, p: int) -> None:
    """Members of the transforms stay; of the serial filters mean and covariance do."""
    window = window_of(p=p, seed=seed)
    order = np.random.default_rng(seed).permutation(p)
    mixed = window._replace(
        predicted=window.predicted[:, order], value=window.value[order],
        error=window.error[order], scalar=window.scalar[order],
    )  # fmt: skip
    one, other = run(name, window), run(name, mixed)
    np.testing.assert_allclose(one.mean, other.mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(covariance(one.members), covariance(other.members), atol=1e-13)
    if name in ("etkf", "denkf"):
        np.testing.assert_allclose(one.members, other.members, rtol=0, atol=1e-13)


def test_an_orthogonal_mixture_of_observations_is_the_same_information() -> None:
    """With equal errors Q y sees what y sees."""
    window = window_of(p=6)._replace(error=np.full(6, 0.7))
    q, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(6, 6)))
    mixed = window._replace(predicted=window.predicted @ q.T, value=q @ window.value)
    for name in ("etkf", "denkf"):
        one, other = run(name, window).members, run(name, mixed).members
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
    one_, other_ = run("ensrf", window), run("ensrf", mixed)
    np.testing.assert_allclose(one_.mean, other_.mean, rtol=0, atol=1e-13)


@given(
    seed=st.integers(0, 10_000), m=st.integers(2, 30), n=st.integers(1, 20), p=st.integers(0, 40)
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_shapes_at_the_edges(seed: int, m: int, n: int, p: int) -> None:
    window = window_of(m, n, p, seed)
    mean, _, _ = kalman(window)
    for name in UNTAPERED:
        found = run(name, window)
        assert found.members.shape == (m, n)
        np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-9 * (1 + np.abs(mean).max()))


def test_an_observation_of_what_does_not_vary_is_passed_over() -> None:
    window = window_of(p=2)
    flat = window.predicted.copy()
    flat[:, 0] = 1.0
    assert np.isfinite(serial.analyse(
        window._replace(predicted=flat), serial.EnsrfSettings()
    ).members).all()  # fmt: skip
