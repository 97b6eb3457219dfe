"""Brute force for one observed scalar: dense panels that share nothing with the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from halocast.samplers.densities import ARCTAN, LAPLACE, STUDENT_T
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import BUILT_IN, Sampler

GAUSS_X, GAUSS_W = np.polynomial.legendre.leggauss(24)


class Scalar(NamedTuple):
    """One scalar: forecasts mu (m,), noise sd, and its observations as sequences."""

    mu: np.ndarray
    sd: float
    value: list[float]
    error: list[float]
    operator: list[int]
    noise: list[int]
    center: list[float]
    scale: list[float]
    df: list[float]


def scalar(
    mu: np.ndarray | list[float],
    sd: float,
    value: float | list[float],
    error: float | list[float],
    operator: int = ARCTAN,
    noise: int = STUDENT_T,
    center: float = 0.0,
    scale: float = 1.0,
    df: float = 1.0,
) -> Scalar:
    """Make a scalar whose observations share operator and density."""
    values, errors = np.atleast_1d(value), np.atleast_1d(error)
    k = values.size
    return Scalar(
        np.asarray(mu, dtype=float), sd, list(values), list(np.broadcast_to(errors, k)),
        [operator] * k, [noise] * k, [center] * k, [scale] * k, [df] * k,
    )  # fmt: skip


def observed(scalars: list[Scalar]) -> ObservedScalars:
    """Pack scalars for the kernels."""
    starts = np.cumsum([0] + [len(s.value) for s in scalars])
    columns = [
        np.concatenate([np.asarray(getattr(s, name), dtype=kind) for s in scalars])
        for name, kind in (
            ("value", float), ("error", float), ("operator", np.int8), ("center", float),
            ("scale", float), ("noise", np.int8), ("df", float),
        )
    ]  # fmt: skip
    return ObservedScalars(
        np.stack([s.mu for s in scalars]), np.array([s.sd for s in scalars]), starts, *columns
    )


class Conditioned(NamedTuple):
    """Log weights (S, k, m) at k taper weights; moments (S, m) at the first of them."""

    log_weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    resolution: np.ndarray


def condition(
    scalars: list[Scalar],
    weights: tuple[float, ...] = (1.0,),
    step: float = 0.1,
    sampler: Sampler = BUILT_IN,
) -> Conditioned:
    """Run the kernel; weights must increase."""
    obs = observed(scalars)
    count, m = obs.forecast.shape
    k = len(weights)
    log_weight, mean = np.empty((count * k, m)), np.empty((count, m))
    variance, resolution = np.empty((count, m)), np.empty((count, 2))
    sampler.condition_scalars(
        obs, np.ones(count, dtype=bool), np.arange(0, count * k + 1, k), np.tile(weights, count),
        np.arange(count) * k, step, log_weight, mean, variance, resolution,
    )  # fmt: skip
    return Conditioned(log_weight.reshape(count, k, m), mean, variance, resolution)


def draw(
    one: Scalar, ancestor: np.ndarray, normal: np.ndarray, weight: float = 1.0, step: float = 0.1
) -> np.ndarray:
    """Draw one scalar for members with these ancestors and normals."""
    obs, known = observed([one]), condition([one], step=step)
    out = np.empty((1, ancestor.size))
    BUILT_IN.draw_scalars(
        obs, np.array([0]), np.array([weight]), ancestor[None].astype(np.int32), normal[None],
        step, known.resolution, out,
    )  # fmt: skip
    return out[0]


def log_likelihood(one: Scalar, weight: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """The log likelihood of a scalar's observations, built-in operators and densities."""

    def at(z: np.ndarray) -> np.ndarray:
        total = np.zeros_like(z)
        for i, value in enumerate(one.value):
            h = np.arctan((z - one.center[i]) / one.scale[i]) if one.operator[i] else z
            r = (value - h) / (one.error[i] / np.sqrt(weight))
            total += _log_density(one.noise[i], r, one.df[i])
        return total

    return at


def _log_density(noise: int, r: np.ndarray, df: float) -> np.ndarray:
    if noise == LAPLACE:
        return -np.sqrt(2) * np.abs(r)
    return -(df + 1) / 2 * np.log1p(r * r / df) if noise == STUDENT_T else -r * r / 2


def nodes(one: Scalar, sharp: list[float], reach: float = 14.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights over all ancestors, dyadic towards the places in ``sharp``."""
    low, high = one.mu.min() - reach * one.sd, one.mu.max() + reach * one.sd
    near = one.sd * 2.0 ** -np.arange(0, 27)
    edges = [np.arange(low, high, one.sd / 8), np.array([low, high]), np.array(sharp)]
    edges += [p + sign * near for p in sharp for sign in (-1, 1)]
    e = np.unique(np.concatenate(edges))
    e = e[(e >= low) & (e <= high)]
    middle, radius = 0.5 * (e[1:] + e[:-1]), 0.5 * (e[1:] - e[:-1])
    return (middle[:, None] + radius[:, None] * GAUSS_X).ravel(), (
        radius[:, None] * GAUSS_W
    ).ravel()


def brute_force(
    one: Scalar,
    log_like: Callable[[np.ndarray], np.ndarray],
    sharp: list[float],
    reach: float = 14.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log I_j, mean and variance of z given each ancestor, shapes (m,)."""
    z, rule = nodes(one, sharp, reach)
    log_f = log_like(z) - 0.5 * ((z - one.mu[:, None]) / one.sd) ** 2
    highest = log_f.max(axis=1, keepdims=True)
    f = np.exp(log_f - highest) * rule
    mass = f.sum(axis=1)
    offset = z - one.mu[:, None]
    mean = (f * offset).sum(axis=1) / mass
    variance = (f * (offset - mean[:, None]) ** 2).sum(axis=1) / mass
    log_mass = highest[:, 0] + np.log(mass / (one.sd * np.sqrt(2 * np.pi)))
    return log_mass, one.mu + mean, variance
