"""Block filters of the big engines on the small problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters import BridgeSettings, LetkfSettings, LsmcmcV2Settings
from halocast.laboratory.block_filters import BlockFilterMethod, grid_of
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems import problem_of
from halocast.laboratory.trial import run_trial


def still(n: int = 1, error: float = 1.0) -> Problem:
    """A state that does not move, all of it observed."""
    return Problem(
        "still", n, lambda members, _: members, np.arange(n), np.full(n, error), np.zeros(n),
        np.ones(n), 10, 0, positions=np.arange(float(n))[:, None], period=np.array([float(n)]),
    )  # fmt: skip


def test_planes_are_what_problems_lie_on():
    ring = grid_of(problem_of("lorenz96-sakov2008"))
    assert (ring.shape, ring.periodic) == ((1, 40), (False, True))
    box = grid_of(problem_of("quasi-geostrophic-sakov2008"))
    assert (box.shape, box.periodic) == ((129, 129), (False, False))
    assert grid_of(problem_of("lorenz63-sakov2012")).shape == (1, 3)
    with pytest.raises(ConfigError, match="no lattice"):
        grid_of(replace(still(3), positions=np.array([[0.0], [2.0], [1.0]])))
    with pytest.raises(ConfigError, match="pointwise"):
        grid_of(replace(still(3), observe=lambda members: members.sum(axis=1, keepdims=True)))


def test_v2_is_the_gaussian_kernels_mixture():
    """Of one scalar: mean and spread of sum_j w_j N(m_j, v) by hand."""
    problem, jitter = still(), 0.5
    method = BlockFilterMethod(LsmcmcV2Settings(block=(1, 1), halo=0), 30, jitter)
    state = method.start(problem, 3)
    _, outcome = method.cycle(problem, state, np.array([0.7]), 3, 1)
    mu = state.members[:, 0]
    q = (jitter * mu.std(ddof=1)) ** 2
    weight = np.exp(-0.5 * (0.7 - mu) ** 2 / (q + 1.0))
    weight /= weight.sum()
    gain = q / (q + 1.0)
    means = mu + gain * (0.7 - mu)
    mean = weight @ means
    assert outcome.analysis[0] == pytest.approx(mean, rel=1e-12)
    variance = weight @ means**2 - mean**2 + (1 - gain) * q
    assert outcome.analysis_spread[0] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert outcome.members is not None
    assert outcome.members.mean() == pytest.approx(mean, rel=1e-12)


def test_cells_come_back_in_their_order():
    """Blocks of three of ten: what is observed exactly is what is analysed."""
    problem = still(10, error=1e-4)
    method = BlockFilterMethod(LetkfSettings(radius=0.4, block=(1, 3)), 40)
    value = np.arange(10.0)
    _, outcome = method.cycle(problem, method.start(problem, 1), value, 1, 1)
    np.testing.assert_allclose(outcome.analysis, value, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "members", "jitter", "best", "worst"),
    [
        ("lorenz96-sakov2008", LetkfSettings(radius=10.9, inflation=1.04), 10, 0.0, 0.17, 0.24),
        (
            "lorenz96-bocquet2010_m40",
            BridgeSettings(block=(1, 1), halo=8, covariance_radius=5),
            40, 0.05, 0.4, 0.75,
        ),
        ("lorenz63-sakov2012", LsmcmcV2Settings(block=(1, 3), halo=3), 100, 0.2, 0.4, 0.7),
    ],
)  # fmt: skip
def test_they_keep_to_the_truth(name, settings, members, jitter, best, worst):
    problem = problem_of(name)
    trial = run_trial(problem, BlockFilterMethod(settings, members, jitter, 1.01), 1, 500)
    assert best < trial.analysis < worst
    assert trial.analysis < trial.forecast
    assert 0.5 < trial.spread / trial.analysis < 2.0


def test_bad_numbers_are_refused():
    with pytest.raises(ConfigError, match="jitter -1"):
        BlockFilterMethod(LetkfSettings(radius=1.0), 5, jitter=-1.0)
    with pytest.raises(ConfigError, match="inflation 0"):
        BlockFilterMethod(LetkfSettings(radius=1.0), 5, inflation=0.0)
