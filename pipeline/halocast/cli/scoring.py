"""The scoreboard, with what a person wants to see meanwhile."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_COLUMNS = ("score", "documented", "within", "spread", "seconds")


def make_boards(
    console: Console, output: Path, only: str | None, quick: bool, seeds: int | None,
    cycles: int | None, workers: int,
) -> None:  # fmt: skip
    """Run the boards, show them and write their page."""
    from halocast.laboratory.board import load_boards, run_boards, write_boards
    from halocast.laboratory.board.page import lines_of, summarise, words_of

    boards = load_boards(only)
    output.mkdir(parents=True, exist_ok=True)
    runs = []
    total = sum(seeds or row.seeds or b.seeds for b in boards for row in b.rows)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    ) as bar:  # fmt: skip
        task = bar.add_task("trials", total=total)
        for run in run_boards(
            boards, output, quick=quick, seeds=seeds, cycles=cycles, workers=workers
        ):
            runs.append(run)
            bar.advance(task)
            if run.error:
                console.print(f"[red]{run.board}, {run.row}, seed {run.seed}[/] failed:")
                console.print(run.error, markup=False)
    lines = lines_of(boards, runs)
    for board in boards:
        shown = Table(title=board.title, title_justify="left", box=SIMPLE_HEAD)
        shown.add_column("method")
        for column in _COLUMNS:
            shown.add_column(column, justify="right")
        for words in (words_of(line) for line in lines if line.board == board.name):
            shown.add_row(words["method"], *(words.get(column, "") for column in _COLUMNS))
        console.print(shown)
    found = summarise(lines)
    if found.documented:
        console.print(
            f"{found.within} of {found.documented} documented rows are within 10 % or better."
        )
    console.print(f"The scoreboard: [bold]{write_boards(output, boards, runs)}[/]")
