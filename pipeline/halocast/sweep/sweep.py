"""Carrying out a sweep: every combination is one run and one task.

A combination runs on the serial engine inside its task, so tasks are independent and a cluster is
busy with as many combinations as it has threads. Twin data are made once and shared. What a
combination scored is written when it is done; a sweep that was stopped goes on with the others.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from halocast.config import validate_settings
from halocast.diagnostics import Row
from halocast.engines import Engine, SerialEngine
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
    """Run every combination that is not done yet; return all outcomes in their order.

    One that failed is run again.

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
        path = _outcome_file(folder, combination)
        if path.exists() and not _read(path).error:
            continue
        try:
            twin = shared_twin(combination.settings, folder)
        except Exception as problem:
            _write(path, Outcome(combination.values, [], 0.0, _words(problem)))
            continue
        tree = combination.settings.model_dump(mode="json")
        waiting.append((str(path), combination.values, tree, str(twin or ""), keep_runs))
    for outcome in engine.each(run_combination, waiting):
        if watch is not None:
            watch(outcome)
    return [_read(_outcome_file(folder, c)) for c in combinations]


def run_combination(
    path: str, values: dict[str, Any], tree: dict[str, Any], twin: str, keep: bool
) -> Outcome:
    """Run one combination and note what it scored in ``path``; a failure is an outcome too."""
    note = Path(path)
    directory, began = note.parents[1] / "runs" / note.stem, time.perf_counter()
    shutil.rmtree(directory, ignore_errors=True)
    rows: list[Row] = []
    error = ""
    try:
        create_run(validate_settings(tree), directory, twin or None)
        carry_out(directory, SerialEngine())
        rows = run_scores(directory)
    except Exception as problem:
        error = _words(problem)
    outcome = Outcome(values, rows, time.perf_counter() - began, error)
    _write(note, outcome)
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def _words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"


def _write(path: Path, outcome: Outcome) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(outcome._asdict()), encoding="utf-8")
    partial.replace(path)


def _outcome_file(folder: Path, combination: Combination) -> Path:
    """Return where an outcome is noted: under its values and a digest of all its settings."""
    text = json.dumps(combination.settings.model_dump(mode="json"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return folder / "outcomes" / f"{combination.name}-{digest}.json"


def _read(path: Path) -> Outcome:
    return Outcome(**json.loads(path.read_text(encoding="utf-8")))
