"""One step of a chain: gradients by differences, and a sample of the target stays one."""

from __future__ import annotations

import numpy as np
import pytest
from chain_targets import (
    DIAGONAL,
    errors_in_sd,
    four_ancestors,
    gaussian_target,
    log_density_of,
    make_target,
    quadrature,
)
from halocast.samplers.chains.adaptation import HMC, MALA, PCN, PCNL, RWM
from halocast.samplers.chains.ancestors import move_centred, move_non_centred, move_shifted
from halocast.samplers.chains.density import arctangent
from halocast.samplers.chains.problem import prepare
from halocast.samplers.chains.run import _step
from halocast.samplers.chains.walk import GRADIENT, HERE, ROWS, S, U, evaluate_gradient
from halocast.samplers.densities import LAPLACE
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

CENTRED, SHIFTED, NON_CENTRED = 10, 11, 12
MOVES = {
    "rwm": RWM, "pcn": PCN, "mala": MALA, "pcnl": PCNL, "hmc": HMC,
    "centred": CENTRED, "shifted": SHIFTED, "non-centred": NON_CENTRED,
}  # fmt: skip


@njit
def _arctangents(x, out):
    for i in range(x.size):
        out[i] = arctangent(x[i])


def test_arctangent_is_that_of_the_library() -> None:
    x = np.concatenate([np.linspace(-8, 8, 100_001), np.logspace(-300, 300, 601), [0.0, np.inf]])
    x = np.concatenate([x, -x])
    out = np.empty_like(x)
    _arctangents(x, out)
    assert np.allclose(out, np.arctan(x), rtol=5e-16, atol=0)


def mixed_target(factor: np.ndarray, sd: np.ndarray):
    """Three scalars, six observations of all kinds, repeats and an unobserved scalar."""
    return make_target(
        np.array([[0.3, -1.0, 0.4], [1.0, 0.2, -0.3]]), sd, [0.4, 0.9, -0.3, 1.2, 0.1, 7.0],
        [0.2, 0.5, 0.3, 0.7, 0.4, 0.9], factor, start=np.array([0, 2, 2, 6]),
        operator=np.array([1, 0, 1, 0, 1, 0]), center=np.array([0.1, 0, -0.4, 0, 2.0, 0]),
        scale=np.array([0.5, 1, 2.0, 1, 1.0, 1]), noise_kind=np.array([1, 0, 1, 1, 0, LAPLACE]),
        df=np.array([1.0, 0, 3.5, 1.0, 0, 0]), weight=np.array([1.0, 0.5, 0.3]),
    )  # fmt: skip


def reference(target, s: np.ndarray) -> float:
    """log g, by the definition."""
    scalar = np.repeat(np.arange(s.size), np.diff(target.start))
    x = s[scalar]
    h = np.where(target.operator == 1, np.arctan((x - target.center) / target.scale), x)
    z = (target.value - h) * np.sqrt(target.weight[scalar]) / target.error
    df = np.where(target.noise_kind == 1, target.df, 1.0)
    heavy = -0.5 * (df + 1) * np.log1p(z**2 / df)
    kinds = [target.noise_kind == 1, target.noise_kind == LAPLACE]
    return float(np.select(kinds, [heavy, -np.sqrt(2) * np.abs(z)], -0.5 * z**2).sum())


