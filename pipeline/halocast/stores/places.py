"""Places: where bytes lie, a folder on a disk or a prefix in an object store.

Everything halocast stores is named by a path or a URL:

    runs/lg, file:///data/runs/lg    a folder (local_place.py)
    s3://bucket/runs/lg              a prefix in a bucket, S3's protocol (object_place.py)
    memory://name/runs/lg            this process's memory, gone with it; for tests

``locate`` turns any of them into a ``Place``, which writes whole files, all or nothing: that, and
making a file that must not exist, is all that the commit protocol (commits.py) and the lock
(run_lock.py) need. Keys are names with slashes, below the place. A place travels between processes
by its name, never with credentials; these come from each process's environment.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from halocast.errors import StoreError

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.IGNORECASE | re.DOTALL)
_SCHEMES = "a path, file:///…, s3://bucket/…"


class Unreachable(StoreError):
    """A store did not answer for longer than one can wait."""


class Place(ABC):
    """A folder of bytes. Get one by ``locate``; ``place / "name"`` is a folder in it."""

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def __truediv__(self, name: str) -> Place: ...

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"locate({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return locate, (str(self),)

    @property
    def name(self) -> str:
        """The last part of the place's own name."""
        return str(self).rstrip("/").rsplit("/", 1)[-1]

    def file(self, key: str) -> str:
        """Path or URL of a file, for messages."""
        return f"{self}/{key}"

    @abstractmethod
    def make_folder(self) -> None:
        """Make the folder, and those above it, where they must be made."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """Return the bytes of a file; FileNotFoundError where there is none."""

    @abstractmethod
    def write(self, key: str, *parts: bytes, durable: bool = False) -> None:
        """Write a file, all or nothing, in the place of the one that is there.

        With ``durable`` the file survives a loss of power from now on.
        """

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Make a file, whole and durable, unless there is one; returns whether it was made.

        Of all who try at once, on any machine, one succeeds.
        """

    @abstractmethod
    def size(self, key: str) -> int | None:
        """Return the size of a file in bytes, None where there is none."""

    @abstractmethod
    def version(self, key: str) -> Any:
        """Return what changes whenever a file is written; FileNotFoundError where there is none."""

    @abstractmethod
    def touch(self, key: str) -> None:
        """Make a file as young as if it had just been written; needs no room."""

    @abstractmethod
    def age(self, key: str) -> float:
        """Return how long ago a file was written or touched, s, by the place's own clock."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the files and folders that lie directly here, in order."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def remove_all(self) -> None:
        """Remove the folder with everything in it, if it is there."""

    @abstractmethod
    def remove_if_empty(self) -> None:
        """Remove the folder if nothing is in it."""

    @abstractmethod
    def remove_partial(self) -> None:
        """Remove what writers left behind that were killed in mid-write. No writer may be alive."""

    @abstractmethod
    def flush(self) -> None:
        """Wait until everything that was written here would survive a loss of power."""

    @abstractmethod
    def for_zarr(self, mode: Literal["r", "r+"]) -> Any:
        """Return what zarr takes as a store, for the hierarchy that lies here."""

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return self.size(key) is not None


def locate(where: str | Path | Place) -> Place:
    """Return the place a path or URL means.

    Raises
    ------
    StoreError
        The URL holds credentials, or is of an unknown kind; the message does not repeat it.
    """
    from halocast.stores.local_place import LocalPlace

    if isinstance(where, Place):
        return where
    url = _URL.fullmatch(where) if isinstance(where, str) else None
    if url is None:
        _refuse_mangled(Path(where))
        return LocalPlace(Path(where).absolute())
    scheme, rest = str(url.group(1)).lower(), str(url.group(2))
    _refuse_credentials(scheme, rest)
    if scheme == "file":
        if not rest.startswith("/"):
            raise StoreError(f"file://{rest} is no URL of a file", remedy="write file:///folder")
        return LocalPlace(Path(unquote(rest)).absolute())
    if scheme not in ("s3", "memory"):
        raise StoreError(
            f"{scheme}:// is no kind of place halocast knows", remedy=f"give {_SCHEMES}"
        )
    from halocast.stores.object_place import ObjectPlace

    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise StoreError(f"{scheme}://{rest} names no bucket", remedy=f"give {_SCHEMES}")
    return ObjectPlace(
        "s3" if scheme == "s3" else "memory",
        bucket,
        "/".join(part for part in prefix.split("/") if part),
    )


def require_local(where: str | Path | Place) -> Path:
    """Return the path of a folder that must be on a disk; StoreError where it is elsewhere."""
    from halocast.stores.local_place import LocalPlace

    place = locate(where)
    if not isinstance(place, LocalPlace):
        raise StoreError(
            "this must be a folder on a disk", where=str(place), remedy="give a path, not a URL"
        )
    return place.path


def _refuse_credentials(scheme: str, rest: str) -> None:
    """Refuse ``s3://key:secret@bucket`` and ``?X-Amz-…``, which would end up in run.yaml."""
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise StoreError(
            f"a {scheme}:// URL with credentials or a query in it is not taken: it would be "
            "written down in every store and report",
            remedy=f"give {scheme}://bucket/folder alone; credentials belong into the environment "
            "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, or AWS_PROFILE)",
        )


def _refuse_mangled(path: Path) -> None:
    """Refuse a URL that went through ``Path``, which makes one slash of two."""
    if re.match(r"(s3|file|memory):/", str(path)):
        raise StoreError(
            "a folder on a disk is needed here, not a URL",
            where=str(path),
            remedy="give a path; in Python, give URLs as text, not as Path",
        )
