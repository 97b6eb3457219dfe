"""Every kernel samples two scalars of four ancestors with arctan and Cauchy errors.

The paper's operators and errors, small enough to be integrated by brute force.
"""

from __future__ import annotations

import numpy as np
import pytest
from chain_targets import errors_in_sd, four_ancestors, quadrature
from halocast.samplers.chains import ChainSettings, mixed, run_chains
from halocast.samplers.chains.adaptation import TARGET_ACCEPTANCE
from halocast.samplers.chains.settings import KERNELS
from halocast.samplers.densities import LAPLACE
from numba import njit


def departures(kernel: str, dense: bool, samples: int) -> np.ndarray:
    target = four_ancestors(dense)
    settings = ChainSettings(kernel=kernel, chains=8, burn_in=1000, samples=samples)
    chains = run_chains(target, settings, seed=11, cycle=2, index=5)
    assert mixed(chains)
    assert chains.distinct == 4
    return errors_in_sd(chains.samples, chains.ancestor, quadrature(target))


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel(kernel: str, dense: bool) -> None:
    assert np.abs(departures(kernel, dense, 200_000)).max() < 3.0


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_with_laplace_errors(kernel: str) -> None:
    """Kinks, where gradients jump: the right target still, and steps that burn-in found."""
    target = four_ancestors(dense=True, noise_kind=np.full(2, LAPLACE))
    settings = ChainSettings(kernel=kernel, chains=8, burn_in=1000, samples=200_000)
    chains = run_chains(target, settings, seed=12, cycle=2, index=5)
    assert mixed(chains)
    goal = TARGET_ACCEPTANCE[KERNELS.index(kernel)]
    assert np.abs(chains.acceptance - goal).max() < 0.1
    answer = quadrature(target, points=1401)
    assert np.abs(errors_in_sd(chains.samples, chains.ancestor, answer)).max() < 3.0


@pytest.mark.full
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_full(kernel: str, dense: bool) -> None:
    assert np.abs(departures(kernel, dense, 2_000_000)).max() < 3.0


@njit
def _chain_with_the_wrong_ancestor_move(mean, sd, value, error, prior, xi, uniform, beta, out):
    """pCN about a new ancestor, accepted by the likelihoods' ratio alone: not reversible."""
    kept, j = np.sqrt(1.0 - beta * beta), 0
    s, t = mean[0].copy(), np.empty(2)
    ancestor = np.empty(len(xi), np.int64)
    old = -np.inf
    for i in range(len(xi)):
        proposed = np.searchsorted(prior, uniform[i, 0])
        new = 0.0
        for k in range(2):
            t[k] = mean[proposed, k] + kept * (s[k] - mean[proposed, k]) + beta * sd[k] * xi[i, k]
            new -= np.log(1.0 + ((value[k] - np.arctan(t[k])) / error[k]) ** 2)
        if np.log(uniform[i, 1]) < new - old:
            j, old, s = proposed, new, t.copy()
        out[i], ancestor[i] = s, j
    return ancestor


def test_the_wrong_ancestor_move_fails_it() -> None:
    target, answer = four_ancestors(), quadrature(four_ancestors())
    rng, n = np.random.default_rng(1), 200_000
    out = np.empty((n, 2))
    ancestor = _chain_with_the_wrong_ancestor_move(
        target.mean, target.sd, target.value, target.error / np.sqrt(target.weight),
        np.cumsum(np.exp(target.log_prior)), rng.normal(size=(n, 2)), rng.uniform(size=(n, 2)),
        0.5, out,
    )  # fmt: skip
    found = errors_in_sd(out[None, 1000:], ancestor[None, 1000:], answer, batches=200)
    assert np.abs(found).max() > 20.0
    assert out.var(axis=0).max() < 0.8 * answer.variance.max()
