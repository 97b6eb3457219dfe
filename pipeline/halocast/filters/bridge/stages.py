"""The two stages of the bridge on the observed scalars of one block.

p scalars, m ancestors. Q is the model noise's covariance of the scalars, B = Q + rho o P the
kernel's, R = diag(r) the errors', g the bridge, D = R / g. With S1 = B + D, G1 = B S1^-1 and
I - G1 = D S1^-1 the first stage maps N(mu_j, Q) to N(nu_j, Q1),

    nu_j = mu_j + G1 (y - mu_j),    Q1 = D S1^-1 Q S1^-1 D + G1 D G1',

and the second conditions it with S2 = Q1 + R / (1 - g). For any scalar x of the state, whose
covariances with the observed ones are B_x and Q_x, a draw (x, s) of an ancestor's kernel becomes

    x + B_x v1 + Q_x v2,   a  = S1^-1 (y1 - s),   b = S2^-1 (y2 - s - B a),
                           v2 = S1^-1 D b,       v1 = a + S1^-1 (D (b - v2) - Q v2)

with y1, y2 the observations perturbed for each stage: v1 and v2 are all that a block's state has
to know. Without a stage (g = 0: no first, g = 1: no second) its terms drop out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers.dense import (
    add_weighted_squares,
    factorise,
    solve,
    solve_lower,
    solve_upper,
    subtract_product,
)


class Stages(NamedTuple):
    """Factors of both stages; the matrices are (p, p), those of an absent stage (0, 0).

    Attributes
    ----------
    bridge
        g.
    noise, kernel
        Q and B.
    error
        r, shape (p,).
    first, second
        Factors of S1 and S2.
    """

    bridge: float
    noise: np.ndarray
    kernel: np.ndarray
    error: np.ndarray
    first: np.ndarray
    second: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def factor_stages(noise, kernel, error, bridge):
    """Return the stages of errors r, and whether their matrices could be factorised."""
    p = error.size
    first, second = np.empty((0, 0)), np.empty((0, 0))
    fine = True
    if bridge > 0.0:
        first = kernel.copy()
        for a in range(p):
            first[a, a] += error[a] / bridge
        fine = factorise(first)
    if bridge < 1.0 and fine:
        second = noise.copy() if bridge == 0.0 else _first_stage_covariance(
            noise, kernel, error / bridge, first
        )  # fmt: skip
        for a in range(p):
            second[a, a] += error[a] / (1.0 - bridge)
        fine = factorise(second)
    return Stages(bridge, noise, kernel, error, first, second), fine


@njit(cache=True, nogil=True, error_model="numpy")
def _first_stage_covariance(noise, kernel, d, first):
    """Q1 = D S1^-1 Q S1^-1 D + G1 D G1' of the observed scalars."""
    half = noise.copy()
    solve(first, half)
    half = half.T.copy()
    solve(first, half)
    for a in range(d.size):
        for c in range(d.size):
            half[a, c] *= d[a] * d[c]
    gain = kernel.copy()
    solve(first, gain)  # the transpose of G1
    add_weighted_squares(gain, d, half)
    return half


@njit(cache=True, nogil=True, error_model="numpy")
def apply_stages(stages, d1, d2, v1, v2, misfit):
    """Fill v1 and v2 (p, n) for n draws; also misfit (n,), the square of what stage 2 corrects.

    ``d1`` and ``d2`` hold y1 - s and y2 - s, (p, n), and are lost.
    """
    bridge = stages.bridge
    misfit[:] = 0.0
    v1[:] = 0.0
    v2[:] = 0.0
    if bridge > 0.0:
        solve(stages.first, d1)
        v1[:] = d1
    if bridge == 1.0:
        return
    if bridge > 0.0:
        subtract_product(stages.kernel, v1, d2)
    solve_lower(stages.second, d2)
    for a in range(d2.shape[0]):
        for i in range(d2.shape[1]):
            misfit[i] += d2[a, i] * d2[a, i]
    solve_upper(stages.second, d2)
    if bridge == 0.0:
        v2[:] = d2
        return
    for a in range(d2.shape[0]):
        d = stages.error[a] / bridge
        for i in range(d2.shape[1]):
            v2[a, i] = d * d2[a, i]
    solve(stages.first, v2)
    for a in range(d2.shape[0]):
        d = stages.error[a] / bridge
        for i in range(d2.shape[1]):
            d1[a, i] = d * (d2[a, i] - v2[a, i])
    subtract_product(stages.noise, v2, d1)
    solve(stages.first, d1)
    for a in range(d2.shape[0]):
        for i in range(d2.shape[1]):
            v1[a, i] += d1[a, i]


@njit(cache=True, nogil=True, error_model="numpy")
def kernel_variances(stages, noise_x, kernel_x, variance):
    """Overwrite the noise variances (n,) of n state scalars by those of an ancestor's kernel now.

    ``noise_x`` and ``kernel_x`` hold Q_x and B_x as columns, (p, n), and are lost. With
    k = S1^-1 B_x the first stage leaves q - 2 k'Q_x + k'(Q + D)k and the covariance
    t = D k + D S1^-1 (Q_x - Q k - D k) with the observed scalars; the second takes t'S2^-1 t off.
    """
    p, n = noise_x.shape
    bridge = stages.bridge
    if bridge > 0.0:
        solve(stages.first, kernel_x)
        k = kernel_x
        for a in range(p):
            for x in range(n):
                variance[x] -= k[a, x] * noise_x[a, x]
        subtract_product(stages.noise, k, noise_x)
        for a in range(p):
            d = stages.error[a] / bridge
            for x in range(n):
                variance[x] += k[a, x] * (d * k[a, x] - noise_x[a, x])
                noise_x[a, x] -= d * k[a, x]
        if bridge < 1.0:
            solve(stages.first, noise_x)
            for a in range(p):
                d = stages.error[a] / bridge
                for x in range(n):
                    noise_x[a, x] = d * (k[a, x] + noise_x[a, x])
    if bridge < 1.0:
        solve_lower(stages.second, noise_x)
        for a in range(p):
            for x in range(n):
                variance[x] -= noise_x[a, x] * noise_x[a, x]
