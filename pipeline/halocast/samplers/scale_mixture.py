"""Student-t and Laplace errors as Gaussian ones of random precision.

An error of scale sd is Gaussian of variance sd^2 / l given a precision factor l, with the prior
and, given its residual r = sd z,

    Student-t   l ~ Gamma(nu / 2, rate nu / 2)           (West 1987, Biometrika 74, 646-648)
                l | r ~ Gamma((nu + 1) / 2, rate (nu + z^2) / 2)
    Laplace     1 / l ~ Exponential, of mean 1           (Andrews & Mallows 1974, JRSS B 36, 99)
                l | r ~ inverse Gaussian of mean sqrt(2) / |z| and shape 2,

so a chain may alternate between the state given the factors, which is Gaussian, and the factors
given the state.

A Gamma is drawn by the inverse of its cumulative: of a standard Gamma at an addressed uniform, over
the rate. An inverse Gaussian takes a squared normal y, which leaves two roots, and a uniform, which
chooses one (Michael, Schucany & Haas 1976, Am. Stat. 30, 88-90); in k = |z| / sqrt(2), one over the
mean, which may be 0,

    l = 1 / (k + y/4 + sqrt(k y/2 + y^2/16))   with probability 1 / (1 + k l),   else 1 / (k^2 l).

What is random is drawn once a cycle (`draw_scales`). A factor then changes smoothly with its
residual, but for the residual at which a root is left for the other: blocks that see nearly the
same draw nearly the same.

Cost: about 1 microsecond a standard Gamma, 0.1 a normal and a uniform.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit
from scipy.special import gammaincinv

from halocast.draws import Purpose, normal_quantile, uniform_at
from halocast.samplers.densities import LAPLACE, ROOT_2, STUDENT_T

_OBSERVATION_SCALE = int(Purpose.OBSERVATION_SCALE)
_STRIDE, _SECOND = 64, 32  # numbers a member has for one observation; the first that choose roots


def draw_scales(
    number: np.ndarray,
    noise_kind: np.ndarray,
    df: np.ndarray,
    *,
    members: int,
    sweeps: int,
    seed: int,
    cycle: int,
) -> np.ndarray:
    """Draw what factors are made of, for every sweep, observation and member.

    Parameters
    ----------
    number
        Number of each observation, the address of its draws, shape (k,).
    noise_kind, df
        Their errors' densities, shape (k,); Gaussian ones are not drawn.
    members, sweeps
        How many; sweeps up to 32.

    Returns
    -------
    Array of shape (sweeps, 1 or 2, k, members). The first row has Gamma((nu + 1) / 2) of rate 1 for
    Student-t errors, squared normals for Laplace errors, and 1; the second, which only Laplace
    errors need, has uniforms for these.
    """
    heavy = np.flatnonzero(noise_kind == STUDENT_T)
    double = np.flatnonzero(noise_kind == LAPLACE)
    out = np.ones((sweeps, 2 if double.size else 1, number.size, members))
    address = np.uint64(seed), cycle
    if heavy.size:
        uniform = _uniforms(number[heavy], 0, *address, (sweeps, heavy.size, members))
        out[:, 0, heavy] = gammaincinv(0.5 * (df[heavy, None] + 1.0), uniform)
    if double.size:
        shape = sweeps, double.size, members
        out[:, 0, double] = _squared_normals(_uniforms(number[double], 0, *address, shape))
        out[:, 1, double] = _uniforms(number[double], _SECOND, *address, shape)
    return out


def _uniforms(
    number: np.ndarray, first: int, seed: np.uint64, cycle: int, shape: tuple[int, int, int]
) -> np.ndarray:
    out = np.empty(shape)
    _fill_uniforms(np.ascontiguousarray(number), first, seed, cycle, out)
    return out


@njit(cache=True, nogil=True)
def _fill_uniforms(number, first, seed, cycle, out):
    for t in range(out.shape[0]):
        for o in range(out.shape[1]):
            for i in range(out.shape[2]):
                element = i * _STRIDE + first + t
                out[t, o, i] = uniform_at(seed, cycle, _OBSERVATION_SCALE, element, number[o])


@njit(cache=True, nogil=True)
def _squared_normals(uniform):
    out = np.empty(uniform.shape)
    for t in range(out.shape[0]):
        for o in range(out.shape[1]):
            for i in range(out.shape[2]):
                out[t, o, i] = normal_quantile(uniform[t, o, i]) ** 2
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def precision_factor(noise_kind, drawn, choice, residual, sd, df):
    """The precision factor that the two numbers drawn make, given the residual; Gaussian: 1."""
    if noise_kind == STUDENT_T:
        z = residual / sd
        return drawn / (0.5 * (df + z * z))
    if noise_kind == LAPLACE:
        return _inverse_gaussian(abs(residual / sd) / ROOT_2, drawn, choice)
    return 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _inverse_gaussian(k, y, choice):
    """Draw of mean 1 / k and shape 2, from a squared normal and a uniform."""
    small = 1.0 / (k + 0.25 * y + sqrt(y * (0.5 * k + 0.0625 * y)))
    return small if choice * (1.0 + k * small) <= 1.0 else 1.0 / (k * (k * small))


@njit(cache=True, nogil=True, error_model="numpy")
def expected_factor(noise_kind, residual, sd, df, variance):
    """A first guess, the residual being blurred by ``variance``.

    It is the factor's mean for Student-t errors; for Laplace errors, where that has no bound, one
    over the mean of 1 / l.
    """
    square = residual * residual / (sd * sd + variance)
    if noise_kind == STUDENT_T:
        return (df + 1.0) / (df + square)
    if noise_kind == LAPLACE:
        return 2.0 / (1.0 + sqrt(2.0 * square))
    return 1.0
