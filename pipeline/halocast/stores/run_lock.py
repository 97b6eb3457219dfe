"""One process at a time drives a run: the lock in its folder.

The lock is a file ``lock/000003.json`` that says who holds it: host, process, since when. The one
with the highest number counts. To take the lock is to make the file of the next number, which must
not exist: of all who try at once one succeeds, on a disk and in an object store alike. The holder
touches its file every ``BEAT`` seconds, and removes it at the end.

A holder that died is found out and its lock taken over: on the same machine at once, because there
is no such process any more; on another one when its file has not been touched for ``LEASE``
seconds, by the clock of the place itself. A holder that was only thought dead (its machine slept)
finds its file gone, and ends. It can do no harm meanwhile: records of cycles are made only where
there are none (commits.py), and what two processes compute of a cycle is the same to the bit.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from halocast.errors import RunError, StoreError
from halocast.stores.place import Place, Unreachable
from halocast.stores.places import locate
from halocast.stores.run_store import LOCK

log = logging.getLogger(__name__)

BEAT = 10.0
LEASE = 120.0

_ours: set[str] = set()  # tokens of the locks that this process holds


class RunLock:
    """The lock of the run in a folder, held between ``with`` and the end of its block.

    Raises
    ------
    RunError
        Another process that lives holds it.
    """

    def __init__(self, directory: str | Path | Place) -> None:
        self._run = locate(directory)
        self._place = self._run / LOCK
        self._key = ""
        me = _me()
        self._token, self._text = me["token"], json.dumps(me).encode()
        self._lost = ""
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="run-lock", daemon=True)

    def __enter__(self) -> RunLock:
        _ours.add(self._token)  # before others of this process can see it
        try:
            self._take()
        except BaseException:
            _ours.discard(self._token)
            raise
        self._beats.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        _ours.discard(self._token)
        self._beats.join(timeout=1.0)  # it may be waiting for the store
        if self._lost or (kind is not None and issubclass(kind, Unreachable)):
            return
        with suppress(OSError, StoreError):  # a lock that stays is one of a dead process
            self._place.remove(self._key)
            self._place.remove_if_empty()

    def require(self) -> None:
        """Raise RunError if another process has taken the lock over."""
        if self._lost:
            raise RunError(
                f"another process drives this run now: {self._lost}",
                where=str(self._run),
                remedy="this process was taken for dead, and ends; nothing is lost",
            )

    def _take(self) -> None:
        while True:
            numbers = _numbers(self._place)
            if numbers:
                self._require_dead(_name(numbers[-1]))
            self._key = _name(numbers[-1] + 1 if numbers else 1)
            if self._create():
                break
        if self._place.create(self._key, b"{}"):
            raise StoreError(
                "this store makes objects anew where there is one already, although it was asked "
                "not to; two processes could not be kept apart",
                where=str(self._run),
                remedy="use a store that knows conditional puts (If-None-Match), or a folder",
            )
        for number in numbers:
            self._place.remove(_name(number))

    def _create(self) -> bool:
        try:
            self._place.make_folder()
            return self._place.create(self._key, self._text)
        except FileNotFoundError:  # another process has let go, and removed the folder
            return False
        except OSError as error:
            raise StoreError(
                f"could not lock the run: {error.strerror or error}",
                where=str(self._place),
                remedy="make room, or see whether you may write there",
            ) from error

    def _require_dead(self, key: str) -> None:
        """Return when the holder of a lock is dead or has let go; raise RunError if it lives."""
        try:
            seen = self._place.version(key)
            holder = _read(self._place, key)
        except FileNotFoundError:
            return
        if holder.get("machine") == _machine():
            if _is_alive(holder):
                raise self._held(holder, self._place.age(key))
            log.warning("%s is dead; its lock is taken over", _describe(holder))
            return
        self._watch(key, holder, seen)

    def _watch(self, key: str, holder: dict[str, Any], seen: Any) -> None:
        """Wait until a holder on another machine shows life, or has been silent for too long."""
        try:
            age = self._place.age(key)
            if age < LEASE:
                log.warning(
                    "%s drove this run %.0f s ago; waiting up to %.0f s to see whether it lives",
                    _describe(holder), age, LEASE - age,
                )  # fmt: skip
            while age < LEASE:
                time.sleep(min(BEAT / 5, LEASE - age))
                if self._place.version(key) != seen:
                    raise self._held(holder, 0.0)
                age = self._place.age(key)
        except FileNotFoundError:
            return
        log.warning("%s has been silent for %.0f s; its lock is taken over", _describe(holder), age)

    def _held(self, holder: dict[str, Any], age: float) -> RunError:
        return RunError(
            f"another process drives this run: {_describe(holder)}, since "
            f"{holder.get('since', 'an unknown time')}, last seen {max(age, 0):.0f} s ago",
            where=str(self._run),
            remedy=f"let it go on, or stop it: `halocast stop {self._run}`",
        )

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(BEAT):
            try:
                if self._place.read(self._key) != self._text:
                    self._lost = "its lock is another's"
                    return
                self._place.touch(self._key)
                last = time.monotonic()
            except FileNotFoundError:
                self._lost = self._successor()
                return
            except (OSError, StoreError) as error:
                if time.monotonic() - last > LEASE:
                    self._lost = f"or may, for the lock could not be kept: {error}"
                    return

    def _successor(self) -> str:
        numbers = _numbers(self._place)
        return _describe(_read(self._place, _name(numbers[-1]))) if numbers else "it let go since"


def _name(number: int) -> str:
    return f"{number:06d}.json"


def _numbers(place: Place) -> list[int]:
    names = (name.removesuffix(".json") for name in place.names() if name.endswith(".json"))
    return sorted(int(name) for name in names if name.isdecimal())


def _read(place: Place, key: str) -> dict[str, Any]:
    """Return what a lock says; nothing where it cannot be read."""
    try:
        holder = json.loads(place.read(key))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _describe(holder: dict[str, Any]) -> str:
    return f"process {holder.get('pid', '?')} on {holder.get('host', 'an unknown host')}"


def _me() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "began": _began(os.getpid()),
        "token": uuid4().hex,
    }


def _machine() -> str:
    """Name where process numbers mean the same: this boot of this machine, this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return socket.gethostname()


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether a process of this machine is still the one it was, and holds its lock."""
    pid = holder["pid"]
    if pid == os.getpid():  # this one, or another that had its number
        return holder.get("token") in _ours
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _began(pid) == holder["began"]


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the boot; numbers are used again."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = status.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
