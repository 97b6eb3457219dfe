"""The Kalman gain of an ensemble, applied to innovations without ever being formed.

    K = P H' (H P H' + R)^-1,    P H' = rho o (A'Y) / (m - 1),    H P H' = rho o (Y'Y) / (m - 1),

rho the Schur tapers, members in rows (Houtekamer & Mitchell 2001, equations 2 and 3). Rows of
innovations u (k, p) become increments u K' (k, n).

Without tapers the whitened S = Y R^(-1/2) / sqrt(m - 1) (m, p) leaves one small matrix to solve,
by the Sherman-Morrison-Woodbury identity the smaller of two:

    u K' = u R^(-1/2) (I + S'S)^-1 S' A / sqrt(m - 1) = u R^(-1/2) S' (I + S S')^-1 A / sqrt(m - 1).

Cost with q = min(p, m): m p q + q^3 / 3 + q (k + m) (p + n) at most; with tapers
m p (n + p) + p^3 / 3 + k p n.
"""

from __future__ import annotations

import numpy as np

from halocast.filters.ensemble.dense import gram, product, solve_positive, spectrum
from halocast.filters.ensemble.departures import Departures

_NOTHING = 1e-12  # of the largest eigenvalue: rounding


def increments(seen: Departures, rows: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the increments u K' (k, n) of rows of innovations u (k, p).

    Parameters
    ----------
    seen
        Anomalies of members and predictions.
    rows
        The innovations.
    variance
        The diagonal of R, (p,).
    """
    m, p = seen.predicted.shape
    root = np.sqrt(variance)
    s = seen.predicted / (root * np.sqrt(m - 1.0))
    scaled = rows / root
    if p <= m:
        solved = solve_positive(np.eye(p) + gram(np.ascontiguousarray(s.T)), scaled)
        covariance = product(np.ascontiguousarray(s.T), seen.anomalies / np.sqrt(m - 1.0))
        return product(solved, covariance)
    share = solve_positive(np.eye(m) + gram(s), product(scaled, np.ascontiguousarray(s.T)))
    return product(share / np.sqrt(m - 1.0), seen.anomalies)


def tapered_increments(
    seen: Departures,
    rows: np.ndarray,
    variance: np.ndarray,
    taper: np.ndarray,
    taper_between: np.ndarray,
) -> np.ndarray:
    """Return the increments of rows of innovations with a tapered covariance.

    Parameters
    ----------
    seen, rows, variance
        As for `increments`.
    taper, taper_between
        rho between scalars and observations (n, p), and between observations (p, p).
    """
    m = seen.predicted.shape[0]
    root = np.sqrt(variance)
    s = np.ascontiguousarray((seen.predicted / (root * np.sqrt(m - 1.0))).T)
    covariance = taper.T * product(s, seen.anomalies / np.sqrt(m - 1.0))
    solved = solve_positive(np.eye(root.size) + taper_between * gram(s), rows / root)
    return product(solved, covariance)


def svd_increments(
    seen: Departures, noise: np.ndarray, rows: np.ndarray, share: float
) -> np.ndarray:
    """Return the increments of Evensen's (2003) gain, with R as the perturbations have it.

    Y + e = V Sigma U' and (Y'Y + (m - 1) R)^-1 ~ U Sigma^-2 U', of the largest squares that make up
    ``share`` of their total. It takes Y'e for 0.

    Pitfall: R has the rank of the sample, and what it gets wrong is large unless members are many
    times the observations. In random cases with P and R of one size, increments against those of
    the exact gain have cosine 0.65 for p = 100, m = 20, and 0.95 (and a sixth too much length) for
    p = 10, m = 40. Where p < m - 1 the cross term is removed: e loses what the Y explain, and is
    scaled by sqrt((m - 1) / (m - 1 - p)) for what that took from its variance (our addition). For
    p = 15, m = 20 increments are still three times too long.

    Parameters
    ----------
    seen
        Anomalies of members and predictions.
    noise
        Perturbations e of the observations, (m, p), of mean 0.
    rows
        Innovations (k, p).
    share
        Of the total of squares that is kept, in (0, 1].
    """
    m, p = seen.predicted.shape
    root = np.sqrt(seen.variance)
    y, e = seen.predicted / root, noise / root
    if p < m - 1:
        e = e - product(y, _least_squares(y, e))
        e = e * np.sqrt((m - 1.0) / (m - 1.0 - p))
    u, squares = _left_vectors(y + e)
    total = np.cumsum(squares)
    kept = total - squares < share * squares.sum()
    along = product(rows / root, np.ascontiguousarray(u[kept].T)) / squares[kept]
    back = product(along, u[kept])
    return product(product(back, np.ascontiguousarray(y.T)), seen.anomalies)


def _left_vectors(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return U', one vector a row, and Sigma^2 of x = V Sigma U' (m, p), but for those near 0."""
    m, p = x.shape
    turned = np.ascontiguousarray(x.T)
    squares, vectors = spectrum(gram(turned) if p <= m else gram(x))
    real = squares > _NOTHING * squares[:1]
    squares, vectors = squares[real], vectors[real]
    return (vectors if p <= m else product(vectors, x) / np.sqrt(squares)[:, None]), squares


def _least_squares(y: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Return Y^+ e, (p, p)."""
    turned = np.ascontiguousarray(y.T)
    squares, vectors = spectrum(gram(turned))
    real = squares > _NOTHING * squares[:1]
    w = vectors[real]
    along = product(w, product(turned, e)) / squares[real][:, None]
    return product(np.ascontiguousarray(w.T), along)
