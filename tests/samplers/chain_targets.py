"""Targets of chains whose answers are known otherwise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from halocast.samplers.chains import ChainTarget
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, LAPLACE, STUDENT_T

DIAGONAL = np.empty((0, 0))
FOUR_MEANS = np.array([[-1.2, 0.9], [0.4, -0.7], [1.3, 0.6], [1.9, -1.4]])
FOUR_SD = np.array([0.8, 1.1])
FOUR_FACTOR = np.linalg.cholesky(np.array([[0.64, 0.6], [0.6, 1.21]]))


def make_target(mean, sd, value, error, factor=DIAGONAL, **kinds) -> ChainTarget:
    """Build a target with one observation a scalar: arctan with Cauchy errors unless told."""
    m, p = mean.shape
    column = {
        "operator": np.full(p, ARCTAN),
        "center": np.zeros(p),
        "scale": np.ones(p),
        "noise_kind": np.full(p, STUDENT_T),
        "df": np.ones(p),
        "weight": np.ones(p),
        "log_prior": np.zeros(m),
        "start": np.arange(p + 1),
    } | kinds
    return ChainTarget(
        mean=mean, sd=sd, factor=factor, value=np.asarray(value), error=np.asarray(error), **column
    )


def gaussian_target(mean, factor, value, error, **kinds) -> ChainTarget:
    """Build a target of identity observations with Gaussian errors."""
    p, sd = mean.shape[1], np.sqrt((factor**2).sum(axis=1))
    plain = {"operator": np.full(p, IDENTITY), "noise_kind": np.full(p, GAUSSIAN)}
    return make_target(mean, sd, value, error, factor, **(plain | kinds))


def four_ancestors(dense: bool = False, **kinds) -> ChainTarget:
    """Build the target of two scalars, four ancestors, arctan and Cauchy errors unless told."""
    return make_target(
        FOUR_MEANS, FOUR_SD, [0.75, -0.2], [0.25, 0.3], FOUR_FACTOR if dense else DIAGONAL,
        log_prior=np.log([0.3, 0.2, 0.25, 0.25]), weight=np.array([1.0, 0.7]), **kinds,
    )  # fmt: skip


class Answer(NamedTuple):
    """What is known: ancestors' probabilities (m,), means and variances (2,)."""

    probability: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def log_density_of(target: ChainTarget, s: np.ndarray) -> np.ndarray:
    """log pi(s, j) up to a constant, by the definition: s (..., p), out (..., m)."""
    cov = np.diag(target.sd**2) if target.factor.size == 0 else target.factor @ target.factor.T
    d = s[..., None, :] - target.mean
    prior = -0.5 * np.einsum("...k,kl,...l->...", d, np.linalg.inv(cov), d)
    x = np.where(target.operator == ARCTAN, np.arctan((s - target.center) / target.scale), s)
    z = (target.value - x) * np.sqrt(target.weight) / target.error
    df = np.where(target.noise_kind == STUDENT_T, target.df, 1.0)
    heavy = -0.5 * (df + 1) * np.log1p(z**2 / df)
    kinds = [target.noise_kind == STUDENT_T, target.noise_kind == LAPLACE]
    like = np.select(kinds, [heavy, -np.sqrt(2) * np.abs(z)], -0.5 * z**2).sum(axis=-1)
    return target.log_prior + prior + like[..., None]


def quadrature(target: ChainTarget, points: int = 700, reach: float = 9.0) -> Answer:
    """Integrate a target of two scalars by brute force."""
    axes = [
        np.linspace(target.mean[:, k].min() - reach, target.mean[:, k].max() + reach, points)
        for k in range(2)
    ]
    s = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    weight = np.exp(log_density_of(target, s))
    weight /= weight.sum()
    joint = weight.sum(axis=-1)
    mean = np.einsum("ab,abk->k", joint, s)
    return Answer(weight.sum(axis=(0, 1)), mean, np.einsum("ab,abk->k", joint, (s - mean) ** 2))


def errors_in_sd(samples, ancestor, answer: Answer, batches: int = 25) -> np.ndarray:
    """Departures from the answer in standard errors, by the means of batches of each chain."""
    one_hot = np.eye(answer.probability.size)[ancestor]
    seen = np.concatenate([one_hot, samples, (samples - answer.mean) ** 2], axis=-1)
    known = np.concatenate(answer)
    size = seen.shape[1] // batches
    means = seen[:, : size * batches].reshape(-1, size, seen.shape[-1]).mean(axis=1)
    return (means.mean(axis=0) - known) / (means.std(axis=0, ddof=1) / np.sqrt(len(means)))
