"""What a chain samples: a state and its ancestor, in the space of the observed scalars.

With s in R^p the scalars a block observes, mu_j their noise-free forecasts by member j, S the
covariance of their model noise and g_k the likelihood of the observations of scalar k,

    pi(s, j) ~ p(j) N(s; mu_j, S) prod_k g_k(s_k).

What is not observed is integrated out: given (s, j) it follows by Matheron's rule, outside. A chain
that carried it along would never change its ancestor, because every unobserved component ties j.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class ChainTarget(NamedTuple):
    """A posterior over p observed scalars and m ancestors; its n observations scalar after scalar.

    Attributes
    ----------
    mean
        Noise-free forecasts mu, shape (m, p).
    sd
        Standard deviation of the model noise, shape (p,). Where it is 0 the scalar is an atom: it
        stays at mu_j, and its likelihood weighs the ancestors.
    factor
        Lower Cholesky factor of S, shape (p, p), with zero rows and columns at atoms; shape (0, 0)
        where S is diagonal, diag(sd^2).
    log_prior
        log p(j) up to a constant, shape (m,).
    start
        Where the observations of each scalar begin in the columns below, shape (p + 1,).
    value, error, operator, center, scale, noise_kind, df
        The observations, shape (n,); codes as in `halocast.samplers.densities`.
    weight
        Taper weight of each scalar in (0, 1], shape (p,): errors are error / sqrt(weight).
    """

    mean: np.ndarray
    sd: np.ndarray
    factor: np.ndarray
    log_prior: np.ndarray
    start: np.ndarray
    value: np.ndarray
    error: np.ndarray
    operator: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    noise_kind: np.ndarray
    df: np.ndarray
    weight: np.ndarray


class Chains(NamedTuple):
    """What P chains found in n iterations each, and what they say of themselves.

    Attributes
    ----------
    samples
        The scalars, shape (P, n, p).
    ancestor
        int32, shape (P, n).
    log_likelihood
        log g, relative to a perfect fit, shape (P, n).
    acceptance, step
        Of the kernel after burn-in, shape (P,).
    r_hat, ess
        The worst split R-hat and the lowest effective sample size over the scalars, log g and the
        indicator of the most visited ancestor (see `halocast.samplers.chains.health`).
    distinct
        How many ancestors were visited.
    """

    samples: np.ndarray
    ancestor: np.ndarray
    log_likelihood: np.ndarray
    acceptance: np.ndarray
    step: np.ndarray
    r_hat: float
    ess: float
    distinct: int


class ChainTrace(NamedTuple):
    """The chains of one scalar, to be looked at: shapes (P, n), (P, n), (P, n), (P,), (P,)."""

    values: np.ndarray
    ancestor: np.ndarray
    log_likelihood: np.ndarray
    step: np.ndarray
    acceptance: np.ndarray


def trace_of(chains: Chains, scalar: int) -> ChainTrace:
    """Return the trace of one of the p scalars."""
    values = np.ascontiguousarray(chains.samples[:, :, scalar])
    return ChainTrace(
        values, chains.ancestor, chains.log_likelihood, chains.step, chains.acceptance
    )
