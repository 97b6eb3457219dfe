"""Pointwise operators and noise densities, as scalar functions for compiled code.

An observation of the scalar s is y = h(s) + e, with h and the density of e chosen by small codes.
Arctan sees the scalar in units of the user's choice, (s - center) / scale; the identity ignores
both, and so do operators of the user's (`halocast.samplers.own_operators`), except that their scale
says how finely a sampler should look. Densities are given as logarithms *up to terms that do not
depend on the residual*: a sampler needs no more, and results then do not change when every unit is
scaled. With z = residual / sd,

    Gaussian    -z^2 / 2                              sd is the standard deviation
    Student-t   -(df + 1) / 2 log(1 + z^2 / df)       sd is the scale; df = 1: Cauchy
    Laplace     -sqrt(2) |z|                          sd is the standard deviation

Methods that know first and second moments only (the Kalman family, `enkpf`) take any of them for a
Gaussian of standard deviation sd: for Laplace's the one of the same variance, for Student's the one
of the same scale. Laplace's has a kink at residual 0, where quadrature needs an edge.

For a density of your own write two compiled functions with these signatures (they may call these
two for the built-in codes) and hand them to `halocast.samplers.quadrature.compile_sampler`.
"""

from __future__ import annotations

from math import atan, log, sqrt

import numpy as np
from numba import njit

from halocast.samplers.own_operators import FIRST_OWN, apply_own

IDENTITY, ARCTAN = 0, 1
GAUSSIAN, STUDENT_T, LAPLACE = 0, 1, 2
ROOT_2 = sqrt(2.0)


@njit(cache=True, nogil=True, error_model="numpy")
def apply_operator(code: int, s: float, center: float, scale: float) -> float:
    """The observed quantity h(s): s itself, arctan((s - center) / scale), or the user's own."""
    if code == ARCTAN:
        return atan((s - center) / scale)
    if code >= FIRST_OWN:
        return apply_own(code, s)
    return s


@njit(cache=True, nogil=True, error_model="numpy")
def log_density(code: int, residual: float, sd: float, df: float) -> float:
    """Log density of a residual at scale ``sd``, relative to its value at residual 0.

    ``df`` is the Student-t's degrees of freedom; the others ignore it.
    """
    z = residual / sd
    if code == STUDENT_T:
        return -0.5 * (df + 1.0) * log(1.0 + z * z / df)
    if code == LAPLACE:
        return -ROOT_2 * abs(z)
    return -0.5 * z * z


def laplace_quantile(uniform: np.ndarray) -> np.ndarray:
    """Return the quantiles of Laplace's density of standard deviation 1, any shape."""
    centred = uniform - 0.5
    return -np.sign(centred) * np.log1p(-2.0 * np.abs(centred)) / ROOT_2


def is_closed_form(operator: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Where an observation is identity + Gaussian, so that its mixture is Gaussian, any shape."""
    return (np.asarray(operator) == IDENTITY) & (np.asarray(noise) == GAUSSIAN)
