"""Filters that take one observation after the other: EnSRF, Potter's, EAKF.

For an observation with predictions' anomalies z (m), variance D = z'z / (m - 1), error variance r
and covariances c = A'z / (m - 1),

    mean += k d,    k = c / (D + r),
    EnSRF (Whitaker & Hamill 2002, equations 10-13)   A -= g z k',  g = 1 / (1 + sqrt(r / (D + r)))
    Potter (1964, in Bierman 1977)                     A -= q z z'A, q = g / ((m - 1) (D + r))
    EAKF (Anderson 2003, section 3)                    A -= (1 - sqrt(r / (D + r))) z c' / D.

The three are one update: (1 - s) / D = g / (D + r) for s = sqrt(r / (D + r)). The names are kept,
the form is the one without a small difference or a division by D. Predictions of the observations
to come are updated like the state, so h is asked once. An observation whose D is nothing beside its
r changes nothing.

Tapers multiply c. The sampling-error correction multiplies it too, by what the correlation of c
deserves. With ``r_factor`` f the anomalies' g and k are those of f r, the mean's of r. Without
localization the order of the observations matters for members, not for mean and covariance; with it
a little for all. Errors have no correlations. Student-t errors are taken for Gaussian ones of the
same scale.

Cost: 2 p m (n + p) multiplications; scalars that a taper excludes cost nothing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from halocast.filters.ensemble.adaptive import inflate
from halocast.filters.ensemble.after import after
from halocast.filters.ensemble.departures import departures
from halocast.filters.ensemble.sampling_error import correction_at, correction_table
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.window import Analysis, Window, from_members

_NOTHING = 1e-14  # D / r below which an observation is of no use
_NO_TAPER = np.ones((1, 1))
_NO_TABLE = np.ones(0)


class SerialSettings(SpreadSettings):
    """What the three can be told."""

    sampling_error_correction: bool = Field(
        False,
        description="Covariances are damped by what so few members do to a correlation of that "
        "size (Anderson 2012).",
    )


class EnsrfSettings(SerialSettings):
    """The ensemble square root filter."""

    method: Literal["ensrf"] = Field("ensrf", description="The filter.")


class PotterSettings(SerialSettings):
    """Potter's serial square root filter: the EnSRF under another name."""

    method: Literal["potter"] = Field("potter", description="The filter.")


class EakfSettings(SerialSettings):
    """The ensemble adjustment Kalman filter: the EnSRF under another name."""

    method: Literal["eakf"] = Field("eakf", description="The filter.")


def analyse(window: Window, settings: SerialSettings) -> Analysis:
    """Analyse a window, with Schur localization where the window has tapers.

    Raises
    ------
    ConfigError
        There is one member; or fewer than three, and sampling errors are to be corrected.
    RunError
        An observation has no finite value, or no error.
    """
    ahead, memory = inflate(window, settings.adaptive)
    seen = departures(ahead, "serial filter")
    n, p = seen.anomalies.shape[1], seen.innovation.size
    table = correction_table(window.members) if settings.sampling_error_correction else _NO_TABLE
    joint = np.ascontiguousarray(np.vstack([seen.anomalies.T, seen.predicted.T]))
    shift = np.zeros(n + p)
    taper = _NO_TAPER
    if window.taper is not None and window.taper_between is not None:
        taper = np.vstack([window.taper, window.taper_between])
    assimilate(
        joint, shift, n, seen.innovation, seen.variance, settings.r_factor, taper, table
    )  # fmt: skip
    mean = seen.mean + shift[:n]
    return from_members(after(window, mean, joint[:n].T, settings), memory)


@njit(cache=True, nogil=True)
def assimilate(joint, shift, n, innovation, variance, r_factor, taper, table):
    """Assimilate the observations in their order, in place.

    Parameters
    ----------
    joint
        Anomalies of n scalars and then of p predictions, (n + p, m).
    shift
        Filled with the increments of their means, (n + p,); zeros at first.
    n
        How many scalars there are.
    innovation, variance
        y less the predictions' mean, and error variances, (p,).
    r_factor
        Factor on the variances, for the anomalies.
    taper
        Factors of the covariances with each observation, (n + p, p); (1, 1) without.
    table
        Sampling-error correction of equally spaced correlations from 0 to 1; empty without.
    """
    rows, m = joint.shape
    z = np.empty(m)
    for o in range(innovation.size):
        z[:] = joint[n + o]
        d = innovation[o] - shift[n + o]
        total = 0.0
        for i in range(m):
            total += z[i] * z[i]
        spread, r = total / (m - 1.0), variance[o]
        if spread <= _NOTHING * r:
            continue
        wide = spread + r_factor * r
        of_mean = d / ((m - 1.0) * (spread + r))
        of_anomaly = 1.0 / ((m - 1.0) * wide * (1.0 + np.sqrt(r_factor * r / wide)))
        for s in range(rows):
            if n <= s <= n + o - 1:
                continue  # predictions that are done with
            f = 1.0 if taper.size == 1 else taper[s, o]
            if f == 0.0:
                continue
            line, c = joint[s], 0.0
            for i in range(m):
                c += line[i] * z[i]
            if table.size > 0:
                f *= _deserved(line, c, total, table)
            c *= f
            shift[s] += c * of_mean
            c *= of_anomaly
            for i in range(m):
                line[i] -= c * z[i]


@njit(cache=True, nogil=True)
def _deserved(line, c, total, table):
    own = 0.0
    for i in range(line.size):
        own += line[i] * line[i]
    if own <= 0.0:
        return 0.0
    return correction_at(table, c / np.sqrt(own * total))
