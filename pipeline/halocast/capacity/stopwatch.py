"""What tasks cost, on any engine: every task notes its times and its process's memory in a file.

Processes append whole lines to one file each, so that nobody waits for anybody.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from halocast.engines.base import Engine


class Lap(NamedTuple):
    """One execution of a task.

    Attributes
    ----------
    name
        As submitted.
    start, stop
        Wall clock, s since 1970.
    cpu
        Processor time of the thread that ran it, s.
    pid
        Its process.
    resident, peak
        Memory of the process after it, and the most it ever had, bytes.
    """

    name: str
    start: float
    stop: float
    cpu: float
    pid: int
    resident: int
    peak: int

    @property
    def kind(self) -> str:
        """The name without its numbers: ``forecast``, ``halo-blocks``, …"""
        return self.name.rstrip("-0123456789")


class Timed:
    """An engine whose tasks are timed; everything else is the engine's own.

    Parameters
    ----------
    engine
        What runs the tasks.
    folder
        Where the processes leave their notes; all of them see it.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._engine, self._folder = engine, str(folder)
        self.name, self.places = engine.name, engine.places
        self.lookahead, self.recomputes = engine.lookahead, engine.recomputes

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
        """Plan the task, timed."""
        return self._engine.submit(name, _Stopwatch(self._folder, name, task), *args, place=place)

    def start(self, handles: Sequence[Any]) -> list[Any]:
        """As the engine does."""
        return self._engine.start(handles)

    def value(self, handle: Any) -> Any:
        """As the engine does."""
        return self._engine.value(handle)

    def each(self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """As the engine does; not timed."""
        return self._engine.each(task, items)

    def close(self) -> None:
        """As the engine does."""
        self._engine.close()


@dataclass(frozen=True)
class _Stopwatch:
    folder: str
    name: str
    task: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        start, cpu = time.time(), time.thread_time()
        try:
            return self.task(*args)
        finally:
            used = time.thread_time() - cpu
            lap = Lap(self.name, start, time.time(), used, os.getpid(), _resident(), _peak())
            with open(f"{self.folder}/{lap.pid}.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(lap) + "\n")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def laps_in(folder: Path) -> list[Lap]:
    """Return all notes in a folder, by their start."""
    lines = [
        line
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return sorted((Lap(*json.loads(line)) for line in lines), key=lambda lap: lap.start)


def peak_memory(laps: Iterable[Lap]) -> dict[int, int]:
    """Return the most memory each process ever had, bytes, by its number."""
    peaks: dict[int, int] = {}
    for lap in laps:
        peaks[lap.pid] = max(peaks.get(lap.pid, 0), lap.peak)
    return peaks
