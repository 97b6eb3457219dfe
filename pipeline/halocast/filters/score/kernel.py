"""The score in closed form: every training state a kernel.

With weights w_i of the training states x_i under a condition (below), the density of states with
noise s is the mixture of N(x_i, s²), and its score (Vincent 2011)

    score(x, s) = sum_i v_i (x_i - x) / s²,    v_i ~ w_i N(x; x_i, s²)

    w_i ~ p(y | x_i)                              conditioned on the observations
    w_i ~ p(y | x_i) N(x_b; x_{b,i}, h²)          and on the background

No training, no noise: what the learned score tends to with ever more weights (and what its test
is). The distribution that its chains tend to has the mean sum_i w_i x_i: the analog forecast.
Cost: one likelihood a training state and cycle.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.filters.score.denoiser import checked
from halocast.filters.score.observing import Seen
from halocast.filters.score.pairs import Pairs
from halocast.samplers.densities import log_density

_LEAST = 30.0  # a log weight this much below the largest is none


def kernel_score(
    x: np.ndarray, states: np.ndarray, log_weights: np.ndarray, sd: float
) -> np.ndarray:
    """Return the score of states ``x`` (k, n) at noise ``sd``, (k, n).

    Parameters
    ----------
    states, log_weights
        Training states (N, n), and the logarithms of their weights (N,), up to a constant.

    Raises
    ------
    RunError
        The score is not finite.
    """
    variance = sd * sd
    apart = np.square(x[:, None, :] - states[None, :, :]).sum(axis=2)
    share = normalised(log_weights - 0.5 * apart / variance)
    return checked((share @ states - x) / variance, f"noise level {sd:.3g}")


def normalised(log_weights: np.ndarray) -> np.ndarray:
    """Return weights of sum 1 along the last axis, from their logarithms."""
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def near(log_weights: np.ndarray) -> np.ndarray:
    """Return the numbers of the training states whose weights matter."""
    return np.flatnonzero(log_weights > log_weights.max() - _LEAST)


def weighted_moments(states: np.ndarray, log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation of weighted states (N, n): what chains tend to."""
    weights = normalised(log_weights)
    mean = weights @ states
    return mean, np.sqrt(weights @ np.square(states - mean))


def log_weights(
    pairs: Pairs, seen: Seen, background: np.ndarray, width: float, kind: int, df: float
) -> np.ndarray:
    """Return the log weights of all training states under a condition, (N,).

    Parameters
    ----------
    background
        Forecast, (n,); it weighs where the pairs have theirs, with a kernel of ``width``.
    kind, df
        The errors' density, a code of `halocast.samplers.densities`, and its degrees of freedom.
    """
    there = np.isfinite(seen.value)
    out = _log_likelihoods(pairs.predicted[:, there], seen.value[there], seen.sd[there], kind, df)
    if pairs.background is not None:
        apart = (pairs.background.state - background) / width
        out -= 0.5 * np.square(apart).sum(axis=1)
    return out


@njit(cache=True, nogil=True)
def _log_likelihoods(predicted, value, error, kind, df):  # pragma: no cover - compiled
    out = np.zeros(predicted.shape[0])
    for i in range(predicted.shape[0]):
        for o in range(value.size):
            out[i] += log_density(kind, value[o] - predicted[i, o], error[o], df)
    return out
