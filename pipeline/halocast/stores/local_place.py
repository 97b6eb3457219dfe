"""A folder on a disk, or on a file system that all workers see.

A file is written beside its place and renamed, so readers see the old one or the new one. A file
that must not exist is linked rather than renamed: the link fails where there is one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from halocast.errors import StoreError
from halocast.stores.place import Place

PARTIAL = ".partial"
_HOST = socket.gethostname()
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class LocalPlace(Place):
    """The folder at an absolute path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._base = f"{path}/"

    def __reduce__(self) -> tuple[Any, ...]:
        return LocalPlace, (self.path,)

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> LocalPlace:
        return LocalPlace(self.path / name)

    def make_folder(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    def read(self, key: str) -> bytes:
        with open(self._base + key, "rb") as file:
            return file.read()

    def write(self, key: str, *parts: bytes, durable: bool = False) -> None:
        path = self._base + key
        with _replacing(path, durable) as file:
            for part in parts:
                file.write(part)
        if durable:
            flush_directory(os.path.dirname(path))

    def create(self, key: str, data: bytes) -> bool:
        path = self._base + key
        partial = _partial(path)
        try:
            with open(partial, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            made = _link(partial, path, data)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(partial)
        flush_directory(os.path.dirname(path))
        return made

    def size(self, key: str) -> int | None:
        try:
            return os.stat(self._base + key).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def version(self, key: str) -> Any:
        status = os.stat(self._base + key)
        return status.st_mtime_ns, status.st_ino

    def touch(self, key: str) -> None:
        os.utime(self._base + key)

    def age(self, key: str) -> float:
        # the clock of a file server is not this machine's
        probe = _partial(self._base + key)
        try:
            with open(probe, "wb"):
                pass
            now = os.stat(probe).st_mtime
            os.unlink(probe)
        except OSError:  # a full disk
            now = time.time()
        return now - os.stat(self._base + key).st_mtime

    def names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise StoreError("a file lies where a folder is needed", where=str(self)) from None

    def remove(self, key: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._base + key)

    def remove_all(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def remove_if_empty(self) -> None:
        with suppress(OSError):
            self.path.rmdir()

    def remove_partial(self) -> None:
        for path in self.path.rglob(f"*{PARTIAL}"):
            path.unlink(missing_ok=True)

    def flush(self) -> None:
        flush_filesystem(self.path)

    def for_zarr(self, mode: Literal["r", "r+"]) -> Any:
        return self.path


def _partial(path: str) -> str:
    return f"{path}.{_HOST}-{os.getpid()}-{threading.get_ident()}{PARTIAL}"


@contextmanager
def _replacing(path: str, durable: bool) -> Iterator[Any]:
    """Open a temporary file that takes the place of ``path`` at the end, all or nothing."""
    partial = _partial(path)
    try:
        with open(partial, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise


def _link(partial: str, path: str, data: bytes) -> bool:
    """Give a written file its name, unless there is one of that name."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _create_in_place(path, data)
    return True


def _create_in_place(path: str, data: bytes) -> bool:
    """Make a file on a file system without links: exclusive, but half a file if killed in it."""
    try:
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    return True


def flush_directory(directory: str | Path) -> None:
    """Wait until the disk has the names in a directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_filesystem(directory: Path) -> None:
    """Wait until the disk has everything written to the file system of a directory.

    One call for thousands of small files; ``fsync`` of each would cost 0.3 ms apiece.
    """
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError, TypeError):  # not Linux
        os.sync()
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(descriptor)
