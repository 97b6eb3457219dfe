"""One writer a chunk: the rule, asserted before anything is written.

Zarr writes whole chunks (or shards, where chunks are packed into them). Two writers with two
halves of one chunk both read it, change their half and write it back: the later one silently
undoes the earlier. So a region to be written must consist of whole chunks or shards, and each of
those has one writer. Cost: one set entry a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import zarr

from halocast.errors import StoreError

Region = tuple[slice | int, ...]


def writing_unit(array: zarr.Array) -> tuple[int, ...]:
    """Shape of what is written as a whole: the shard where there are shards, else the chunk."""
    return array.shards or array.chunks


class OneWriter:
    """The chunks of one array and who writes them.

    Parameters
    ----------
    name
        The array, as error messages should call it.
    shape, unit
        Shape of the array and of what is written as a whole (chunk or shard).
    """

    def __init__(self, name: str, shape: Sequence[int], unit: Sequence[int]) -> None:
        self.name = name
        self.shape = tuple(shape)
        self.unit = tuple(unit)
        self._owner: dict[tuple[int, ...], str] = {}

    @classmethod
    def of(cls, array: zarr.Array) -> OneWriter:
        """Guard an array of a store."""
        return cls(array.path or str(array.store_path), array.shape, writing_unit(array))

    def claim(self, writer: str, region: Region) -> None:
        """Record that ``writer`` writes ``region``; axes left out are taken whole.

        Raises
        ------
        StoreError
            The region cuts a chunk, leaves the array, or takes a chunk that is another's. Nothing
            is claimed then.
        """
        chunks = list(self.chunks_of(region))
        for chunk in chunks:
            owner = self._owner.get(chunk, writer)
            if owner != writer:
                raise StoreError(
                    f"{owner} and {writer} would both write chunk {chunk}, and one of them be lost",
                    where=self.name,
                    remedy=f"give each writer whole chunks of its own; a chunk is {self.unit}",
                )
        self._owner.update(dict.fromkeys(chunks, writer))

    def chunks_of(self, region: Region) -> Iterator[tuple[int, ...]]:
        """Yield the numbers of the whole chunks that make up ``region``, or raise StoreError."""
        whole = (*region, *(slice(None),) * (len(self.shape) - len(region)))
        if len(whole) != len(self.shape):
            raise StoreError(f"region {region} has too many axes for {self.shape}", where=self.name)
        spans = [self._span(axis, part) for axis, part in enumerate(whole)]
        return product(*spans)

    def _span(self, axis: int, part: slice | int) -> range:
        size, unit = self.shape[axis], self.unit[axis]
        if isinstance(part, slice):
            start = 0 if part.start is None else part.start
            stop = size if part.stop is None else part.stop
            step = part.step or 1
        else:
            start, stop, step = part, part + 1, 1
        inside = 0 <= start <= stop <= size and step == 1
        if not inside or start % unit or (stop % unit and stop != size):
            raise StoreError(
                f"the region {start}:{stop} of axis {axis} is not made of whole chunks",
                where=f"{self.name}, axis of {size} in chunks of {unit}",
                remedy="begin and end a region where a chunk begins and ends",
            )
        return range(start // unit, -(-stop // unit))
