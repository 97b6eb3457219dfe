"""Whole chunks of a zarr array, written fast.

Zarr's own path costs 0.4 ms a chunk in event loop, buffer prototypes and directory making, and a
cycle writes some forty chunks. The arrays of halocast's stores have so plain a layout (arrays.py)
that twenty lines can write a chunk: 0.1 ms, by temporary file and rename on a disk, by one put in
an object store. Everybody reads them with zarr; the checksum at their end turns a damaged chunk
into an error instead of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import google_crc32c
import numpy as np
import zarr
from numcodecs.zstd import Zstd
from zarr.codecs import Crc32cCodec, ZstdCodec

from halocast.errors import StoreError
from halocast.stores.place import Place
from halocast.stores.places import locate

ZSTD_LEVEL = 1


class DamagedChunk(StoreError):
    """A chunk is missing, or does not have the bytes that were written."""


class ChunkFiles:
    """The chunk files of one array (see ``arrays.py``) of the store at ``root``."""

    def __init__(self, root: str | Path | Place, array: zarr.Array) -> None:
        self.name = array.path
        self.shape, self.chunks = array.shape, array.chunks
        self.dtype, self.fill = array.dtype, array.fill_value
        self._root, self._prefix = locate(root), f"{array.path}/c."
        codecs = [type(c) for c in array.compressors]
        if array.shards is not None or codecs not in ([Crc32cCodec], [ZstdCodec, Crc32cCodec]):
            raise StoreError(
                "an array of this run was not made by halocast",
                where=self._root.file(self.name),
                remedy="start the run in a new folder",
            )
        self._zstd = Zstd(ZSTD_LEVEL) if codecs[0] is ZstdCodec else None

    def path(self, chunk: Sequence[int]) -> str:
        """Path or URL of a chunk."""
        return self._root.file(self._key(chunk))

    def _key(self, chunk: Sequence[int]) -> str:
        return self._prefix + ".".join(map(str, chunk))

    def write(self, chunk: Sequence[int], values: np.ndarray) -> None:
        """Write one whole chunk.

        Raises
        ------
        StoreError
            The values are not a whole chunk of the array's type.
        OSError
            The disk is full or fails. The chunk is as it was before.
        """
        if values.shape != self.chunks or values.dtype != self.dtype:
            raise StoreError(
                f"values of shape {values.shape} and type {values.dtype} are not one whole chunk, "
                f"which is {self.chunks} of {self.dtype}",
                where=self.name,
            )
        payload = values.tobytes()
        if self._zstd is not None:
            payload = self._zstd.encode(payload)
        checksum = google_crc32c.value(payload).to_bytes(4, "little")
        self._root.write(self._key(chunk), payload, checksum)

    def read(self, chunk: Sequence[int]) -> np.ndarray:
        """Return one whole chunk, read-only; StoreError where it is missing or damaged."""
        payload = self._checked(chunk)
        if self._zstd is not None:
            payload = self._zstd.decode(payload)
        return np.frombuffer(payload, self.dtype).reshape(self.chunks)

    def is_sound(self, chunk: Sequence[int]) -> bool:
        """Whether a chunk is there and has the bytes that were written."""
        try:
            self._checked(chunk)
        except DamagedChunk:
            return False
        return True

    def _checked(self, chunk: Sequence[int]) -> bytes:
        try:
            data = self._root.read(self._key(chunk))
        except OSError as error:
            data, problem = b"", str(error.strerror)
        else:
            problem = "its checksum is wrong"
        payload, checksum = data[:-4], data[-4:]
        if not data or google_crc32c.value(payload) != int.from_bytes(checksum, "little"):
            raise DamagedChunk(
                f"a chunk of {self.name} cannot be read: {problem}",
                where=self.path(chunk),
                remedy="the store is damaged: make it again, or restore it from a copy",
            )
        return payload

    def write_row(self, index: int, values: np.ndarray) -> None:
        """Write the values of one ``index`` of a 2-D array (row, slot), and nothing after them.

        Chunks of the row that an earlier attempt left behind the last value are removed.
        """
        if values.ndim != 1 or values.size > self.shape[1] or values.dtype != self.dtype:
            raise StoreError(
                f"{values.shape} values of {values.dtype} do not fit a row of {self.shape[1]} of "
                f"{self.dtype}",
                where=self.name,
            )
        size = self.chunks[1]
        n_chunks = -(-values.size // size)
        for c in range(n_chunks):
            part = values[c * size : (c + 1) * size]
            whole = np.full((1, size), self.fill, self.dtype)
            whole[0, : part.size] = part
            self.write((index, c), whole)
        self._remove_after((index, n_chunks))

    def read_row(self, index: int, size: int) -> np.ndarray:
        """Return the first ``size`` values of a row of a 2-D array."""
        parts = [self.read((index, c))[0] for c in range(-(-size // self.chunks[1]))]
        return np.concatenate([np.empty(0, self.dtype), *parts])[:size]

    def _remove_after(self, chunk: tuple[int, int]) -> None:
        row, c = chunk
        while self._root.exists(self._key((row, c))):
            self._root.remove(self._key((row, c)))
            c += 1

    def discard_before(self, index: int) -> None:
        """Remove the chunks whose first number is below ``index``, and unfinished ones of them."""
        folder = self._root / self.name
        for name in folder.names():
            parts = name.split(".")
            if parts[0] == "c" and int(parts[1]) < index:
                folder.remove(name)

    def discard(self, chunk: Sequence[int]) -> None:
        """Remove a chunk, if it is there."""
        self._root.remove(self._key(chunk))

    def exists(self, chunk: Sequence[int]) -> bool:
        """Whether a chunk has been written, with all its bytes where they are not compressed."""
        size = self._root.size(self._key(chunk))
        plain = int(np.prod(self.chunks)) * self.dtype.itemsize + 4
        return size is not None and (self._zstd is not None or size == plain)
