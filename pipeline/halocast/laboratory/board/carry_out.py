"""Running boards: a trial a row and seed, in as many processes as are wanted.

A trial's draws are its seed's, and it runs on one thread, so how many processes there are changes
nothing. Each trial is kept as a file that says what it is of; one that is there is not run again.
"""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from halocast.errors import HalocastError
from halocast.laboratory.board.boards import Board, BoardRow
from halocast.laboratory.board.scores import TrialScore, score_trial
from halocast.laboratory.registry import build
from halocast.laboratory.trial import run_trial


class BoardRun(NamedTuple):
    """A row's trial: its score, or the error that ended it."""

    board: str
    row: str
    seed: int
    score: TrialScore | None
    error: str = ""


class _Work(NamedTuple):
    board: Board
    row: BoardRow
    seed: int
    cycles: int
    file: Path


def run_boards(
    boards: Sequence[Board],
    folder: Path,
    *,
    quick: bool = False,
    seeds: int | None = None,
    cycles: int | None = None,
    workers: int = 1,
) -> Iterator[BoardRun]:
    """Run every row of every board; yields trials as they end.

    Parameters
    ----------
    boards
        What is run.
    folder
        Where trials are kept.
    quick
        The boards' few cycles instead of their own number.
    seeds, cycles
        Seeds and scored cycles instead of the boards' and rows' own numbers.
    workers
        Processes; 1 is this one.
    """
    work = list(_all_work(boards, folder, quick, seeds, cycles))
    if workers == 1:
        yield from map(_carry_out, work)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures: list[Future[BoardRun]] = [pool.submit(_carry_out, w) for w in work]
        for future in as_completed(futures):
            yield future.result()


def _all_work(
    boards: Sequence[Board], folder: Path, quick: bool, seeds: int | None, cycles: int | None
) -> Iterator[_Work]:
    for board in boards:
        for row in board.rows:
            count = cycles or (board.quick_cycles if quick else row.cycles or board.cycles)
            for seed in range(1, (seeds or row.seeds or board.seeds) + 1):
                file = folder / "trials" / board.name / f"{_slug(row.name)}-{seed}.json"
                yield _Work(board, row, seed, count, file)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _carry_out(work: _Work) -> BoardRun:
    board, row, seed = work.board, work.row, work.seed
    known = _known(work)
    if known is not None:
        return BoardRun(board.name, row.name, seed, known)
    try:
        score = _try(work)
    except Exception as problem:  # a row's mistake is told in its place, the others go on
        ours = isinstance(problem, HalocastError)
        said = str(problem) if ours else f"{type(problem).__name__}: {problem}"
        return BoardRun(board.name, row.name, seed, None, said)
    work.file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"of": _identity(work), "score": score._asdict()}, indent=1)
    work.file.write_text(text, encoding="utf-8")
    return BoardRun(board.name, row.name, seed, score)


def _try(work: _Work) -> TrialScore:
    problem = work.board.make()
    method = build(work.row.entry, problem)
    burn_in = min(problem.burn_in, work.cycles)
    return score_trial(run_trial(problem, method, work.seed, burn_in + work.cycles), work.seed)


def _identity(work: _Work) -> dict[str, Any]:
    """What a trial is of: two that agree in it are the same."""
    return {
        "problem": work.board.problem, "options": work.board.options,
        "method": work.row.entry.model_dump(mode="json"), "seed": work.seed, "cycles": work.cycles,
    }  # fmt: skip


def _known(work: _Work) -> TrialScore | None:
    if not work.file.exists():
        return None
    found = json.loads(work.file.read_text(encoding="utf-8"))
    if found["of"] != json.loads(json.dumps(_identity(work))):
        return None
    return TrialScore(**found["score"])
