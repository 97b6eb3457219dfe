"""Square roots of covariances: triangles made of columns, never of a covariance itself.

    triangle([c_1, ..., c_k]) = S,  S S' = sum c_i c_i'

by Householder's QR of the transpose (van der Merwe & Wan 2001). One column may count negatively; it
is taken away by hyperbolic rotations, which tell when nothing positive is left. Working on S alone
halves the digits that an ill-conditioned covariance loses.

Cost: n^2 k multiplications for n rows and k columns; n^2 to take a column away.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr

from halocast.errors import RunError


def triangle(columns: np.ndarray, taken: np.ndarray | None = None) -> np.ndarray:
    """Return S (n, n), lower triangular with a diagonal >= 0.

    Parameters
    ----------
    columns
        What S S' is the sum of squares of, (n, k).
    taken
        A column (n,) to be taken away.

    Raises
    ------
    RunError
        More is taken away than there is.
    """
    n, k = columns.shape
    if k < n:
        columns = np.concatenate([columns, np.zeros((n, n - k))], axis=1)
    (upper,) = qr(columns.T, mode="r")
    lower = upper[:n].T
    root = lower * np.where(np.diag(lower) < 0, -1.0, 1.0)
    return root if taken is None else downdate(root, taken)


def downdate(root: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return the triangle of S S' - c c' for S (n, n) and c (n,).

    Raises
    ------
    RunError
        The difference is not positive definite.
    """
    s, c = root.copy(), column.astype(float).copy()
    for k in range(c.size):
        left = (s[k, k] - c[k]) * (s[k, k] + c[k])
        if not left > 0 and c[k] != 0:
            raise RunError(
                "the sigma points' covariance is not positive: the centre's negative weight takes "
                "away more than the others bring",
                where="filter.beta",
                remedy="use beta >= alpha^2 (beta: 2), where no weight is negative",
            )
        if c[k] == 0:
            continue
        pivot = np.sqrt(left)
        cosine, sine = pivot / s[k, k], c[k] / s[k, k]
        s[k, k] = pivot
        s[k + 1 :, k] = (s[k + 1 :, k] - sine * c[k + 1 :]) / cosine
        c[k + 1 :] = cosine * c[k + 1 :] - sine * s[k + 1 :, k]
    return s
