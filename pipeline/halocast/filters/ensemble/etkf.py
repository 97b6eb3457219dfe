"""The ensemble transform Kalman filter, symmetric (Bishop et al. 2001; Hunt et al. 2007).

With S = Y R^(-1/2) / sqrt(m - 1), members in rows, and delta = R^(-1/2) d,

    w = S (I + S'S)^-1 delta,    T = (I + S S')^(-1/2), the symmetric root,
    mean_a = mean + w A / sqrt(m - 1),    A_a = T A.

T 1 = 1, as 1'S = 0: the mean is kept, which the one-sided root V (1 + L)^(-1/2) does not do
(Sakov & Oke 2008b; Livings et al. 2008). With ``r_factor`` f, T is that of S / sqrt(f).
Localization is by `Window.weight`: a local window makes this the LETKF. Student-t errors are taken
for Gaussian ones of the same scale.

Cost: p m min(p, m) + 9 min(p, m)^3 + m^2 n multiplications.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from halocast.filters.ensemble.adaptive import inflate
from halocast.filters.ensemble.after import after
from halocast.filters.ensemble.dense import product
from halocast.filters.ensemble.departures import departures, refuse_taper
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.letkf.transform import fill_transform
from halocast.filters.window import Analysis, Window, from_members


class EtkfSettings(SpreadSettings):
    """The ensemble transform Kalman filter."""

    method: Literal["etkf"] = Field("etkf", description="The filter.")


def analyse(window: Window, settings: EtkfSettings) -> Analysis:
    """Analyse a window.

    Raises
    ------
    ConfigError
        There is one member, or Schur localization.
    RunError
        An observation has no finite value, or no error.
    """
    refuse_taper(window, "ETKF")
    ahead, memory = inflate(window, settings.adaptive)
    seen = departures(ahead, "ETKF")
    weight, transform = weights(seen.predicted, seen.innovation, seen.variance, settings.r_factor)
    mean = seen.mean + product(weight[None], seen.anomalies)[0]
    members = after(window, mean, product(transform, seen.anomalies), settings)
    return from_members(members, memory)


def weights(
    predicted: np.ndarray, innovation: np.ndarray, variance: np.ndarray, r_factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of the mean on the anomalies (m,), and their transform (m, m).

    Parameters
    ----------
    predicted
        Anomalies of the predictions Y, (m, p).
    innovation, variance
        d and the diagonal of R, (p,).
    r_factor
        Factor on R in the transform.
    """
    m = predicted.shape[0]
    root = np.sqrt(variance)
    s = np.ascontiguousarray((predicted / (root * np.sqrt(m - 1.0))).T)
    delta = innovation / root
    weight, transform = _solve(s, delta)
    if r_factor != 1.0:
        _, transform = _solve(s / np.sqrt(r_factor), delta)
    return weight / np.sqrt(m - 1.0), transform


@njit(cache=True, nogil=True)
def _solve(s, delta):
    p, m = s.shape
    least = min(p, m)
    square, vectors = np.empty((least, least)), np.empty((least, least))
    weight, transform = np.empty(m), np.empty((m, m))
    fill_transform(s, delta, p, square, vectors, np.empty(m), weight, transform)
    return weight, transform
