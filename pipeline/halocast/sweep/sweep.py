"""Carrying out a sweep: every combination is one run and one task.

A combination runs on the serial engine inside its task, so tasks are independent and a cluster is
busy with as many combinations as it has threads. Twin data are made once and shared. What a
combination scored is written when it is done; a sweep that was stopped goes on with the others.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from halocast.config import RunSettings, validate_settings
from halocast.engines import Engine, SerialEngine
from halocast.errors import HalocastError
from halocast.runs import carry_out, create_run, run_scores
from halocast.sweep.combinations import Combination
from halocast.sweep.outcome import Outcome
from halocast.twins.sharing import shared_twin


def sweep(
    combinations: Sequence[Combination],
    folder: Path,
    engine: Engine,
    *,
    keep_runs: bool = False,
    watch: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run every combination that has not been yet; return all outcomes in their order.

    Parameters
    ----------
    combinations
        What to run, see `halocast.sweep.combine`.
    folder
        Where outcomes, twin data and (while they run) runs are; all workers must see it.
    engine
        Where combinations run, each as one task.
    keep_runs
        Keep the runs' folders.
    watch
        Called with each outcome as it comes in.
    """
    folder = folder.absolute()
    (folder / "outcomes").mkdir(parents=True, exist_ok=True)
    waiting = []
    for combination in combinations:
        if not _outcome_file(folder, combination).exists():
            twin = shared_twin(combination.settings, folder)
            waiting.append((str(folder), combination.name, combination.values,
                            combination.settings.model_dump(mode="json"),
                            str(twin or ""), keep_runs))  # fmt: skip
    for outcome in engine.each(run_combination, waiting):
        if watch is not None:
            watch(outcome)
    return [_read(_outcome_file(folder, c)) for c in combinations]


def run_combination(
    folder: str, name: str, values: dict[str, Any], tree: dict[str, Any], twin: str, keep: bool
) -> Outcome:
    """Run one combination and note what it scored; a failure is an outcome too."""
    directory, began = Path(folder) / "runs" / name, time.perf_counter()
    shutil.rmtree(directory, ignore_errors=True)
    rows, error = [], ""
    try:
        settings: RunSettings = validate_settings(tree)
        create_run(settings, directory, twin or None)
        carry_out(directory, SerialEngine())
        rows = run_scores(directory)
    except (HalocastError, ArithmeticError, ValueError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    outcome = Outcome(values, rows, time.perf_counter() - began, error)
    path = Path(folder) / "outcomes" / f"{name}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(outcome._asdict()), encoding="utf-8")
    partial.replace(path)
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def _outcome_file(folder: Path, combination: Combination) -> Path:
    return folder / "outcomes" / f"{combination.name}.json"


def _read(path: Path) -> Outcome:
    return Outcome(**json.loads(path.read_text(encoding="utf-8")))
