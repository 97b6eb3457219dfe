"""What a store says about itself: its kind and the version of its layout.

Every zarr hierarchy that halocast writes carries both in the attributes of its root group. A
store of another kind, of another version, or without the stamp is refused, never guessed at.
"""

from __future__ import annotations

from typing import Any, Literal

import zarr

from halocast.errors import StoreError
from halocast.stores.place import Place

VERSION = 1

Kind = Literal["data", "run"]

_KIND_KEY, _VERSION_KEY = "halocast_store", "halocast_version"
_MADE_BY = {"data": "halocast ingest", "run": "halocast run"}


def create_root(path: Place, kind: Kind, attrs: dict[str, Any] | None = None) -> zarr.Group:
    """Create a stamped, empty hierarchy at ``path``, which must not exist."""
    stamp = {_KIND_KEY: kind, _VERSION_KEY: VERSION}
    return zarr.create_group(
        path.for_zarr("r+"), zarr_format=3, attributes={**(attrs or {}), **stamp}
    )


def open_root(path: Place, kind: Kind, mode: Literal["r", "r+"] = "r") -> zarr.Group:
    """Open the hierarchy at ``path``.

    Raises
    ------
    StoreError
        There is none, it is damaged, or it is of another kind or version.
    """
    if not path.names():
        raise StoreError("no store here", where=str(path), remedy=f"make it: `{_MADE_BY[kind]}`")
    try:
        root = zarr.open_group(
            path.for_zarr(mode), mode=mode, zarr_format=3, use_consolidated=False
        )
    except FileNotFoundError:
        raise StoreError(
            "this folder is not a zarr v3 store",
            where=str(path),
            remedy=f"give the path of a store made by `{_MADE_BY[kind]}`",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the store's metadata cannot be read: {error}",
            where=path.file("zarr.json"),
            remedy=f"make the store again: `{_MADE_BY[kind]}`",
        ) from error
    _check_stamp(root, path, kind)
    return root


def _check_stamp(root: zarr.Group, path: Place, kind: Kind) -> None:
    found, version = root.attrs.get(_KIND_KEY), root.attrs.get(_VERSION_KEY)
    if found != kind:
        raise StoreError(
            f"a halocast {kind} store is needed; this one says it is {found!r}",
            where=str(path),
            remedy=f"give the path of a store made by `{_MADE_BY[kind]}`",
        )
    if version != VERSION:
        raise StoreError(
            f"the store has layout version {version!r}; this halocast reads version {VERSION}",
            where=str(path),
            remedy=f"make it again with this version (`{_MADE_BY[kind]}`), "
            "or use the halocast that wrote it",
        )
