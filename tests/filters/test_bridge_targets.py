"""What the bridge samples, against exact answers: Gaussian algebra and sums over a plane."""

from __future__ import annotations

import numpy as np
import pytest
from bridge_cases import (
    Scene,
    brute_force,
    draw_noise,
    linear_posterior,
    model_noise_of,
    observe,
    smooth,
)
from halocast.filters.bridge import BridgeSettings, update
from halocast.grid import Grid
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, LAPLACE, STUDENT_T
from scipy import stats

GRID = Grid.plane(1, 4, 1.0, 1.0)
WHERE = np.array([0, 2])
ONE_BLOCK = {"block": (1, 4), "halo": 3.0, "covariance_radius": np.inf}


def line(mu: np.ndarray, value: tuple[float, float], error: float, **kinds: object) -> Scene:
    """Four cells, the first and the third observed, one block."""
    noise = model_noise_of(GRID, [smooth(0.6)])
    bridge = kinds.pop("bridge")
    return Scene(
        GRID, noise, BridgeSettings(bridge=bridge, sweeps=12, **ONE_BLOCK),
        observe(GRID, WHERE, value, error, **kinds), mu[:, None], draw_noise(noise, len(mu)),
    )  # fmt: skip


def copies(members: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four ancestors many times over: which one each member is, the four, the members."""
    rng = np.random.default_rng(3)
    four = 0.7 * rng.normal(size=(4, 4))
    which = rng.permutation(members) % 4
    return which, four, four[which]


@pytest.mark.parametrize("p", [1, 2, 4])
def test_no_bridge_is_the_papers_kernel_with_correlated_noise(p: int) -> None:
    """g = 0: weights, mean and spread of the conditioned mixture, for Q of any shape."""
    rng = np.random.default_rng(p)
    mu, where = rng.normal(size=(7, 4)), np.arange(p)
    value, error = rng.normal(size=p), rng.uniform(0.2, 0.6, p)
    noise = model_noise_of(GRID, [smooth(0.6)])
    scene = Scene(
        GRID, noise, BridgeSettings(bridge=0.0, **ONE_BLOCK), observe(GRID, where, value, error),
        mu[:, None], draw_noise(noise, 7),
    )  # fmt: skip
    exact = linear_posterior(mu, scene.covariance(), where, value, error)
    found = update(scene.group(), scene.settings)
    assert np.allclose(found.mean[0], exact.mean, atol=1e-12)
    assert np.allclose(found.spread[0], exact.sd, atol=1e-12)
    assert found.health["ess"][0] == pytest.approx(1 / (exact.weight**2).sum())
    assert np.allclose(found.members.mean(axis=0), found.mean, atol=1e-13)


def test_one_kernel_is_the_kalman_update_of_mean_and_members() -> None:
    """g = 1: mean by the gain of Q + P; every member by that gain and its own perturbations."""
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(9, 4))
    scene = line(mu, (0.8, -0.4), 0.5, bridge=1.0)
    kernel = scene.covariance() + np.cov(mu.T)
    exact = linear_posterior(
        mu.mean(axis=0)[None], kernel, WHERE, np.array([0.8, -0.4]), 0.5 + np.zeros(2)
    )
    found = update(scene.group(), scene.settings)
    assert np.allclose(found.mean[0], exact.mean, atol=1e-12)
    gain = np.linalg.solve(kernel[np.ix_(WHERE, WHERE)] + 0.25 * np.eye(2), kernel[WHERE]).T
    prior = mu + scene.noise[:, 0]
    pushes = found.members[:, 0] - prior + prior[:, WHERE] @ gain.T  # gain (y + e_i), shifted
    pushes -= pushes.mean(axis=0)
    assert np.linalg.matrix_rank(pushes, tol=1e-9) == 2
    assert np.array_equal(found.ancestor[:, 0], np.arange(9))


@pytest.mark.parametrize("bridge", [0.0, 0.25, 0.6, 1.0])
def test_every_bridge_gives_the_kalman_update_of_a_gaussian_ensemble(bridge: float) -> None:
    """Many members of a Gaussian: mean and variance are those of the Kalman filter for any g."""
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky(0.3 * np.eye(4) + 0.2)
    mu = 0.3 + rng.normal(size=(3000, 4)) @ root.T
    scene = line(mu, (0.9, -0.5), 0.5, bridge=bridge)
    kernel = scene.covariance() + np.cov(mu.T)
    exact = linear_posterior(
        mu.mean(axis=0)[None], kernel, WHERE, np.array([0.9, -0.5]), 0.5 + np.zeros(2)
    )
    found = update(scene.group(), scene.settings)
    assert np.abs(found.mean[0] - exact.mean).max() < 0.04
    assert np.abs(found.spread[0] / exact.sd - 1).max() < 0.04
    assert np.abs(found.members[:, 0].std(axis=0) / exact.sd - 1).max() < 0.06


@pytest.mark.parametrize("bridge", [0.0, 0.3, 0.8, 1.0])
def test_members_are_a_sample_of_the_distribution_that_is_reported(bridge: float) -> None:
    """Mean square of many members about the mean, against the spread: nothing counts twice."""
    mu = np.random.default_rng(5).normal(size=(4000, 4))
    scene = line(mu, (1.2, -0.7), 0.4, bridge=bridge)
    found = update(scene.group(), scene.settings)
    ratio = found.members[:, 0].var(axis=0) / found.spread[0] ** 2
    assert np.abs(ratio - 1).max() < 0.08


LAWS = {
    GAUSSIAN: stats.norm(),
    STUDENT_T: stats.t(1.5),
    LAPLACE: stats.laplace(scale=np.sqrt(0.5)),
}
CASES = [
    (IDENTITY, STUDENT_T, 0.3, (1.6, -0.5)),
    (IDENTITY, LAPLACE, 0.3, (1.6, -0.5)),
    (ARCTAN, GAUSSIAN, 0.3, (1.3, 0.2)),
    (ARCTAN, STUDENT_T, 0.2, (0.9, -0.3)),
    (ARCTAN, LAPLACE, 0.2, (0.9, -0.3)),
]


@pytest.mark.parametrize(("operator", "kind", "error", "value"), CASES)
def test_the_papers_kernel_samples_the_exact_mixture(
    operator: int, kind: int, error: float, value: tuple[float, float]
) -> None:
    """g = 0, correlated Q: ancestors, mean and spread against a sum over the plane."""
    which, four, mu = copies()
    scene = line(mu, value, error, bridge=0.0, operator=operator, noise_kind=kind)
    exact = brute_force(
        four, scene.covariance(), WHERE, np.array(value), error, operator == ARCTAN, LAWS[kind]
    )
    found = update(scene.group(), scene.settings)
    count = np.bincount(which[found.ancestor[:, 0]], minlength=4) / which.size
    assert np.abs(count - exact.weight).max() < 0.05
    assert np.abs(found.mean[0] - exact.mean).max() < 0.12 * exact.sd.max()
    assert np.abs(found.spread[0] / exact.sd - 1).max() < 0.15


@pytest.mark.parametrize(("operator", "kind", "error", "value"), CASES)
def test_one_kernel_samples_the_exact_target(
    operator: int, kind: int, error: float, value: tuple[float, float]
) -> None:
    """g = 1: a Gaussian prior of many members under likelihoods of every kind."""
    root = np.linalg.cholesky(0.3 * np.eye(4) + 0.2)
    mu = 0.3 + np.random.default_rng(2).normal(size=(2000, 4)) @ root.T
    scene = line(mu, value, error, bridge=1.0, operator=operator, noise_kind=kind)
    kernel = scene.covariance() + np.cov(mu.T)
    exact = brute_force(
        mu.mean(axis=0)[None], kernel, WHERE, np.array(value), error, operator == ARCTAN, LAWS[kind]
    )
    found = update(scene.group(), scene.settings)
    assert np.abs(found.mean[0] - exact.mean).max() < 0.04
    assert np.abs(found.spread[0] / exact.sd - 1).max() < 0.06
    assert np.allclose(found.members.mean(axis=0), found.mean, atol=1e-12)


def test_a_linear_operator_by_chains_agrees_with_the_closed_form() -> None:
    """An arctan of tiny argument is the identity: chains, companion and Matheron against algebra.

    The likelihoods are Gaussian, so the members themselves agree, not only their distribution.
    """
    mu = 0.7 * np.random.default_rng(4).normal(size=(60, 4))
    value = np.array([0.8, -0.4])
    closed = line(mu, tuple(value), 0.4, bridge=1.0)
    chains = line(mu, tuple(value), 0.4, bridge=1.0)
    scale = 1e4
    chains.observations = chains.observations._replace(
        value=value / scale, error=np.full(2, 0.4 / scale), scale=np.full(2, scale),
        operator=np.full(2, ARCTAN, np.int8),
    )  # fmt: skip
    a, b = (update(s.group(), s.settings) for s in (closed, chains))
    assert np.abs(a.members - b.members).max() < 0.02
    assert np.abs(a.mean - b.mean).max() < 0.1


def test_student_t_with_many_degrees_of_freedom_is_gaussian() -> None:
    mu = 0.7 * np.random.default_rng(4).normal(size=(30, 4))
    for bridge in (0.0, 0.5, 1.0):
        normal = line(mu, (0.8, -0.4), 0.4, bridge=bridge)
        heavy = line(mu, (0.8, -0.4), 0.4, bridge=bridge, noise_kind=STUDENT_T, df=1e9)
        a, b = (update(s.group(), s.settings) for s in (normal, heavy))
        assert np.abs(a.members - b.members).max() < 1e-3
        assert np.abs(a.mean - b.mean).max() < 1e-4


def test_an_outlier_is_not_believed() -> None:
    """A Student-t observation a hundred deviations off leaves the mean where it was."""
    mu = 0.5 * np.random.default_rng(4).normal(size=(50, 4))
    for bridge in (0.0, 1.0):
        scene = line(mu, (60.0, 0.1), 0.3, bridge=bridge, noise_kind=STUDENT_T)
        found = update(scene.group(), scene.settings)
        assert np.abs(found.mean[0] - mu.mean(axis=0)).max() < 0.6
