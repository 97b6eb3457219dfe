"""Sweeps, replicates and tables, with what a person wants to see meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from halocast.config import find_run_file
from halocast.diagnostics import table, to_json
from halocast.diagnostics.summary import number
from halocast.engines import make_engine
from halocast.errors import ConfigError
from halocast.stores.places import require_local
from halocast.sweep import Outcome, Score, combine, parse_vary, sweep, write_outcomes
from halocast.sweep.chart import write_chart
from halocast.sweep.outcome import default_score, require_score

_SHOWN = 12


def sweep_and_show(
    console: Console, run_file: str, vary: Sequence[str], overrides: Sequence[str],
    score_text: str | None, engine_choice: tuple[str, int | None, str | None], output: Path,
    keep_runs: bool,
) -> None:  # fmt: skip
    """Run a sweep, show its best combinations, and draw it."""
    output = require_local(output)
    score = Score.parse(score_text) if score_text else None
    varied = dict(parse_vary(text) for text in vary)
    if len(varied) < len(vary):
        raise ConfigError("a key is varied twice", remedy="give all its values in one --vary")
    combinations = combine(find_run_file(run_file), varied, overrides)
    engine = make_engine(*engine_choice)
    try:
        with _bar(console) as bar:
            task = bar.add_task("combinations", total=len(combinations))
            outcomes = sweep(
                combinations, output, engine, keep_runs=keep_runs,
                watch=lambda _: bar.advance(task),
            )  # fmt: skip
            bar.update(task, completed=len(combinations))
    finally:
        engine.close()
    write_outcomes(output, outcomes)
    score = score or default_score(outcomes)
    require_score(outcomes, score)
    _show_outcomes(console, outcomes, score)
    if write_chart(output / "sweep.png", outcomes, score):
        console.print(f"The picture: [bold]{output / 'sweep.png'}[/]")
    console.print(f"All scores:  [bold]{output / 'results.csv'}[/], results.json")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip


def _show_outcomes(console: Console, outcomes: Sequence[Outcome], score: Score) -> None:
    shown = Table(
        title=f"{score.what} against {score.against}, {score.variable}; best first",
        title_justify="left", box=SIMPLE_HEAD,
    )  # fmt: skip
    for column in (*outcomes[0].values, "rmse", "spread", "seconds"):
        shown.add_column(column, justify="right")
    done = sorted((o for o in outcomes if not o.error), key=lambda o: o.value(score))
    for o in done[:_SHOWN]:
        shown.add_row(
            *map(str, o.values.values()), number(o.value(score)), number(o.value(score, "spread")),
            f"{o.seconds:.1f}",
        )  # fmt: skip
    console.print(shown)
    failed = [o for o in outcomes if o.error]
    if failed:
        console.print(f"[bold red]{len(failed)} failed[/], for instance {failed[0].values}:")
        console.print(failed[0].error, markup=False)


def average_and_show(console: Console, directories: Sequence[str | Path], as_json: bool) -> None:
    """Show the scores of the mean of several runs' estimates."""
    from halocast.replicates import average_scores

    rows = average_scores(directories)
    if as_json:
        print(to_json(rows))
        return
    console.print(table(rows, title=f"Scores of the mean of {len(directories)} runs"))


def make_tables(
    console: Console, output: Path, quick: bool, only: str | None, cycles: int | None,
    engine_choice: tuple[str, int | None, str | None],
) -> None:  # fmt: skip
    """Run the cases of the tables and write their page."""
    from halocast.tables import load_cases, run_cases, write_tables

    output = require_local(output)
    cases = load_cases(only)
    output.mkdir(parents=True, exist_ok=True)
    engine = make_engine(*engine_choice)
    results = []
    try:
        with _bar(console) as bar:
            task = bar.add_task("rows", total=sum(len(c.rows) for c in cases))
            for result in run_cases(cases, output.absolute(), engine, quick=quick, cycles=cycles):
                results.append(result)
                bar.advance(task)
                if result.error:
                    console.print(f"[red]{result.case}, {result.method}[/] failed:")
                    console.print(result.error, markup=False)
    finally:
        engine.close()
    console.print(f"The tables: [bold]{write_tables(output, cases, results)}[/]")
