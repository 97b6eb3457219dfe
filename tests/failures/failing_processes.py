"""Processes that carry a run on, and die where they are told to.

A fork server imports halocast once; each process is then a fork of it, ready within a few ms and
killed for good. Nothing of a process is left when `finished` returns.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from halocast.cycle.stopping import stop_signals
from halocast.engines import SerialEngine
from halocast.errors import RunStopped, StoreError
from halocast.runs import carry_out
from halocast.stores.run_store import RunStore

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["halocast.runs", "halocast.engines"])

STORE_ERROR = 3

# what is done once or more before a process dies: in the third cycle or at the second checkpoint
TASKS = {
    "prepare": 3,
    "forecast": 3,
    "halo-blocks": 3,
    "commit-fields": 3,
    "commit-record": 3,
    "checkpoint": 2,
}
WRITES = {"write_checkpoint": 13, "commit": 3, "prune_checkpoints": 2}


def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start a process that calls a function of this module."""
    process = _FORKS.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def finished(process: BaseProcess, seconds: float = 120) -> int:
    """Wait for a process and return its exit code, minus the signal it died of."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"a process was still at work after {seconds} s")
    return process.exitcode


def carry_on(directory: Path) -> None:
    """Carry a run on to its end."""
    carry_out(directory, SerialEngine())


def start_until_signal(directory: Path) -> tuple[BaseProcess, Any]:
    """Start a process that stops at a signal; and what is set when it has committed a cycle."""
    reached = _FORKS.Event()
    return start(carry_on_until_signal, directory, reached), reached


def carry_on_until_signal(directory: Path, reached: Any) -> None:
    """Carry a run on as the command line does; says when a cycle is committed."""
    with stop_signals() as stop:
        try:
            carry_out(directory, SerialEngine(), watch=lambda _: reached.set(), stop=stop)
        except RunStopped:
            raise SystemExit(75) from None


def carry_on_with_small_files(directory: Path, largest: int) -> None:
    """Carry a run on where no file may be larger than some bytes; exit code 3 where it says so."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    try:
        carry_out(directory, SerialEngine())
    except StoreError as error:
        (directory.parent / "said.txt").write_text(str(error)[: largest - 1])
        raise SystemExit(STORE_ERROR) from None


class DyingEngine(SerialEngine):
    """Dies after the ``time``-th task whose name begins with a word."""

    def __init__(self, word: str, time: int) -> None:
        self._word, self._left = word, time

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
        """Run a task now, perhaps the last one."""
        result = super().submit(name, task, *args, place=place)
        self._left -= name.startswith(self._word + "-")
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def die_after_task(directory: Path, word: str) -> None:
    """Carry a run on; die after some task of a kind."""
    carry_out(directory, DyingEngine(word, TASKS[word]))


def die_after_write(directory: Path, name: str) -> None:
    """Carry a run on; die after some call of a method of the run's store."""
    method, left = getattr(RunStore, name), WRITES[name]

    def dying(*arguments: Any, **keywords: Any) -> Any:
        nonlocal left
        result = method(*arguments, **keywords)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(RunStore, name, dying)
    carry_out(directory, SerialEngine())


def die_at_rename(directory: Path, number: int) -> None:
    """Carry a run on; die before the ``number``-th file gets its name (none at number 0).

    Files are written under another name first, so these are the moments a file comes to be.
    """
    count = 0

    def counted(rename: Callable[..., None]) -> Callable[..., None]:
        def renaming(*arguments: Any, **keywords: Any) -> None:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(*arguments, **keywords)

        return renaming

    for name in ("replace", "rename", "link"):
        setattr(os, name, counted(getattr(os, name)))
    carry_out(directory, SerialEngine())
    (directory.parent / "renames.txt").write_text(str(count))
