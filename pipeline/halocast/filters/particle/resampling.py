"""Resampling: particles are copied as often as they weigh, E[copies of i] = m w_i.

multinomial    m independent draws; the largest variance
residual       floor(m w_i) copies for sure, the rest by draws (Liu & Chen 1998)
systematic     one uniform for all; |copies - m w_i| < 1 (Kitagawa 1996), the smallest variance

Whatever is drawn, a particle that is chosen at all keeps its own slot, and copies fill the slots of
those that are not: neighbouring windows then give a member the same ancestor as far as they can.
Cost O(m log m).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from halocast.samplers.resampling import systematic_ancestors

Resampling = Literal["systematic", "residual", "multinomial"]


def ancestors(kind: Resampling, weight: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Draw an ancestor for each slot.

    Parameters
    ----------
    kind
        How copies are drawn.
    weight
        Weights that sum to 1, (m,).
    uniform
        Uniforms in (0, 1), (m,); systematic resampling uses the first.

    Returns
    -------
    The ancestor of each slot, (m,).
    """
    if kind == "systematic":
        return systematic_ancestors(weight, float(uniform[0]))
    m = weight.size
    copies = np.zeros(m, np.int64)
    if kind == "residual":
        # 1e-12: a share that is whole but for rounding counts as whole
        copies = np.floor(m * weight + 1e-12).astype(np.int64)
    rest = m - int(copies.sum())
    if rest > 0:
        copies += _draw(np.maximum(m * weight - copies, 0.0), uniform[:rest])
    return seated(copies)


def seated(copies: np.ndarray) -> np.ndarray:
    """Give m copies of particles, counted in (m,), their slots: survivors keep their own."""
    out = np.arange(copies.size)
    out[copies == 0] = np.repeat(out, np.maximum(copies - 1, 0))
    return out


def _draw(share: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    total = np.cumsum(share)
    last = np.flatnonzero(share)[-1]  # rounding must not draw beyond it
    found = np.searchsorted(total, uniform * total[-1], side="right")
    return np.bincount(np.minimum(found, last), minlength=share.size)
