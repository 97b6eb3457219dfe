"""What the noise of a scalar is made of: a sparse combination of base fields.

noise of scalar s = sum over its terms of coefficient * base[cell]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Terms(NamedTuple):
    """The terms of n scalars, in CSR form; a scalar without noise (land, say) has none.

    Attributes
    ----------
    start
        Where each scalar's terms begin and the last one's end, int64, shape (n + 1,).
    base, cell
        Base field and flat cell of each term, int64, shape (T,).
    coefficient
        Factor of each term, in the scalar's units, shape (T,).
    """

    start: np.ndarray
    base: np.ndarray
    cell: np.ndarray
    coefficient: np.ndarray

    @property
    def n_scalars(self) -> int:
        """Number of scalars."""
        return self.start.size - 1


class TermPiece(NamedTuple):
    """The terms of some scalars in one base field, w a scalar.

    ``scalar`` (k,) says which scalars; ``cell`` and ``coefficient`` have shape (k, w).
    """

    base: int
    scalar: np.ndarray
    cell: np.ndarray
    coefficient: np.ndarray


def join_pieces(n: int, pieces: Sequence[TermPiece]) -> Terms:
    """Build the terms of n scalars from pieces, those of a scalar in the order of the pieces.

    Terms with coefficient 0 are left out.
    """
    widths = [p.cell.shape[1] for p in pieces]
    if not pieces:
        empty = np.empty(0, dtype=np.int64)
        return Terms(np.zeros(n + 1, dtype=np.int64), empty, empty, np.empty(0))
    scalar = np.concatenate([np.repeat(p.scalar, w) for p, w in zip(pieces, widths)])
    base = np.concatenate([np.full(p.cell.size, p.base) for p in pieces])
    cell = np.concatenate([p.cell.ravel() for p in pieces])
    coefficient = np.concatenate([p.coefficient.ravel() for p in pieces])
    kept = np.flatnonzero(coefficient)
    kept = kept[np.argsort(scalar[kept], kind="stable")]
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(scalar[kept], minlength=n), out=start[1:])
    return Terms(start, base[kept].astype(np.int64), cell[kept].astype(np.int64), coefficient[kept])
