"""What is said while a run goes on: lines a person can read, or objects for machines."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from halocast.cli.following import Pace, span
from halocast.cli.logs import LogFormat
from halocast.cli.running import run_and_show
from halocast.config import RunSettings
from halocast.errors import ModelError
from rich.console import Console

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  cycle (\d+) of 3, 2024-08-01 \d\d:00: [\d,]+ observations "
    r"assimilated, [\d,]+ withheld; \d+\.\d\d s(; checkpoint)?"
    r"(; \d+:\d\d to go, done at \d\d:\d\d)?"
)


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Give the loggers back as they were."""
    logger = logging.getLogger("halocast")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def said(settings: RunSettings, directory: Path, *, terminal: bool) -> str:
    """Run and return what a person sees."""
    console = Console(file=StringIO(), force_terminal=terminal, width=200, color_system=None)
    run_and_show(console, settings, directory)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_person_reads_one_line_a_cycle(linear: Callable, tmp_path: Path) -> None:
    settings = linear("time.cycles=3", "checkpoint.every=2")
    text = said(settings, tmp_path / "run", terminal=False)
    assert "engine serial, 1 place\n" in text
    lines = [match for match in map(LINE.fullmatch, text.splitlines()) if match]
    assert [int(line[1]) for line in lines] == [1, 2, 3]
    assert [bool(line[2]) for line in lines] == [False, True, True]
    assert [bool(line[3]) for line in lines] == [True, True, False]  # nothing to go at the end
    assert "\r" not in text  # no bar


def test_on_a_terminal_a_bar_takes_the_place_of_the_lines(linear: Callable, tmp_path: Path) -> None:
    text = said(linear("time.cycles=3"), tmp_path / "run", terminal=True)
    assert "3/3 cycles" in text
    assert not any(map(LINE.search, text.splitlines()))


def test_a_machine_reads_one_object_a_line(
    linear: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    run_and_show(console, linear("time.cycles=3"), tmp_path / "run", LogFormat.JSON)
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    begin = next(o for o in objects if o["event"] == "begin")
    assert (begin["engine"], begin["places"], begin["cycles"], begin["first"]) == (
        "serial",
        1,
        3,
        1,
    )
    assert "dashboard" in begin
    cycles = [o for o in objects if o["event"] == "cycle"]
    assert [o["cycle"] for o in cycles] == [1, 2, 3]
    assert [o["checkpoint"] for o in cycles] == [False, False, True]
    assert all(o["seconds"] > 0 for o in cycles)
    assert cycles[-1]["seconds_left"] == 0
    assert all(datetime.fromisoformat(o["done_at"]).tzinfo for o in cycles)
    assert [o["event"] for o in objects].count("done") == 1
    assert all({"time", "level", "text"} <= set(o) for o in objects)


def test_a_machine_is_told_how_a_run_failed(
    linear: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = linear("time.cycles=3", "reference=null")
    model = settings.model.model_copy(update={"decay": 1e200, "time_step": 900})
    with pytest.raises(ModelError):
        run_and_show(
            Console(),
            settings.model_copy(update={"model": model}),
            tmp_path / "run",
            LogFormat.JSON,
        )
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["level"], last["error"]) == ("failed", "error", "ModelError")
    assert "not finite" in last["text"]
    assert "field z" in last["where"]
    assert last["remedy"]


def test_the_pace_forgets_the_first_cycle_when_it_knows_others() -> None:
    pace = Pace(100.0)
    assert pace.cycle(130.0) == 30.0  # compiles
    assert pace.left(9) == 270.0
    assert pace.cycle(132.0) == 2.0
    assert pace.left(8) == 16.0
    for now in range(140, 400, 4):
        pace.cycle(float(now))
    assert pace.left(5) == pytest.approx(20.0)  # the last twenty cycles count


def test_lengths_of_time_in_words() -> None:
    assert [span(s) for s in (7.4, 750, 11_100)] == ["0:07", "12:30", "3:05:00"]
