"""Filters with a static covariance beside that of their members."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ensemble_cases import covariance, run, window_of
from halocast.filters.ensemble.hybrid import (
    HybridCovarianceSettings,
    HybridGainSettings,
    analyse_covariance,
    analyse_gain,
)
from halocast.filters.window import Window
from halocast.laboratory.methods import EnsembleMethod
from halocast.laboratory.problems.lorenz96 import sakov2008
from halocast.laboratory.trial import run_trial
from halocast.models.small import lorenz96


def case(p: int = 5, seed: int = 0) -> tuple[Window, np.ndarray]:
    window = window_of(p=p, seed=seed)
    static = np.random.default_rng(seed + 1).normal(size=(30, 12))
    return window._replace(memory=static), static - static.mean(axis=0)


def static_gain(window: Window, prior: np.ndarray) -> np.ndarray:
    at = window.scalar
    return prior[:, at] @ np.linalg.inv(prior[np.ix_(at, at)] + np.diag(window.variance))


@pytest.mark.parametrize("p", [5, 40])
def test_all_dynamic_is_the_etkf(p: int) -> None:
    window, _ = case(p)
    expected = run("etkf", window).members
    found = analyse_covariance(window, HybridCovarianceSettings(dynamic_share=1.0)).members
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-14)
    found = analyse_gain(window, HybridGainSettings(static_share=0.0)).members
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("p", [5, 60])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_mean_and_anomalies_of_the_mixed_covariance(p: int, share: float) -> None:
    """The mean takes the Kalman gain of P (of the static one alone: EnOI), anomalies the root's."""
    window, static = case(p)
    prior = share * covariance(window.forecast) + (1 - share) * static.T @ static / 29
    gain, x = static_gain(window, prior), window.forecast.mean(axis=0)
    found = analyse_covariance(window, HybridCovarianceSettings(dynamic_share=share))
    innovation = window.value - x[window.scalar]
    np.testing.assert_allclose(found.mean, x + gain @ innovation, rtol=0, atol=1e-13)

    root = np.sqrt(window.variance)
    at = window.scalar
    values, u = np.linalg.eigh(prior[np.ix_(at, at)] / np.outer(root, root))
    r = np.sqrt(1 + np.maximum(values, 0))
    reduced = prior[:, at] / root @ (u / (r * (1 + r))) @ u.T / root
    a = window.forecast - x
    np.testing.assert_allclose(
        found.members - found.mean, a - a[:, at] @ reduced.T, rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_mixed_gain_is_penny_s(share: float) -> None:
    window, static = case()
    x, at = window.forecast.mean(axis=0), window.scalar
    own = static_gain(window, covariance(window.forecast))
    fixed = static_gain(window, static.T @ static / 29)
    h = np.eye(12)[at]
    gain = own + share * fixed @ (np.eye(at.size) - h @ own)
    found = analyse_gain(window, HybridGainSettings(static_share=share))
    np.testing.assert_allclose(found.mean, x + gain @ (window.value - x[at]), rtol=0, atol=1e-13)
    etkf = run("etkf", window)
    np.testing.assert_allclose(
        found.members - found.mean, etkf.members - etkf.mean, rtol=0, atol=1e-14
    )


def test_static_states_of_a_file_leave_the_memory_to_adaptive_inflation(tmp_path: Path) -> None:
    window, static = case()
    np.save(tmp_path / "static.npy", static + 5.0)
    settings = HybridCovarianceSettings(static=tmp_path / "static.npy")
    found = analyse_covariance(window._replace(memory=None), settings)
    kept = analyse_covariance(window, HybridCovarianceSettings())
    np.testing.assert_allclose(found.members, kept.members, rtol=0, atol=1e-13)
    assert kept.memory is window.memory
    adaptive = HybridCovarianceSettings(static=tmp_path / "static.npy", adaptive={"by": "miyoshi"})
    assert analyse_covariance(window._replace(memory=None), adaptive).memory.shape == (1,)


def test_functions_of_a_scalar_are_taken_linear_for_static_states() -> None:
    """h(x) = 3 x + 1 is linear: as if the observation were of the scalar, in other units."""
    window, _ = case()
    other = window._replace(
        predicted=3 * window.predicted + 1, value=3 * window.value + 1, error=3 * window.error
    )
    settings = HybridCovarianceSettings()
    np.testing.assert_allclose(
        analyse_covariance(other, settings).members,
        analyse_covariance(window, settings).members, rtol=0, atol=1e-13,
    )  # fmt: skip


def climate(count: int) -> np.ndarray:
    """States of a free Lorenz-96 run, a time unit apart, (count, 40)."""
    state, found = sakov2008().start[None] + 0.01 * np.arange(40), []
    for _ in range(count + 50):
        state = lorenz96.advance(state, 20, 0.05)
        found.append(state[0])
    return np.array(found[50:])


@pytest.mark.parametrize("name", ["covariance", "gain"])
def test_static_anomalies_carry_ten_members_without_localization(name: str, tmp_path: Path) -> None:
    """The ETKF of ten is lost (3.9), 3D-Var with this static covariance has 0.41."""
    file = tmp_path / "static.npy"
    np.save(file, np.sqrt(0.02) * climate(200))
    analyse, settings = {
        "covariance": (analyse_covariance, HybridCovarianceSettings),
        "gain": (analyse_gain, HybridGainSettings),
    }[name]
    method = EnsembleMethod(analyse, settings(static=file, inflation=1.1, rotation=1), 10)
    assert run_trial(sakov2008(), method, 1, 1000).analysis < 0.38
