"""Sampling errors of correlations: what a few members' correlation is worth.

Anderson (2012): with every true correlation r equally likely before, a sample of m members that
shows r^ leaves the expectation E[r | r^]; covariances are multiplied by rho = E[r | r^] / r^ < 1.
Instead of his Monte Carlo we integrate the exact density of r^ (Hotelling 1953, equation 25),

    f(r^ | r) ~ (1 - r^2)^((m-1)/2) (1 - r r^)^(3/2 - m) F(1/2, 1/2; m - 1/2; (1 + r r^) / 2),

over r = tanh(theta), where it is nearly a normal of width m^(-1/2); the trapezoid rule is then
exact to rounding.

Menetrier et al. (2015) ask instead for the factor that leaves the smallest expected error of a
covariance; it needs no prior, but means over many pairs of alike distance:

    rho = (m-1) / ((m+1) (m-2)) (m - 1 - E[P_ii P_jj] / E[P_ij^2]).

Cost: 30 ms a table, made once for a number of members.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from scipy.special import hyp2f1

from halocast.errors import ConfigError

_POINTS = 201  # of a table
_REACH = 9.0  # widths of the density, either side


@lru_cache(maxsize=16)
def correction_table(members: int) -> np.ndarray:
    """Return rho at 201 equally spaced correlations from 0 to 1, read-only.

    Raises
    ------
    ConfigError
        There are fewer than three members: their correlations are all 1 or -1.
    """
    if members < 3:
        raise ConfigError(
            f"a sample of {members} members always correlates perfectly",
            where="filter.sampling_error_correction",
            remedy="use three members or more, or no correction",
        )
    shown = np.linspace(0.0, 1.0, _POINTS)
    shown[0] = 1e-6  # rho has a limit there
    table = np.ones(_POINTS)
    for k in range(_POINTS - 1):
        table[k] = expected_correlation(shown[k], members) / shown[k]
    table.setflags(write=False)
    return table


def expected_correlation(shown: float, members: int) -> float:
    """Return E[r | r^] for a sample correlation r^ in (-1, 1) of ``members`` pairs."""
    m = float(members)
    centre, width = np.arctanh(shown), 1.0 / np.sqrt(m - 2.0 + 0.5)
    reach = _REACH * max(width, 1.0)
    theta = np.arange(centre - reach, centre + reach, width / 20)
    r = np.tanh(theta)
    # log of (1 - r^2), of tanh, without cancellation
    log_one_less = 2.0 * (np.log(2.0) - np.abs(theta) - np.log1p(np.exp(-2.0 * np.abs(theta))))
    log_density = 0.5 * (m + 1.0) * log_one_less + (1.5 - m) * np.log1p(-r * shown)
    density = np.exp(log_density - log_density.max())
    density *= hyp2f1(0.5, 0.5, m - 0.5, 0.5 * (1.0 + r * shown))
    return float(np.sum(r * density) / np.sum(density))


@njit(cache=True, nogil=True)
def correction_at(table, shown):
    """Return rho for a sample correlation, linear between the table's points."""
    at = min(abs(shown), 1.0) * (table.size - 1)
    k = min(int(at), table.size - 2)
    return table[k] + (at - k) * (table[k + 1] - table[k])


def least_error_factor(
    variances: np.ndarray, others: np.ndarray, covariances: np.ndarray, members: int
) -> float:
    """Return the factor of least expected squared error, for pairs of alike distance.

    Parameters
    ----------
    variances, others, covariances
        Sample P_ii, P_jj and P_ij of the pairs, any equal shape, with m - 1.
    members
        Number of members m, 3 or more.

    Returns
    -------
    In [0, 1]: what sampling leaves of it outside is cut.
    """
    m = float(members)
    square = np.mean(np.square(covariances))
    if square == 0.0:
        return 0.0
    ratio = np.mean(variances * others) / square
    return float(np.clip((m - 1) / ((m + 1) * (m - 2)) * (m - 1 - ratio), 0.0, 1.0))
