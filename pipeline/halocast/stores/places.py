"""Places: where bytes lie, a folder on a disk or a prefix in an object store.

Everything halocast stores is named by a path or a URL:

    runs/lg, file:///data/runs/lg    a folder (local_place.py)
    s3://bucket/runs/lg              a prefix in a bucket, S3's protocol (object_place.py)
    memory://name/runs/lg            this process's memory, gone with it; for tests

``locate`` turns any of them into a ``Place`` (place.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from halocast.errors import StoreError
from halocast.stores.local_place import LocalPlace
from halocast.stores.place import Place

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.IGNORECASE | re.DOTALL)
_SCHEMES = "a path, file:///…, s3://bucket/…"


def locate(where: str | Path | Place) -> Place:
    """Return the place a path or URL means.

    Raises
    ------
    StoreError
        The URL holds credentials, or is of an unknown kind; the message does not repeat it.
    """
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
