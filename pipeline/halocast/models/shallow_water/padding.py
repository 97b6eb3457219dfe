"""Padded arrays: one row south and north, ``WEST`` columns and some more round the cells.

Column ``WEST`` holds cell 0 of a row and sits on a 64-byte boundary, because a vector loop whose
loads straddle cache lines takes twice the time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.models.shallow_water.kernels import JIT, WEST

_VECTOR = 8
_LINE = 64


def aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Allocate zeros on a 64-byte boundary."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + _LINE, np.uint8)
    offset = -raw.ctypes.data % _LINE
    return raw[offset : offset + size].view(dtype).reshape(shape)


def aligned_copy(values: np.ndarray, dtype: type) -> np.ndarray:
    """Copy an array to a 64-byte boundary, in the working precision."""
    out = aligned(values.shape, dtype)
    out[...] = values
    return out


def padded_width(nx: int) -> int:
    """Columns of a padded array: WEST west, at least two east, whole vectors."""
    return WEST + -(-(nx + 2) // _VECTOR) * _VECTOR


def pad(values: np.ndarray, fill: float, periodic: tuple[bool, bool]) -> np.ndarray:
    """Pad the last two axes (ny, nx) to (ny + 2, nxp): wrapped on periodic axes, else ``fill``."""
    *lead, ny, nx = values.shape
    out = aligned((*lead, ny + 2, padded_width(nx)), float)
    out[...] = fill
    unpad(out, (ny, nx))[...] = values
    if periodic[1]:
        out[..., WEST - 1] = out[..., WEST + nx - 1]
        out[..., WEST + nx] = out[..., WEST]
    if periodic[0]:
        out[..., 0, :] = out[..., ny, :]
        out[..., ny + 1, :] = out[..., 1, :]
    return out


def unpad(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """View the cells of the last two axes without their padding."""
    return values[..., 1 : shape[0] + 1, WEST : WEST + shape[1]]


@njit(**JIT)
def wrap(S, row, ny2, nx, periodic):  # pragma: no cover - compiled
    """Fill the padding of the field whose ny + 2 rows start at ``row``."""
    if periodic[1]:
        for j in range(row, row + ny2):
            S[j, WEST - 1] = S[j, WEST + nx - 1]
            S[j, WEST + nx] = S[j, WEST]
    if periodic[0]:
        north = row + ny2 - 1
        for i in range(WEST - 1, WEST + nx + 1):
            S[row, i] = S[north - 1, i]
            S[north, i] = S[row + 1, i]


@njit(**JIT)
def wrap_state(S, ny2, nx, periodic):  # pragma: no cover - compiled
    """Fill the padding of all fields stacked in S."""
    if periodic[0] or periodic[1]:
        for row in range(0, S.shape[0], ny2):
            wrap(S, row, ny2, nx, periodic)
