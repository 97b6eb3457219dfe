"""What methods remember of a block from cycle to cycle, as it travels and is stored.

A window method may leave in ``Analysis.memory`` an array, or a tuple of two or more. Between cycles
they are float64 arrays, `Remembered`; numbers become arrays of no dimension, so that a run that was
resumed goes on with what the uninterrupted one has, type by type and bit by bit.

A checkpoint of the memory is one file: a line of JSON (block, shapes), then the values, little
endian.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from halocast.errors import RunError, StoreError

Remembered = dict[int, tuple[np.ndarray, ...]]
"""The arrays of each block that has left something, by the block's number."""


def pack(memory: Any, where: str) -> tuple[np.ndarray, ...]:
    """Return the parts of a method's memory as float64 arrays of their own."""
    parts = memory if isinstance(memory, tuple) else (memory,)
    try:
        if isinstance(memory, tuple) and len(memory) < 2:
            raise ValueError("a tuple of one part is not told from the part")
        return tuple(np.array(part, dtype=float) for part in parts)
    except (TypeError, ValueError) as error:
        raise RunError(
            f"the filter's memory, a {type(memory).__name__}, cannot be kept: {error}",
            where=where,
            remedy="let it leave an array of numbers, or a tuple of two or more of them",
        ) from error


def unpack(parts: tuple[np.ndarray, ...] | None) -> Any:
    """Return a copy of a method's memory: the only part, or all of them."""
    if parts is None:
        return None
    copies = tuple(part.copy() for part in parts)
    return copies[0] if len(copies) == 1 else copies


def joined(parts: Iterable[Remembered]) -> Remembered:
    """Put what several groups have left together, by block."""
    return {block: arrays for part in parts for block, arrays in part.items()}


def to_bytes(memory: Mapping[int, tuple[np.ndarray, ...]]) -> bytes:
    """Write a memory down; equal memories are equal bytes."""
    blocks = sorted(memory)
    shapes = [[block, [list(a.shape) for a in memory[block]]] for block in blocks]
    values = [np.asarray(a, "<f8").tobytes() for block in blocks for a in memory[block]]
    return b"".join([json.dumps(shapes).encode(), b"\n", *values])


def from_bytes(data: bytes, where: str) -> Remembered:
    """Read a memory back; StoreError where the bytes are none."""
    head, _, body = data.partition(b"\n")
    try:
        values, at, out = np.frombuffer(body, "<f8"), 0, Remembered()
        for block, shapes in json.loads(head):
            arrays = []
            for shape in shapes:
                size = int(np.prod(shape))
                arrays.append(values[at : at + size].reshape(shape).astype(float))
                at += size
            out[block] = tuple(arrays)
    except (ValueError, TypeError) as error:
        raise StoreError(f"this is no filter's memory: {error}", where=where) from error
    return out
