"""Pointwise operators and noise densities, as scalar functions for compiled code.

An observation of the scalar s is y = h(s) + e, with h and the density of e chosen by small codes.
Arctan sees the scalar in units of the user's choice, (s - center) / scale; the identity ignores
both, and so do operators of the user's (`halocast.samplers.own_operators`), except that their scale
says how finely a sampler should look. Densities are given as logarithms *up to terms that do not
depend on the residual*: a sampler needs no more, and results then do not change when every unit is
scaled.

For a density of your own write two compiled functions with these signatures (they may call these
two for the built-in codes) and hand them to `halocast.samplers.quadrature.compile_sampler`.
"""

from __future__ import annotations

from math import atan, log

import numpy as np
from numba import njit

from halocast.samplers.own_operators import FIRST_OWN, apply_own

IDENTITY, ARCTAN = 0, 1
GAUSSIAN, STUDENT_T = 0, 1


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

    ``df`` is the Student-t's degrees of freedom (1: Cauchy); the Gaussian ignores it.
    """
    z = residual / sd
    if code == STUDENT_T:
        return -0.5 * (df + 1.0) * log(1.0 + z * z / df)
    return -0.5 * z * z


def is_closed_form(operator: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Where an observation is identity + Gaussian, so that its mixture is Gaussian, any shape."""
    return (np.asarray(operator) == IDENTITY) & (np.asarray(noise) == GAUSSIAN)
