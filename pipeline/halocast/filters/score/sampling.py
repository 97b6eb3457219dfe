"""Annealed Langevin sampling (Song & Ermon 2019).

At noise levels s falling from the first to the last, some steps each of

    x <- x + a/2 score(x, s) + sqrt(a) e,    a = step_size s²

and at the end one denoising without noise, x <- x + s² score(x, s). With few steps the chains lag
behind the levels: as s falls, a step becomes short against the spread v of what is sampled, and the
chains keep the variance v + s² of the level where steps * step_size * s² was last about v, and a
share of where they began. Where that is the forecast, as here, the mean hardly suffers; the spread
is too large by a tenth and more with the defaults.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Score = Callable[[np.ndarray, float], np.ndarray]


def noise_levels(last: float, first: float, count: int) -> np.ndarray:
    """Return noise levels in geometric progression, from the first down to the last, (count,)."""
    return np.geomspace(first, last, count)


def langevin(
    score: Score, start: np.ndarray, levels: np.ndarray, step_size: float, noise: np.ndarray
) -> np.ndarray:
    """Run chains through the noise levels.

    Parameters
    ----------
    score
        (states (k, n), noise level) -> score (k, n).
    start
        Where the chains begin, (k, n).
    levels
        Noise levels, in the order they are visited.
    step_size
        a / s².
    noise
        Standard normals, (levels, steps, k, n).

    Returns
    -------
    The chains' last states, denoised, (k, n).
    """
    x = start
    for level, kicks in zip(levels, noise):
        a = step_size * level * level
        for kick in kicks:
            x = x + 0.5 * a * score(x, float(level)) + np.sqrt(a) * kick
    last = float(levels[-1])
    return x + last * last * score(x, last)
