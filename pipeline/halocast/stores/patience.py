"""Attempts at a store that may not answer for a while: made again, said once, given up in the end.

A store that is away for less than ``PATIENCE`` seconds costs time and nothing else. Attempts begin
0.2 s apart and then double up to 4 s, a little different in every process, so that a thousand
workers do not come back at the same moment.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)

from halocast.errors import StoreError
from halocast.stores.object_access import short_reason
from halocast.stores.place import Unreachable

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 4.0
_SAID = (
    AlreadyExistsError, InvalidPathError, NotSupportedError, PreconditionError,
    UnknownConfigurationKeyError,
)  # fmt: skip
_DENIED = re.compile(r"status code: 40[13]")
_OUR_FAULT = re.compile(r"status code: 4(?!08|29)\d\d")

_silent: set[str] = set()  # stores that did not answer when they were last asked
_lock = threading.Lock()


class Patience:
    """The patience one has with a store, which is named for messages."""

    def __init__(self, name: str) -> None:
        self._name = name

    def attempt(self, attempt: Callable[[], T], where: str) -> T:
        """Make an attempt until the store answers; what it answers, also errors, is passed on.

        Raises
        ------
        Unreachable
            It did not for ``PATIENCE`` seconds.
        """
        began, pause = time.monotonic(), _FIRST_PAUSE * (1 + os.getpid() % 17 / 17)
        while True:
            try:
                result = attempt()
            except _SAID:
                raise
            except (BaseError, FileNotFoundError) as error:
                if (refusal := _refusal(error, where)) is not None:
                    raise refusal from None
                if isinstance(error, FileNotFoundError):
                    raise
                waited = time.monotonic() - began
                if waited + pause > PATIENCE:
                    raise _unreachable(error, waited, where) from None
                self._say_silent(error)
            else:
                self._say_back(time.monotonic() - began)
                return result
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _say_silent(self, error: BaseException) -> None:
        with _lock:
            first = self._name not in _silent
            _silent.add(self._name)
        if first:
            log.warning(
                "%s does not answer (%s); trying again for up to %.0f s",
                self._name, short_reason(error), PATIENCE,
            )  # fmt: skip

    def _say_back(self, waited: float) -> None:
        if self._name not in _silent:
            return
        with _lock:
            was_silent = self._name in _silent
            _silent.discard(self._name)
        if was_silent:
            log.warning("%s answers again, after %.0f s", self._name, waited)


def _refusal(error: Exception, where: str) -> StoreError | None:
    """Return what to tell the user where trying again is of no use."""
    text = str(error)
    if "NoSuchBucket" in text:
        return StoreError(
            "there is no such bucket", where=where, remedy="make it, or give another URL"
        )
    denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if denied or _DENIED.search(text):
        return StoreError(
            f"the object store refuses access: {short_reason(error)}",
            where=where,
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN), or "
            "AWS_PROFILE, here and on all workers",
        )
    if _OUR_FAULT.search(text) and not isinstance(error, FileNotFoundError):
        return StoreError(f"the object store refuses: {short_reason(error)}", where=where)
    return None


def _unreachable(error: BaseException, waited: float, where: str) -> Unreachable:
    return Unreachable(
        f"the object store did not answer for {waited:.0f} s: {short_reason(error)}",
        where=where,
        remedy="see that it runs and can be reached from here (AWS_ENDPOINT_URL), then "
        "`halocast resume`; what was committed is safe",
    )
