"""Running and resuming, with what a person wants to see meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from halocast.config import RunSettings, validate_settings
from halocast.config import override as override_tree
from halocast.diagnostics import table
from halocast.engines import make_engine
from halocast.runs import carry_out, change_settings, create_run, run_scores, stored_settings
from halocast.stores.run_store import RunStore


def run_and_show(console: Console, settings: RunSettings, output: Path) -> None:
    """Create a run in a folder, carry it out, and show its scores."""
    if settings.data.twin is not None:
        text = "making the synthetic data: nature run, product files, ingest"
        with console.status(f"{text} (the first time, kernels are compiled too)"):
            create_run(settings, output)
        account = output / "ingest.txt"
        if account.is_file():
            console.print("[bold]Ingested through the catalogs[/]")
            console.print(account.read_text(encoding="utf-8"), markup=False)
    else:
        create_run(settings, output)
    _carry_out_and_show(console, settings, output)


def resume_and_show(
    console: Console, directory: Path, overrides: Iterable[str], accept_changes: bool
) -> None:
    """Continue a run and show its scores."""
    settings = stored_settings(directory)
    overrides = list(overrides)
    if overrides:
        tree = settings.model_dump(mode="json")
        for text in overrides:
            override_tree(tree, text)
        changed = validate_settings(tree, where=str(directory))
        change_settings(directory, changed, accept_changes=accept_changes)
        settings = changed
    store = RunStore.open(directory)
    if store.committed() == settings.time.cycles:
        console.print("The run is complete; nothing to do.")
        return
    console.print(
        f"{store.committed()} of {settings.time.cycles} cycles are committed; going on after the "
        f"checkpoint of cycle {store.last_checkpoint()}."
    )
    store.discard_partial_files()
    _carry_out_and_show(console, settings, directory)


def _carry_out_and_show(console: Console, settings: RunSettings, directory: Path) -> None:
    choice = settings.engine
    began = time.perf_counter()
    engine = make_engine(choice.kind, choice.workers, choice.scheduler)
    try:
        dashboard = getattr(engine, "dashboard", "")
        console.print(
            f"Engine: {engine.name}, {engine.places} place(s)"
            + (f"; the dashboard is at [bold]{dashboard}[/]" if dashboard else "")
        )
        with _bar(console) as bar:
            task = bar.add_task(settings.name, total=settings.time.cycles)
            carry_out(
                directory,
                engine,
                groups=choice.groups,
                watch=lambda p: bar.update(task, completed=p.cycle),
            )
    finally:
        engine.close()
    show_scores(console, directory, everything=False)
    console.print(
        f"{settings.time.cycles} cycles in {time.perf_counter() - began:.0f} s; "
        f"everything is in [bold]{directory}[/]"
    )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cycles"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def show_scores(console: Console, directory: Path, *, everything: bool) -> None:
    """Print the scores; of the surface only, unless everything is wanted."""
    rows = run_scores(directory)
    surface = [row for row in rows if not row["variable"][-1].isdigit()]
    console.print(table(rows if everything else surface))
    if not everything and len(surface) < len(rows):
        console.print(f"The layers below: halocast scores {directory} --all")