@pytest.mark.parametrize("dense", [False, True])
@settings(deadline=None)
@given(u=st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_gradient_and_likelihood(dense: bool, u: list[float]) -> None:
    factor = np.array([[0.7, 0, 0], [0.4, 0.9, 0], [-0.3, 0.2, 0.5]])
    root = factor if dense else np.diag(np.diag(factor))
    target = mixed_target(factor if dense else DIAGONAL, np.sqrt((root**2).sum(axis=1)))
    problem, _ = prepare(target)
    walk = np.zeros((ROWS, 6))
    walk[U, :3] = u
    total = evaluate_gradient(problem, 1, walk, HERE)
    assert np.allclose(walk[S, :3], target.mean[1] + root @ u, rtol=1e-14)
    assert total == pytest.approx(reference(target, walk[S, :3]), rel=1e-12, abs=1e-13)
    for k, h in enumerate(np.eye(3) * 1e-5):
        up, down = (reference(target, target.mean[1] + root @ (np.array(u) + d)) for d in (h, -h))
        assert walk[GRADIENT, k] == pytest.approx((up - down) / 2e-5, rel=2e-6, abs=2e-6)


def test_many_wild_cauchy_observations_do_not_overflow() -> None:
    p = 300
    target = make_target(np.zeros((1, p)), np.ones(p), np.full(p, 1e9), np.full(p, 1e-9))
    problem, _ = prepare(target)
    walk = np.zeros((ROWS, p))
    total = evaluate_gradient(problem, 0, walk, HERE)
    assert total == pytest.approx(reference(target, np.zeros(p)), rel=1e-13)


@njit
def _move_all(problem, kinship, s, ancestor, roots, normals, uniforms, move, step):
    """Apply one move to every row of a sample of the target."""
    p, log_weight = s.shape[1], np.empty(problem.mean.shape[0])
    walk = np.zeros((ROWS, p))
    for i in range(len(s)):
        j = ancestor[i]
        walk[U, :p] = roots[i]
        log_like = evaluate_gradient(problem, j, walk, HERE)
        if move == CENTRED:
            j = move_centred(kinship, walk, j, uniforms[i, 1], log_weight)
        elif move == SHIFTED:
            j = move_shifted(problem, kinship, walk, j, uniforms[i, 1], log_weight)
        elif move == NON_CENTRED:
            j = move_non_centred(problem, kinship, walk, j, uniforms[i, 1], log_weight)
        else:
            _step(problem, walk, move, j, log_like, step, normals[i], uniforms[i], 5)
        evaluate_gradient(problem, j, walk, HERE)
        s[i], ancestor[i] = walk[S, :p], j


def exact_sample(target, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Draw from a target of two scalars by rejection from its prior: log g is below 0."""
    cov = np.diag(target.sd**2) if target.factor.size == 0 else target.factor @ target.factor.T
    prior = np.exp(target.log_prior)
    j = rng.choice(prior.size, size=20 * n, p=prior / prior.sum())
    d = rng.multivariate_normal(np.zeros(2), cov, 20 * n)
    s = target.mean[j] + d
    gauss = target.log_prior[j] - 0.5 * np.einsum("nk,kl,nl->n", d, np.linalg.inv(cov), d)
    like = log_density_of(target, s)[np.arange(j.size), j] - gauss
    kept = np.flatnonzero(np.log(rng.uniform(size=j.size)) < like)[:n]
    assert kept.size == n
    return s[kept], j[kept]


def moved(target, s, j, move: str, rng) -> tuple[np.ndarray, np.ndarray]:
    """Apply one move to a sample."""
    problem, kinship = prepare(target)
    root = np.diag(target.sd) if target.factor.size == 0 else target.factor
    u = np.linalg.solve(root, (s - target.mean[j]).T).T
    s, j = s.copy(), j.copy()
    _move_all(
        problem, kinship, s, j, np.ascontiguousarray(u), rng.normal(size=s.shape),
        rng.uniform(size=(len(s), 4)), MOVES[move], 0.6,
    )  # fmt: skip
    return s, j


@pytest.mark.parametrize("dense", [False, True])
def test_a_sample_of_the_target_stays_one(dense: bool) -> None:
    target, rng = four_ancestors(dense), np.random.default_rng(3)
    answer, (s, j) = quadrature(target), exact_sample(target, 50_000, rng)
    for move in MOVES:
        new_s, new_j = moved(target, s, j, move, rng)
        changed = (new_s != s).any() if move != "centred" else (new_j != j).any()
        assert changed, move
        found = errors_in_sd(new_s[None], new_j[None], answer, batches=200)
        assert np.abs(found).max() < 3.7, (move, found)


def test_ancestors_of_a_gaussian_target_are_drawn_independently() -> None:
    """What the shifted move keeps tells nothing of the ancestor: all are drawn alike."""
    rng = np.random.default_rng(8)
    factor = np.linalg.cholesky(np.array([[1.0, 0.7], [0.7, 1.5]]))
    target = gaussian_target(rng.normal(size=(4, 2)), factor, [0.4, -0.3], [0.5, 0.3])
    j = np.full(40_000, 2)
    cov, noise = factor @ factor.T, np.diag(target.error**2)
    gain = cov @ np.linalg.inv(cov + noise)
    posterior = np.linalg.cholesky(cov - gain @ cov)
    center = target.mean[2] + gain @ (target.value - target.mean[2])
    s = center + rng.normal(size=(j.size, 2)) @ posterior.T
    new_s, new_j = moved(target, s, j, "shifted", rng)
    found = errors_in_sd(new_s[None], new_j[None], quadrature(target), batches=200)
    assert np.abs(found).max() < 3.7
