"""Files fetched from servers: downloads, and granules from Earthdata.

Servers ask for few connections: files are fetched one after the other, with a pause before a
second and third attempt, and a file that is there is not fetched again.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from halocast.errors import InputError
from halocast.sources.sphere import Box

_ATTEMPTS = 3
_PAUSE = 5.0  # seconds before the second attempt; doubled before the third
_TIMEOUT = 120.0
_CLIENT_ERRORS = range(400, 500)


def fetch(
    address: str,
    directory: str | os.PathLike[str],
    suffix: str,
    check: Callable[[Path], object],
) -> Path:
    """Download an address once, whole or not at all, and return the file.

    Parameters
    ----------
    address
        Names the file too: another address is another file.
    directory
        Where it goes; made if it is not there.
    suffix
        Such as ``".nc"``.
    check
        Raises `InputError` where a download is not what was asked for; it is thrown away then.

    Raises
    ------
    InputError
        The server refuses the request (ERDDAP says 404 where nothing matches), does not answer
        after three attempts, or answers with something else.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (hashlib.sha256(address.encode()).hexdigest()[:16] + suffix)
    if path.exists():
        return path
    part = path.with_name(path.name + f".{os.getpid()}.part")
    for attempt in range(_ATTEMPTS):
        try:
            _download(address, part)
            _checked(part, check, address)
            os.replace(part, path)
            return path
        except urllib.error.HTTPError as error:
            if error.code in _CLIENT_ERRORS:
                raise InputError(
                    f"the server answers {error.code} {error.reason}"
                    + (": nothing matches the request" if error.code == 404 else ""),
                    where=address,
                    remedy="check the dates and the box, and that the product covers them",
                ) from error
            last: Exception = error
        except (OSError, http.client.HTTPException) as error:
            last = error
        finally:
            part.unlink(missing_ok=True)
        if attempt < _ATTEMPTS - 1:
            time.sleep(_PAUSE * 2**attempt)
    raise InputError(
        f"the server cannot be reached ({last})",
        where=address,
        remedy="check the network, or fetch the file elsewhere and use the local entry",
    ) from last


def fetch_granules(
    short_name: str,
    start: np.datetime64,
    stop: np.datetime64,
    box: Box,
    directory: str | os.PathLike[str],
) -> Sequence[Path]:
    """Search Earthdata for granules over a box and period, and download them.

    Needs the package earthaccess and an Earthdata account (in ``~/.netrc``).

    Raises
    ------
    InputError
        earthaccess is not installed, or no granule matches.
    """
    try:
        import earthaccess
    except ImportError as error:
        raise InputError(
            "the package earthaccess is not installed",
            where=f"Earthdata collection {short_name}",
            remedy="pip install earthaccess; or download the granules and use the local entry",
        ) from error
    west, east, south, north = box
    earthaccess.login()
    found = earthaccess.search_data(
        short_name=short_name,
        temporal=(f"{start}Z", f"{stop}Z"),
        bounding_box=(west, south, east, north),
    )
    if not found:
        raise InputError(
            f"no granule of {short_name} between {start} and {stop} over {box}",
            where="Earthdata",
            remedy="widen the box or the period, or choose another version",
        )
    return [Path(path) for path in earthaccess.download(found, str(directory))]


def _checked(part: Path, check: Callable[[Path], object], address: str) -> None:
    try:
        check(part)
    except InputError as error:
        raise InputError(error.what, where=address, remedy=error.remedy) from error


def _download(address: str, path: Path) -> None:
    with (
        urllib.request.urlopen(address, timeout=_TIMEOUT) as answer,
        path.open("wb") as file,
    ):
        shutil.copyfileobj(answer, file)
        expected = answer.headers.get("Content-Length")
    if expected is not None and path.stat().st_size != int(expected):
        raise OSError(f"{path.stat().st_size} of {expected} bytes came")
