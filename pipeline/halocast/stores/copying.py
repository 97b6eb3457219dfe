"""Copying a folder of a disk to a place, as when a twin's data are made here for a bucket there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from halocast.stores.place import Place

_WRITERS = 8  # files under way at a time; each waits for the other end


def copy_folder(source: Path, target: Place) -> None:
    """Copy all files below a folder into a place, which keeps what it has besides."""
    files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]

    def copy(name: Path) -> None:
        target.write(name.as_posix(), (source / name).read_bytes())

    with ThreadPoolExecutor(_WRITERS) as pool:
        for _ in pool.map(copy, files):
            pass
