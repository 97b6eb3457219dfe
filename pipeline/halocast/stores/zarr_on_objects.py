"""A zarr store on an object place, so that zarr's reads and writes have the same patience.

It travels by the place's URL; zarr's own store of this kind takes credentials along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import Buffer, BufferPrototype

if TYPE_CHECKING:
    from halocast.stores.object_place import ObjectPlace


class ZarrOnObjects(Store):
    """The hierarchy at a place, as zarr sees it."""

    supports_writes = True
    supports_deletes = True
    supports_listing = True
    supports_partial_writes = False

    def __init__(self, place: ObjectPlace, *, read_only: bool) -> None:
        super().__init__(read_only=read_only)
        self.place = place

    def with_read_only(self, read_only: bool = False) -> ZarrOnObjects:
        return type(self)(self.place, read_only=read_only)

    def __str__(self) -> str:
        return str(self.place)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ZarrOnObjects)
            and self.place == other.place
            and self.read_only == other.read_only
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.place, self.read_only)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        try:
            data = await asyncio.to_thread(self._read, key, byte_range)
        except FileNotFoundError:
            return None
        return prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        return list(
            await asyncio.gather(*(self.get(key, prototype, span) for key, span in key_ranges))
        )

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self.place.exists, key)

    async def set(self, key: str, value: Buffer) -> None:
        self._check_writable()
        await asyncio.to_thread(self.place.write, key, value.to_bytes())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        self._check_writable()
        await asyncio.to_thread(self.place.create, key, value.to_bytes())

    async def delete(self, key: str) -> None:
        self._check_writable()
        await asyncio.to_thread(self.place.remove, key)

    async def list(self) -> AsyncIterator[str]:
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        for key in await asyncio.to_thread(self.place.keys, prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        folder = prefix.strip("/")
        place = self.place / folder if folder else self.place
        for name in await asyncio.to_thread(place.names):
            yield name

    def _read(self, key: str, span: ByteRequest | None) -> bytes:
        if span is None:
            return self.place.read(key)
        if isinstance(span, RangeByteRequest):
            return self.place.read_range(key, span.start, span.end)
        if isinstance(span, OffsetByteRequest):
            return self.place.read_range(key, span.offset, None)
        assert isinstance(span, SuffixByteRequest)
        return self.place.read_range(key, -span.suffix, None)


def _rebuild(place: ObjectPlace, read_only: bool) -> ZarrOnObjects:
    return ZarrOnObjects(place, read_only=read_only)
