"""Following a run: one log line a cycle, how long it will take, and a bar on a terminal."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from halocast.cli.logs import CYCLE, FAILED
from halocast.config import RunSettings
from halocast.cycle import driver
from halocast.engines import Engine
from halocast.errors import HalocastError, RunStopped

log = logging.getLogger(__name__)

_RECENT = 20  # cycles the pace is taken from


class Pace:
    """How long a cycle takes of late. The first one, which compiles, counts only at first."""

    def __init__(self, began: float) -> None:
        self._began, self._before = began, began
        self._ends: deque[float] = deque(maxlen=_RECENT + 1)

    def cycle(self, now: float) -> float:
        """Note the end of a cycle; returns how long it took, s."""
        took, self._before = now - self._before, now
        self._ends.append(now)
        return took

    def left(self, cycles: int) -> float:
        """Estimate how long some more cycles will take, s."""
        if len(self._ends) < 2:
            return cycles * (self._before - self._began)
        return cycles * (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)


@contextmanager
def following(
    console: Console, settings: RunSettings, engine: Engine, directory: str | Path, first: int
) -> Iterator[Callable[[driver.Progress], None]]:
    """Say how a run begins, goes on and ends; gives what is to be called with every cycle.

    Parameters
    ----------
    console
        Shows a bar if it is a terminal.
    settings, engine, directory
        The run.
    first
        The cycle it goes on after.
    """
    pace = Pace(time.perf_counter())
    _say_begin(settings, engine, directory, first)
    with _bar(console) as bar:
        task = bar.add_task(settings.name, total=settings.time.cycles, completed=first)

        def watch(progress: driver.Progress) -> None:
            took = pace.cycle(time.perf_counter())
            _say_cycle(progress, took, pace.left(progress.cycles - progress.cycle))
            bar.update(task, completed=progress.cycle)

        try:
            yield watch
        except RunStopped as stopped:
            _say("stopped", str(stopped), {"directory": str(directory)}, logging.WARNING)
            raise
    _say("done", f"all {settings.time.cycles} cycles are committed", {"directory": str(directory)})


@contextmanager
def saying_failure() -> Iterator[None]:
    """Say to machines how a command fails; people are told by the command line."""
    try:
        yield
    except HalocastError as error:
        data = {"error": type(error).__name__, "where": error.where, "remedy": error.remedy}
        _say(FAILED, error.what, data, logging.ERROR)
        raise


def _say(event: str, text: str, data: dict[str, Any], level: int = logging.INFO) -> None:
    log.log(level, text, extra={"event": event, "data": data})


def _say_begin(settings: RunSettings, engine: Engine, directory: str | Path, first: int) -> None:
    dashboard = getattr(engine, "dashboard", "")
    data = {
        "name": settings.name,
        "directory": str(directory),
        "engine": engine.name,
        "places": engine.places,
        "dashboard": dashboard,
        "cycles": settings.time.cycles,
        "first": first + 1,
    }
    noun = "place" if engine.places == 1 else "places"
    where = f"; the dashboard is at {dashboard}" if dashboard else ""
    _say("begin", f"engine {engine.name}, {engine.places} {noun}{where}", data)


def _say_cycle(progress: driver.Progress, took: float, left: float) -> None:
    """Say what a cycle did: when, what was assimilated, how long, what failed, and what is left."""
    summary = progress.summary
    done_at = datetime.now().astimezone() + timedelta(seconds=left)
    data = {
        "cycle": progress.cycle,
        "cycles": progress.cycles,
        "valid": summary["time"],
        **{key: value for key, value in summary.items() if key != "time"},
        "checkpoint": bool(summary.get("checkpoint")),
        "seconds": round(took, 3),
        "seconds_left": round(left, 1),
        "done_at": done_at.isoformat(timespec="seconds"),
    }
    for entry in summary.get("failures", ()):
        _say("member", _failure_text(entry), {"cycle": progress.cycle, **entry}, logging.WARNING)
    _say(CYCLE, _cycle_text(progress, took, left, done_at), data)


def _cycle_text(progress: driver.Progress, took: float, left: float, done_at: datetime) -> str:
    summary = progress.summary
    valid = summary["time"].replace("T", " ").removesuffix(":00")
    withheld = f", {summary['withheld']:,} withheld" if summary["withheld"] else ""
    parts = [
        f"cycle {progress.cycle} of {progress.cycles}, {valid}: "
        f"{summary['assimilated']:,} observations assimilated{withheld}",
        f"{took:.2f} s" if took < 10 else f"{took:.0f} s",
    ]
    if summary.get("checkpoint"):
        parts.append("checkpoint")
    if progress.cycle < progress.cycles:
        parts.append(f"{span(left)} to go, done at {done_at:%H:%M}")
    return "; ".join(parts)


def _failure_text(entry: dict[str, Any]) -> str:
    done = f"replaced by member {entry['donor']}" if "donor" in entry else entry["done"]
    where = f" ({entry['where']})" if entry["where"] else ""
    return f"member {entry['member']} of the {entry['track']} was {done}: {entry['what']}{where}"


def span(seconds: float) -> str:
    """Write a length of time as 0:07, 12:30 or 3:05:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cycles"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
