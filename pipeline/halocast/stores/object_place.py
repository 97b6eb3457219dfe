"""A prefix in an object store: S3's protocol through obstore, or this process's memory.

A put is atomic there, and what was put is durable; a put with ``If-None-Match: *`` makes an object
only where there is none. Nothing else is asked of the store: no rename, no lock, no order of
listings. Stores without conditional puts are found out by the lock (run_lock.py) and refused.

An attempt that fails for the store's sake is made again (patience.py). A conditional put whose
answer was lost may have done its work, so when it is refused after a failure, what lies there is
compared with what was put.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import MemoryStore

from halocast.stores.object_access import connect
from halocast.stores.patience import Patience
from halocast.stores.place import Place

T = TypeVar("T")

_PART = 8 * 2**20  # larger objects are put in parts of this many bytes


class ObjectPlace(Place):
    """What lies below a prefix of a bucket; of the process's memory with the scheme ``memory``."""

    def __init__(self, scheme: Literal["s3", "memory"], bucket: str, prefix: str) -> None:
        self._scheme, self._bucket, self._prefix = scheme, bucket, prefix
        self._store: Any = _memory(bucket) if scheme == "memory" else connect(bucket)
        self._patience = Patience(f"{scheme}://{bucket}")

    def __reduce__(self) -> tuple[Any, ...]:
        return ObjectPlace, (self._scheme, self._bucket, self._prefix)

    def __str__(self) -> str:
        url = f"{self._scheme}://{self._bucket}"
        return f"{url}/{self._prefix}" if self._prefix else url

    def __truediv__(self, name: str) -> ObjectPlace:
        return ObjectPlace(self._scheme, self._bucket, self._path(name))

    def make_folder(self) -> None:
        """Do nothing: prefixes are not made."""

    def read(self, key: str) -> bytes:
        return self._ask(key, lambda: bytes(self._get(key)))

    def read_range(self, key: str, start: int, stop: int | None) -> bytes:
        """Return bytes start…stop-1 of a file, to its end without ``stop``.

        A negative start without stop means the last bytes.
        """
        if start < 0:
            options: Any = {"range": {"suffix": -start}}
        else:
            options = {"range": {"offset": start} if stop is None else (start, stop)}
        path = self._path(key)
        return self._ask(
            key, lambda: bytes(obstore.get(self._store, path, options=options).bytes())
        )

    def write(self, key: str, *parts: bytes, durable: bool = False) -> None:
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._ask(key, lambda: self._put(key, data))

    def create(self, key: str, data: bytes) -> bool:
        attempts = 0

        def attempt() -> bool:
            nonlocal attempts
            attempts += 1
            try:
                self._put_new(key, data)
            except AlreadyExistsError:
                return attempts > 1 and bytes(self._get(key)) == data
            return True

        return self._ask(key, attempt)

    def size(self, key: str) -> int | None:
        try:
            return self._head(key)["size"]
        except FileNotFoundError:
            return None

    def version(self, key: str) -> Any:
        head = self._head(key)
        return head["e_tag"], head["last_modified"]

    def touch(self, key: str) -> None:
        self.write(key, self.read(key))

    def age(self, key: str) -> float:
        # the clock of the store is not this machine's
        probe = f"{key}.{datetime.now(UTC).timestamp():.6f}.clock"
        self.write(probe, b"")
        now = self._head(probe)["last_modified"]
        self.remove(probe)
        return (now - self._head(key)["last_modified"]).total_seconds()

    def names(self) -> list[str]:
        prefix = f"{self._prefix}/" if self._prefix else ""
        found = self._ask("", lambda: obstore.list_with_delimiter(self._store, prefix))
        paths = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        return sorted(path[len(prefix) :] for path in paths)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of all files below this place that begin with a prefix, in order."""
        # S3's prefixes are of whole names here: obstore adds the slash
        folder = self._path(prefix.rpartition("/")[0])
        start = len(self._prefix) + 1 if self._prefix else 0

        def attempt() -> list[str]:
            return [
                entry["path"][start:]
                for batch in obstore.list(self._store, folder or None)
                for entry in batch
            ]

        return sorted(key for key in self._ask(prefix, attempt) if key.startswith(prefix))

    def remove(self, key: str) -> None:
        path = self._path(key)
        try:
            self._ask(key, lambda: obstore.delete(self._store, path))
        except FileNotFoundError:  # S3 does not tell, memory does
            return

    def remove_all(self) -> None:
        paths = [self._path(key) for key in self.keys()]
        if paths:
            self._ask("", lambda: obstore.delete(self._store, paths))

    def remove_if_empty(self) -> None:
        """Do nothing: a prefix without objects is not there."""

    def remove_partial(self) -> None:
        """Do nothing: a put that was not finished leaves nothing."""

    def flush(self) -> None:
        """Do nothing: what was put is durable."""

    def for_zarr(self, mode: Literal["r", "r+"]) -> Any:
        from halocast.stores.zarr_on_objects import ZarrOnObjects

        return ZarrOnObjects(self, read_only=mode == "r")

    # ---- inside

    def _path(self, key: str) -> str:
        return "/".join(part for part in (self._prefix, key) if part)

    def _get(self, key: str) -> Any:
        return obstore.get(self._store, self._path(key)).bytes()

    def _head(self, key: str) -> Any:
        path = self._path(key)
        return self._ask(key, lambda: obstore.head(self._store, path))

    def _put(self, key: str, data: bytes) -> None:
        many = len(data) > _PART
        obstore.put(self._store, self._path(key), data, use_multipart=many, chunk_size=_PART)

    def _put_new(self, key: str, data: bytes) -> None:
        obstore.put(self._store, self._path(key), data, mode="create", use_multipart=False)

    def _ask(self, key: str, attempt: Callable[[], T]) -> T:
        """Make an attempt, again while the store does not answer."""
        where = self.file(key) if key else str(self)
        try:
            return self._patience.attempt(attempt, where)
        except FileNotFoundError:
            raise FileNotFoundError(2, "there is no such object", where) from None


@cache  # as long as the process, or it would be forgotten
def _memory(bucket: str) -> MemoryStore:
    return MemoryStore()
