"""Digests of arrays: what a commit record says a cycle's numbers were.

A digest is ``shape:sha256`` of the values in C order, so it also tells how much of a padded table
row is meant. Cost: about 1 ms a MB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from halocast.errors import RunError

Digests = dict[str, str]


def digest(values: np.ndarray) -> str:
    """Digest of an array: its shape and the SHA-256 of its type and bytes."""
    values = np.ascontiguousarray(values)
    sha = hashlib.sha256(values.dtype.str.encode())
    sha.update(values.data)
    return f"{'x'.join(map(str, values.shape))}:{sha.hexdigest()}"


def digest_shape(text: str) -> tuple[int, ...]:
    """Shape of the array a digest was taken of."""
    head = text.split(":")[0]
    return tuple(int(n) for n in head.split("x")) if head else ()


def require_same(
    cycle: int, committed: Mapping[str, str], computed: Digests, where: object
) -> None:
    """Check a recomputed cycle against its commit record.

    Raises
    ------
    RunError
        They differ; the first array that does is named.
    """
    for name in sorted({*committed, *computed}):
        if committed.get(name) != computed.get(name):
            raise RunError(
                f"cycle {cycle} was committed with other numbers than were computed now: {name}",
                where=str(where),
                remedy="resume with the software, machine type and settings the run began with "
                "(record.json names them), or start a new run",
            )
