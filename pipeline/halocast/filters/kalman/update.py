"""Kalman's analysis of a mean and its covariance, in Joseph's form.

    K  = P H' (H P H' + R)^-1                      by Cholesky's factor of H P H' + R
    x' = x + K (y - h(x))
    P' = (I - K H) P (I - K H)' + K R K'           symmetric and positive for any K near the gain

(Bucy & Joseph 1968.) The short form (I - K H) P is the same in exact arithmetic only: where an
observation is far more accurate than the forecast its rounding errors make P' indefinite.

Cost: 2 n^3 + n^2 p + n p^2 multiplications.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from halocast.errors import ConfigError


def gain(cross: np.ndarray, innovation: np.ndarray, where: str) -> np.ndarray:
    """Return K, (n, p), from P H' (n, p) and H P H' + R (p, p).

    Raises
    ------
    ConfigError
        The innovations' covariance is singular.
    """
    try:
        factor = cho_factor(innovation, lower=True)
    except (LinAlgError, ValueError) as problem:
        raise ConfigError(
            f"the covariance of the innovations is not positive definite ({problem})",
            where=where,
            remedy="give every observation an error greater than 0, and look for values in the "
            "state that are not finite",
        ) from problem
    return cho_solve(factor, cross.T).T


def update(
    mean: np.ndarray,
    covariance: np.ndarray,
    operator: np.ndarray,
    innovation: np.ndarray,
    variance: np.ndarray,
    where: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Condition a Gaussian on observations.

    Parameters
    ----------
    mean, covariance
        Of the forecast, (n,) and (n, n).
    operator
        H, or the derivative of h at the mean, (p, n).
    innovation
        y - h(mean), (p,).
    variance
        Diagonal of R, (p,).
    where
        The method that asks, for its refusals.

    Returns
    -------
    Mean and covariance of the analysis.
    """
    cross = covariance @ operator.T
    k = gain(cross, operator @ cross + np.diag(variance), where)
    left = np.eye(mean.size) - k @ operator
    analysed = left @ covariance @ left.T + (k * variance) @ k.T
    return mean + k @ innovation, 0.5 * (analysed + analysed.T)
