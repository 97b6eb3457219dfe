"""Running the rows of the tables; what is complete already is not run again."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from halocast.config import RunSettings
from halocast.diagnostics import Row
from halocast.engines import Engine
from halocast.replicates import average_scores
from halocast.runs import carry_out, create_run, run_scores, stored_settings
from halocast.stores.open_run import open_run
from halocast.stores.run_store import RunStore
from halocast.tables.cases import Case, Method, method_settings
from halocast.twins.sharing import shared_twin

_TIMES = "seconds.txt"


class Result(NamedTuple):
    """One row of a table.

    ``analysis_seconds`` is the processor time of the filter's update a cycle, all blocks together;
    ``seconds`` the wall-clock time of everything a cycle: forecast, scores, writing. The first
    cycle, which compiles, does not count.
    ``health`` are means over the blocks that saw observations; ``directory`` is the (first) run's.
    """

    case: str
    method: str
    rows: list[Row]
    members: int
    cycles: int
    seed: int
    analysis_seconds: float
    seconds: float
    health: dict[str, float]
    directory: str = ""
    error: str = ""


def run_cases(
    cases: Sequence[Case],
    folder: Path,
    engine: Engine,
    *,
    quick: bool,
    cycles: int | None = None,
) -> Iterator[Result]:
    """Run every method of every case; yields each row when it is done.

    Parameters
    ----------
    cases
        The tables.
    folder
        Where runs and shared twin data are kept.
    engine
        What every run runs on.
    quick
        The quick form of the cases.
    cycles
        Cycles instead of the case's own number.
    """
    for case in cases:
        for method in case.rows:
            try:
                yield _run_method(case, method, folder, engine, quick, cycles)
            except Exception as problem:
                error = f"{type(problem).__name__}: {problem}"
                yield Result(case.name, method.name, [], 0, 0, 0, np.nan, np.nan, {}, "", error)


def _run_method(
    case: Case, method: Method, folder: Path, engine: Engine, quick: bool, cycles: int | None
) -> Result:
    directories = []
    for replicate in range(method.replicates):
        settings = method_settings(case, method, replicate, quick=quick, cycles=cycles)
        directory = folder / "runs" / case.name / f"{_slug(method.name)}-{replicate + 1}"
        _complete(settings, directory, folder, engine)
        directories.append(directory)
    settings = stored_settings(directories[0])
    rows = run_scores(directories[0])
    if method.replicates > 1:
        rows = average_scores(directories)
    store = RunStore.open(directories[0])
    last = settings.time.cycles
    counted = range(min(2, last), last + 1)
    taken = [store.commit_record(c)["analysis_seconds"] for c in counted]
    wall = float((directories[0] / _TIMES).read_text(encoding="utf-8"))
    return Result(
        case.name, method.name, rows, settings.ensemble.members, settings.time.cycles,
        settings.seed, float(np.median(taken)), wall,
        _health(directories[0]), str(directories[0]),
    )  # fmt: skip


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _complete(settings: RunSettings, directory: Path, folder: Path, engine: Engine) -> None:
    """Carry a run out unless it is complete; one of other settings is made anew."""
    if (directory / _TIMES).exists() and stored_settings(directory) == settings:
        return
    shutil.rmtree(directory, ignore_errors=True)
    create_run(settings, directory, shared_twin(settings, folder))
    times = [time.perf_counter()]
    carry_out(directory, engine, watch=lambda _: times.append(time.perf_counter()))
    first = 1 if len(times) > 2 else 0
    each = (times[-1] - times[first]) / (len(times) - 1 - first)
    (directory / _TIMES).write_text(str(each), encoding="utf-8")


def _health(directory: Path) -> dict[str, float]:
    health = open_run(directory)["health"].to_dataset().compute()
    if "observations" not in health:
        return {}
    busy = health["observations"].values > 0
    found = {}
    for name in health.data_vars:
        values = health[name].values[busy]
        if np.isfinite(values).any():
            found[str(name)] = float(np.nanmean(values))
    return found
