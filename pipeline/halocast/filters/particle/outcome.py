"""What becomes of weighted members: weights are remembered, or members are resampled.

Resampling waits until the effective number falls under a share of the members (Liu & Chen 1998):
it adds noise, and without it the weights are simply carried to the next cycle. Copies are then
moved apart, each by a draw of a kernel with the weighted covariance, shrunk as the ensemble grows
(regularization; Musso, Oudjane & Le Gland 2001),

    x += jitter * m^(-1 / (d + 4)) * A' W^(1/2) u / sqrt(1 - sum w^2),   u ~ N(0, I_m),

d = min(n, m - 1). A particle's first copy stays where it is, bit for bit. All windows of a cycle
draw the same u and the same uniforms: members stay coherent in space. The mean and the spread
that are reported are those before resampling, which only adds noise to them. Cost O(m^2 n).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from halocast.draws import Address, Purpose, uniforms
from halocast.filters.particle.resampling import Resampling, ancestors
from halocast.filters.particle.weights import effective_number, moments, normalise
from halocast.filters.window import Analysis, Window
from halocast.settings import Settings


class ResamplingSettings(Settings):
    """How weighted members are resampled."""

    resampling: Resampling = Field("systematic", description="How copies are drawn.")
    threshold: float = Field(
        0.5, ge=0, le=1, description="Resample when the effective number is below this share."
    )
    jitter: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Size of the kernel that moves copies apart; 0: the model's noise does it.",
    )


def remembered(window: Window) -> np.ndarray:
    """Return the logarithms of the weights that members bring from the cycle before, (m,)."""
    return np.zeros(window.members) if window.memory is None else window.memory


def place(window: Window) -> str:
    """Say where a window is, for messages."""
    return f"cycle {window.cycle}, window {window.block}"


def settle(
    window: Window, members: np.ndarray, log_weight: np.ndarray, settings: ResamplingSettings
) -> Analysis:
    """Turn members (m, n) and the logarithms of their weights (m,) into an analysis."""
    m = window.members
    weight = normalise(log_weight, place(window))
    mean, spread = moments(members, weight)
    ess = effective_number(weight)
    if ess >= settings.threshold * m:
        with np.errstate(divide="ignore"):  # a weight of 0 stays 0
            return Analysis(members, mean, spread, {"ess": ess}, np.log(weight))
    slots = resampled_slots(window, weight, settings.resampling)
    out = members[slots]
    if settings.jitter > 0:
        copies = slots != np.arange(m)
        out[copies] += settings.jitter * _kernel(window, members, weight)[copies]
    return Analysis(out, mean, spread, {"ess": ess})


def resampled_slots(window: Window, weight: np.ndarray, kind: Resampling) -> np.ndarray:
    """Draw the ancestors (m,) of all slots, with uniforms that all windows of a cycle share."""
    address = Address(window.seed, window.cycle, Purpose.RESAMPLING, 0)
    return ancestors(kind, weight, uniforms(address, window.members))


def _kernel(window: Window, members: np.ndarray, weight: np.ndarray) -> np.ndarray:
    m, n = members.shape
    left = 1.0 - np.square(weight).sum()
    if left < 1e-12:  # one particle has it all: no covariance is left to draw from
        return np.zeros_like(members)
    root = np.sqrt(weight / left)[:, None] * (members - weight @ members)
    width = m ** (-1.0 / (min(n, m - 1) + 4.0))
    return width * window.common_normals(Purpose.JITTER, m * m).reshape(m, m) @ root
