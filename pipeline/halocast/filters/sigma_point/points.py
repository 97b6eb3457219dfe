"""Sigma points of the scaled unscented transform, and the moments of what became of them.

    chi_0 = x,  chi_+-i = x +- sqrt(L + lambda) S_i,   lambda = alpha^2 (L + kappa) - L
    W_0^m = lambda / (L + lambda),  W_0^c = W_0^m + 1 - alpha^2 + beta,  W_i = 1 / (2 (L + lambda))

(Julier & Uhlmann 1997; Julier 2002; Wan & van der Merwe 2000.) For a small alpha W_0 is a large
negative number that cancels against the others. Here deviations are counted from the centre's
image instead: with z_i = y_i - y_0 and b = sum W_i z_i the same moments are

    mean = y_0 + b,   covariance = sum_i W_i z_i z_i' + (beta - alpha^2) b b'

over the 2 L outer points only. Every weight is then positive wherever beta >= alpha^2; the identity
is exact, so nothing is left to cancel. Square root of the covariance: the columns sqrt(W_i) z_i and
sqrt|beta - alpha^2| b.

Cost: 2 L + 1 calls of the function, as members of one ensemble.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field

from halocast.errors import ConfigError
from halocast.settings import Settings


class Scaling(Settings):
    """Where sigma points are, and what they weigh."""

    alpha: float = Field(
        1.0, gt=0, le=10, description="How far out points are; small: a derivative's stencil."
    )
    kappa: float = Field(
        0.0, allow_inf_nan=False, description="Added to the dimension; 3 - n suits n <= 3."
    )
    beta: float = Field(
        2.0, ge=0, allow_inf_nan=False, description="The centre's further weight; 2 for Gaussians."
    )


class Columns(NamedTuple):
    """A sampled Gaussian: mean (n,), columns (n, 2 L) and the centre's (n,), with its sign.

    The covariance is columns columns' + sign centre centre'.
    """

    mean: np.ndarray
    columns: np.ndarray
    centre: np.ndarray
    sign: float

    def times(self, other: Columns) -> np.ndarray:
        """Return the covariance between this and another image of the same points, (n, p)."""
        return self.columns @ other.columns.T + self.sign * np.outer(self.centre, other.centre)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance, (n, n)."""
        return self.times(self)


def reach(dimension: int, scaling: Scaling) -> float:
    """Return how many standard deviations out the points are: sqrt(L + lambda).

    Raises
    ------
    ConfigError
        kappa is so negative that there is no such distance.
    """
    if not dimension + scaling.kappa > 0:
        raise ConfigError(
            f"kappa {scaling.kappa:g} leaves no distance to the sigma points of {dimension} "
            "dimensions",
            where="filter.kappa",
            remedy=f"use more than {-dimension}",
        )
    return scaling.alpha * float(np.sqrt(dimension + scaling.kappa))


def points(mean: np.ndarray, root: np.ndarray, distance: float) -> np.ndarray:
    """Return the points (2 L + 1, n) of a Gaussian: centre, then all +, then all -.

    Parameters
    ----------
    mean, root
        Mean (n,) and any S (n, L) with S S' the covariance.
    distance
        In standard deviations, see `reach`.
    """
    steps = distance * root.T
    return np.concatenate([mean[None], mean + steps, mean - steps])


def moments(images: np.ndarray, distance: float, scaling: Scaling) -> Columns:
    """Return what the images (2 L + 1, p) of sigma points say of the image of their Gaussian."""
    weight = 0.5 / distance**2
    apart = images[1:] - images[0]
    shift = weight * apart.sum(axis=0)
    extra = scaling.beta - scaling.alpha**2
    return Columns(
        images[0] + shift,
        np.sqrt(weight) * apart.T,
        np.sqrt(abs(extra)) * shift,
        1.0 if extra >= 0 else -1.0,
    )
