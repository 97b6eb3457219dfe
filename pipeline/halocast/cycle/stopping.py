"""Stopping a run between two cycles, with a checkpoint, so that nothing is computed twice.

A run stops by a request in its folder (``halocast stop``, from anywhere that sees the folder) or
by a signal to the process that drives it: SIGTERM, SIGINT or SIGUSR1, which schedulers send before
they kill. The driver looks after each cycle, when the cycle's numbers are there and before they
are committed: the cycle then becomes a checkpoint. A second signal ends the process at once; no
committed cycle is lost by that either.

A request is for the process that runs now: whoever begins to run the folder removes an old one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from halocast.stores.places import locate

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
STOPPED = 75  # exit code of a run that can be resumed: sysexits.h, EX_TEMPFAIL

_REQUEST = "stop"


def request_stop(directory: str | Path) -> None:
    """Ask the process that runs a folder to stop after the cycle that is under way."""
    locate(directory).write(_REQUEST, b"")


def stop_requested(directory: str | Path) -> bool:
    """Whether a folder's run was asked to stop."""
    return locate(directory).exists(_REQUEST)


def withdraw_stop(directory: str | Path) -> None:
    """Take a request back."""
    locate(directory).remove(_REQUEST)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn the first stop signal into a wish; gives the function that tells whether there is one.

    The second ends the process with SystemExit and the code a shell gives to a death by signal.
    Outside the main thread, where Python has no signals, nothing changes.
    """
    wished: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        if wished:
            raise SystemExit(128 + number)
        wished.append(number)
        # a handler may interrupt a print, so it must not print
        name = signal.Signals(number).name
        os.write(2, f"{name}: stopping after this cycle; once more stops at once\n".encode())

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = [signal.signal(number, receive) for number in SIGNALS]
    try:
        yield lambda: bool(wished)
    finally:
        for number, handler in zip(SIGNALS, before):
            signal.signal(number, handler)
