"""Groups that are replaced as a whole, atomically.

The group ``/observations`` holds its arrays in a child named after a revision, ``r0003``, and says
in its attributes which one is current. A new revision is written beside the current one; then the
attribute changes, which is one file replaced as a whole. Whoever reads sees the old revision or
the new one, never half of each; a failure leaves the old one as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import zarr

from halocast.errors import StoreError
from halocast.stores.arrays import attributes
from halocast.stores.place import Place, Unreachable
from halocast.stores.versioning import open_root


class Revision:
    """The current revision of a group of a data store, open for reading."""

    def __init__(self, path: Place, name: str) -> None:
        root = open_root(path, "data")
        self.where = f"{path}/{name}"
        self._place, self._pointer = path, _pointer(name)
        if not has_revision(path, name):
            raise StoreError(
                f"the store holds no {name}", where=str(path), remedy="make it: `halocast ingest`"
            )
        self._seen = self._identity()
        self._number = str(attributes(root.require_group(name))["current"])
        self.folder = f"{name}/{self._number}"
        self.root = root
        self.group = root.require_group(self.folder)
        self.attrs = attributes(self.group)

    def require_current(self) -> None:
        """Raise StoreError if another revision has taken this one's place since it was opened."""
        if self._identity() != self._seen:
            raise StoreError(
                "the store was changed by another ingest while it was read",
                where=self.where,
                remedy="run again; ingest into a store of its own while a run goes on",
            )

    def _identity(self) -> Any:
        return self._place.version(self._pointer)


def _pointer(name: str) -> str:
    return f"{name}/zarr.json"


def has_revision(path: Place, name: str) -> bool:
    """Whether the data store at ``path`` holds this group."""
    return path.exists(_pointer(name))


def plain_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes of an xarray object as what JSON knows; times become ISO text."""
    return {str(name): _plain(value) for name, value in attrs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | list | tuple):
        values = np.asarray(value)
        return (values.astype(str) if values.dtype.kind in "mM" else values).tolist()
    return value


@contextmanager
def new_revision(path: Place, name: str, attrs: dict[str, Any]) -> Iterator[zarr.Group]:
    """Write a new revision of a group; it becomes the current one when the block ends well.

    Raises
    ------
    StoreError
        The disk is full or fails. The current revision stays what it was.
    """
    root = open_root(path, "data", "r+")
    parent = root.require_group(name)
    current = attributes(parent).get("current")
    number = f"r{int(str(current)[1:]) + 1 if current else 1:04d}"
    folder = path / name / number
    folder.remove_all()  # of an ingest that died
    try:
        yield parent.create_group(number, attributes=attrs)
        parent.attrs["current"] = number
    except Unreachable:  # what was begun is removed by the next ingest
        raise
    except BaseException as error:
        (path / name if not current else folder).remove_all()
        if isinstance(error, OSError):
            raise StoreError(
                f"could not write {name}: {error.strerror or error}",
                where=str(error.filename or folder),
                remedy="make room (or repair the disk) and ingest again; what the store held "
                "before is unchanged",
            ) from error
        raise
    if current:
        (path / name / str(current)).remove_all()
