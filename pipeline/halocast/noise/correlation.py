"""Correlation of the base fields, as a table of lags.

A base field is stationary on the lattice of cells, so its correlation depends on how many rows and
columns lie between two cells; on a periodic axis, the shorter way round. The table holds it for
lags up to the support; it is that of the fields drawn, not of the formula they approximate
(`halocast.noise.base_fields`). Cost: about 2 ns a look-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit


class Correlation(NamedTuple):
    """Correlation of base fields.

    Attributes
    ----------
    table
        Of base b at a lag of |dy| rows and |dx| columns: table[b, |dy|, |dx|], shape (n, ky, kx);
        zero for larger lags. A white base has 1 at [0, 0] alone.
    shape
        Rows and columns of the grid, int64, shape (2,).
    periodic
        Whether the y and the x axis wrap around, shape (2,).
    """

    table: np.ndarray
    shape: np.ndarray
    periodic: np.ndarray


def stack_tables(
    tables: Sequence[np.ndarray], shape: tuple[int, int], periodic: tuple[bool, bool]
) -> Correlation:
    """Put the tables of base fields, of different support, side by side."""
    rows = max((t.shape[0] for t in tables), default=1)
    columns = max((t.shape[1] for t in tables), default=1)
    table = np.zeros((len(tables), rows, columns))
    for b, t in enumerate(tables):
        table[b, : t.shape[0], : t.shape[1]] = t
    return Correlation(table, np.array(shape, dtype=np.int64), np.array(periodic))


@njit(cache=True, nogil=True, inline="always")
def row_of(cell, per_column):  # pragma: no cover - compiled
    """Row of a flat cell; ``per_column`` is 1 / nx. Exact for cells below 2**40, and no division.

    (cell + 1/2) / nx is at least 1 / (2 nx) away from a whole number.
    """
    return np.int64((cell + 0.5) * per_column)


@njit(cache=True, nogil=True, inline="always")
def correlation_of_lag(correlation, base, dy, dx):  # pragma: no cover - compiled
    """Correlation of a base field at signed lags in rows and columns."""
    dy, dx = abs(dy), abs(dx)
    if correlation.periodic[0]:
        dy = min(dy, correlation.shape[0] - dy)
    if correlation.periodic[1]:
        dx = min(dx, correlation.shape[1] - dx)
    table = correlation.table
    if dy >= table.shape[1] or dx >= table.shape[2]:
        return 0.0
    return table[base, dy, dx]


@njit(cache=True, nogil=True)
def correlation_at(correlation, base, cell_a, cell_b):  # pragma: no cover - compiled
    """Correlation of a base field at two flat cells (callable from compiled code)."""
    nx = correlation.shape[1]
    per_column = 1.0 / nx
    row_a, row_b = row_of(cell_a, per_column), row_of(cell_b, per_column)
    dx = (cell_a - row_a * nx) - (cell_b - row_b * nx)
    return correlation_of_lag(correlation, base, row_a - row_b, dx)
