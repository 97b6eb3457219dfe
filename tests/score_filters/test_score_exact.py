"""Scores that are known: the linear-Gaussian case, and the closed form of a kernel mixture."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import RunError
from halocast.filters.score import CdsmSettings, sample
from halocast.filters.score.conditions import Known, condition_of
from halocast.filters.score.denoiser import score
from halocast.filters.score.kernel import kernel_score, near, weighted_moments
from halocast.filters.score.pairs import Pairs
from halocast.filters.score.sampling import langevin, noise_levels
from halocast.filters.score.training import train

PRIOR = np.array([[1.0, 0.5], [0.5, 1.0]])
OBS_SD = 0.7  # of both scalars
GAIN = PRIOR @ np.linalg.inv(PRIOR + OBS_SD**2 * np.eye(2))
POSTERIOR = PRIOR - GAIN @ PRIOR
SETTINGS = CdsmSettings(condition="y", training_steps=6000, step_size=0.2, steps=60, chains=500)


@pytest.fixture(scope="module")
def learned():
    rng = np.random.default_rng(5)
    state = rng.multivariate_normal(np.zeros(2), PRIOR, 40_000)
    pairs = Pairs(state, state, OBS_SD * rng.normal(size=(40_000, 2)))
    return train(pairs, np.full(2, OBS_SD), SETTINGS, 1)


def _observed(y: np.ndarray) -> Known:
    return Known(y, np.full_like(y, OBS_SD), None, None)


@pytest.mark.full
@pytest.mark.parametrize(("sd", "within"), [(0.05, 0.35), (0.2, 0.1), (0.6, 0.1), (1.2, 0.1)])
def test_the_learned_score_is_the_gaussians(learned, sd, within):
    """Relative error, over observations and noisy states as they occur; largest where a
    score is the small difference of two states."""
    rng = np.random.default_rng(6)
    truth = rng.multivariate_normal(np.zeros(2), PRIOR, 4000)
    y = truth + OBS_SD * rng.normal(size=(4000, 2))
    noisy = truth + sd * rng.normal(size=(4000, 2))
    exact = -(noisy - y @ GAIN.T) @ np.linalg.inv(POSTERIOR + sd**2 * np.eye(2))
    condition = condition_of(_observed(y), learned.units)
    scaled = ((noisy - learned.centre) / learned.scale).astype(np.float32)
    found = score(learned.network, scaled, condition, sd)
    error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
    print(f"noise {sd}: relative error {error:.3f}")
    assert error < within


@pytest.mark.full
def test_chains_end_in_the_kalman_analysis(learned):
    """Twenty analyses; means within 0.1 sd of theirs, the spread up to a fifth too large."""
    rng, off, ratio = np.random.default_rng(7), [], []
    for cycle in range(1, 21):
        y = rng.multivariate_normal(np.zeros(2), PRIOR + OBS_SD**2 * np.eye(2))
        chains = sample(learned, SETTINGS, _observed(y[None]), np.zeros((1, 2)), 1, cycle)[0]
        off.append(chains.mean(axis=0) - GAIN @ y)
        ratio.append(chains.std(axis=0) / np.sqrt(np.diag(POSTERIOR)))
    print(
        f"mean off by {np.sqrt(np.mean(np.square(off))):.3f}, sd {np.mean(ratio):.3f} of the exact"
    )
    assert np.sqrt(np.mean(np.square(off))) < 0.05
    assert 0.95 < np.mean(ratio) < 1.2


def test_langevin_with_the_exact_score_samples_the_gaussian():
    """Many steps a level; with few the chains lag behind the levels, and stay too wide."""
    mean, k = np.array([0.4, -1.0]), 5000

    def exact(x: np.ndarray, sd: float) -> np.ndarray:
        return -(x - mean) @ np.linalg.inv(POSTERIOR + sd**2 * np.eye(2))

    few, many = (
        langevin(
            exact, np.zeros((k, 2)), noise_levels(0.05, 2.0, 12), 0.2,
            np.random.default_rng(0).normal(size=(12, steps, k, 2)),
        )
        for steps in (4, 100)
    )  # fmt: skip
    np.testing.assert_allclose(many.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(many.T), POSTERIOR, atol=0.03)
    assert few.var(axis=0).mean() > 1.2 * np.diag(POSTERIOR).mean()


def test_levels_fall_geometrically():
    levels = noise_levels(0.03, 0.6, 12)
    assert levels[0] == pytest.approx(0.6)
    assert levels[-1] == pytest.approx(0.03)
    np.testing.assert_allclose(levels[1:] / levels[:-1], levels[1] / levels[0])


def test_the_kernel_score_is_the_gradient_of_the_mixture():
    rng = np.random.default_rng(2)
    states, log_weights, x, sd = (
        rng.normal(size=(9, 3)),
        rng.normal(size=9),
        rng.normal(size=3),
        0.4,
    )

    def log_density(at: np.ndarray) -> float:
        return float(np.log(np.sum(np.exp(log_weights - ((at - states) ** 2).sum(1) / 2 / sd**2))))

    found = kernel_score(x[None], states, log_weights, sd)[0]
    steps = 1e-6 * np.eye(3)
    slope = [(log_density(x + step) - log_density(x - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(found, slope, rtol=1e-7)


def test_one_kernel_is_a_gaussian_and_many_give_the_analog_mean():
    x, one = np.array([[1.0, 2.0]]), np.array([[0.5, 0.0]])
    np.testing.assert_allclose(kernel_score(x, one, np.zeros(1), 0.5), (one - x) / 0.25)
    rng = np.random.default_rng(3)
    states, log_weights = rng.normal(size=(40, 2)), 3 * rng.normal(size=40)
    mean, spread = weighted_moments(states, log_weights)
    weights = np.exp(log_weights) / np.exp(log_weights).sum()
    np.testing.assert_allclose(mean, weights @ states, atol=1e-14)
    # Tweedie at a noise far above the states: the denoised state is the analog mean
    far = 1e5
    np.testing.assert_allclose(
        x + far**2 * kernel_score(x, states, log_weights, far), mean[None], atol=1e-4
    )
    assert (spread > 0).all()


def test_chains_of_the_kernel_score_have_the_analog_mean():
    """As long as the kernels touch, so that chains can pass from one to another."""
    rng = np.random.default_rng(4)
    states, log_weights, k = rng.normal(size=(12, 2)), rng.normal(size=12), 2000
    mean, _ = weighted_moments(states, log_weights)
    levels = noise_levels(0.5, 4.0, 5)
    noise = rng.normal(size=(5, 100, k, 2))
    ends = langevin(
        lambda x, sd: kernel_score(x, states, log_weights, sd), np.zeros((k, 2)), levels, 0.2, noise
    )
    np.testing.assert_allclose(ends.mean(axis=0), mean, atol=0.04)


def test_states_without_weight_are_left_out():
    np.testing.assert_array_equal(near(np.array([0.0, -29.0, -31.0, -1e9])), [0, 1])


def test_a_kernel_score_that_is_not_finite_is_refused():
    with pytest.raises(RunError, match="score is not finite"):
        kernel_score(np.full((1, 2), np.nan), np.zeros((3, 2)), np.zeros(3), 0.1)
