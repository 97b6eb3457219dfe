"""What a place can do: whole files, all or nothing, by names with slashes.

That, and making a file that must not exist, is all that the commit protocol (commits.py) and the
lock (run_lock.py) need. A place travels between processes by its name, never with credentials;
these come from each process's environment. ``places.locate`` finds the place a path or URL means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from halocast.errors import StoreError


class Unreachable(StoreError):
    """A store did not answer for longer than one can wait."""


class Place(ABC):
    """A folder of bytes. Get one by ``places.locate``; ``place / "name"`` is a folder in it."""

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def __truediv__(self, name: str) -> Place: ...

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

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
