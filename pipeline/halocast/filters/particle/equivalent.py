"""The equivalent-weights particle filter (van Leeuwen 2010; Ades & van Leeuwen 2013, QJRMS).

At the observation time each particle is moved along K d_i as far as gives it the same weight as
most others. With f_i = f(x_i) without noise, d_i = y - H f_i, K = Q H' (H Q H' + R)^-1:

    C_i = -log w_i + d_i' (H Q H' + R)^-1 d_i / 2     the least -log weight that i can reach
    C*  = the ceil(keep m)-th smallest C_i            what all those up to it are given
    a_i = d_i' R^-1 H K d_i / 2,   b_i = d_i' R^-1 d_i / 2 - C* - log w_i
    x_i = f_i + alpha_i K d_i,     alpha_i = 1 + sqrt(1 - b_i / a_i)

since moving by alpha makes -log w_i = a alpha^2 - 2 a alpha + b + C*. Each then gets a small
uniform draw, `SCATTER` of the noise's deviation (of the published mixture of a uniform and, once
in 1000 m draws, a Gaussian, we leave the Gaussian out: where it is drawn that particle outweighs
all others). The rest have weight 0, and all slots are resampled systematically.

Between observations particles may be nudged: `halocast.filters.particle.nudged`.

Q is diagonal, as a window knows it. Weights are equal by construction, whatever the dimension; the
price is a bias that does not vanish as m grows, and a spread that Q sets, not the posterior.
Cost O(m n + m p^2 + p^3).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from halocast.draws import Purpose
from halocast.filters.particle.outcome import place, remembered, resampled_slots
from halocast.filters.particle.proposal import noise_gain, require_gaussian, require_noisy
from halocast.filters.particle.weights import effective_number, moments, normalise
from halocast.filters.window import Analysis, Window
from halocast.settings import Settings

SCATTER = 1e-5
"""Half-width of the uniform draw, in standard deviations of the model noise."""


class EwpfSettings(Settings):
    """The equivalent-weights particle filter."""

    method: Literal["ewpf"] = Field("ewpf", description="The filter.")
    keep: float = Field(
        0.8, gt=0, le=1, description="Share of the particles that get equal weights."
    )


class Equivalent(NamedTuple):
    """Particles moved to equal weights.

    ``members`` (m, n) without the uniform draw, ``cost`` their -log w (m,), infinite where a
    particle cannot reach the others', and ``target`` C*.
    """

    members: np.ndarray
    cost: np.ndarray
    target: float


def analyse(window: Window, settings: EwpfSettings) -> Analysis:
    """Move particles to equal weights at the observation time, and resample the others.

    Raises
    ------
    ConfigError, RunError
        See `require_noisy` and `require_gaussian`; all weights 0.
    """
    require_noisy(window, "ewpf")
    require_gaussian(window, "ewpf")
    moved = equivalent(window, remembered(window), settings.keep)
    drawn = window.own_uniforms(Purpose.JITTER, moved.members.size).reshape(moved.members.shape)
    members = moved.members + SCATTER * window.noise_sd * (2.0 * drawn - 1.0)
    change = _departure(window, members) - _departure(window, moved.members)
    weight = normalise(-(moved.cost + change), place(window))
    mean, spread = moments(members, weight)
    slots = resampled_slots(window, weight, "systematic")
    return Analysis(members[slots], mean, spread, {"ess": effective_number(weight)})


def equivalent(window: Window, log_weight: np.ndarray, keep: float) -> Equivalent:
    """Move the share ``keep`` of the particles to one weight.

    A particle that predicts the observations exactly cannot be moved along a departure of zero,
    and keeps the weight it has.
    """
    gain, total = noise_gain(window)
    misfit = window.value - window.noise_free[:, window.scalar]
    pull = misfit @ gain.T
    least = -log_weight + 0.5 * (misfit * np.linalg.solve(total, misfit.T).T).sum(axis=1)
    target = float(np.sort(least)[int(np.ceil(keep * window.members)) - 1])
    r = window.variance
    a = 0.5 * (misfit / r * pull[:, window.scalar]).sum(axis=1)
    b = 0.5 * (np.square(misfit) / r).sum(axis=1) - target - log_weight
    movable = (least <= target) & (a > 0)
    ratio = np.divide(b, a, out=np.ones_like(a), where=movable)
    alpha = 1.0 + np.sqrt(np.maximum(1.0 - ratio, 0.0))
    cost = np.where(movable, a * alpha * (alpha - 2.0) + b + target, np.inf)
    cost = np.where((a == 0) & (least <= target), least, cost)
    return Equivalent(window.noise_free + alpha[:, None] * pull, cost, target)


def _departure(window: Window, members: np.ndarray) -> np.ndarray:
    """Return -log of model and observation densities of members, (m,)."""
    noise = np.square((members - window.noise_free) / window.noise_sd).sum(axis=1)
    misfit = np.square(window.value - members[:, window.scalar]) / window.variance
    return 0.5 * (noise + misfit.sum(axis=1))
