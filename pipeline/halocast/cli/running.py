"""Running, resuming and stopping, with what a person wants to see meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

import typer
from rich.console import Console

from halocast.cli.following import following, saying_failure
from halocast.cli.logs import LogFormat, start_logging
from halocast.config import RunSettings, validate_settings
from halocast.config import override as override_tree
from halocast.cycle.stopping import STOPPED, request_stop, stop_signals
from halocast.cycle.traffic import log_traffic
from halocast.diagnostics import table
from halocast.diagnostics.desroziers import consistency_table
from halocast.engines import make_engine
from halocast.errors import RunStopped
from halocast.runs import (
    carry_out,
    change_settings,
    create_run,
    run_consistency,
    run_scores,
    stored_settings,
)
from halocast.stores.places import locate
from halocast.stores.run_store import RunStore

log = logging.getLogger(__name__)


@saying_failure()
def run_and_show(
    console: Console,
    settings: RunSettings,
    output: str | Path,
    log_format: LogFormat = LogFormat.TEXT,
) -> None:
    """Create a run in a folder, carry it out, and show its scores."""
    start_logging(console, log_format)
    if settings.data.twin is not None:
        text = "making the synthetic data: nature run, product files, ingest"
        log.info(text, extra={"event": "making data"})
        with console.status("the first time, kernels are compiled too"):
            create_run(settings, output)
        place = locate(output)
        if place.exists("ingest.txt"):
            console.print("[bold]Ingested through the catalogs[/]")
            console.print(place.read("ingest.txt").decode(), markup=False)
    else:
        create_run(settings, output)
    _carry_out_and_show(console, settings, output)


@saying_failure()
def resume_and_show(
    console: Console,
    directory: str | Path,
    overrides: Iterable[str],
    accept_changes: bool,
    log_format: LogFormat = LogFormat.TEXT,
) -> None:
    """Continue a run and show its scores."""
    start_logging(console, log_format)
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
        log.info("The run is complete; nothing to do.", extra={"event": "done"})
        return
    log.info(
        f"{store.committed()} of {settings.time.cycles} cycles are committed; going on after the "
        f"checkpoint of cycle {store.last_checkpoint()}."
    )
    _carry_out_and_show(console, settings, directory)


def _carry_out_and_show(console: Console, settings: RunSettings, directory: str | Path) -> None:
    """Carry a run out; a run that was stopped ends the command with exit code 75."""
    choice = settings.engine
    began = time.perf_counter()
    first = RunStore.open(directory).last_checkpoint()
    with stop_signals() as stop:
        engine = make_engine(choice.kind, choice.workers, choice.scheduler, choice.slurm)
        try:
            with following(console, settings, engine, directory, first) as watch:
                carry_out(directory, engine, groups=choice.groups, watch=watch, stop=stop)
            log_traffic(directory, engine)
        except RunStopped as stopped:
            raise typer.Exit(STOPPED) from stopped
        finally:
            engine.close()
    show_scores(console, directory, everything=False)
    console.print(
        f"{settings.time.cycles} cycles in {time.perf_counter() - began:.0f} s; "
        f"everything is in [bold]{directory}[/]"
    )


def stop_and_show(console: Console, directory: str | Path) -> None:
    """Ask the process that runs a folder to stop."""
    settings, store = stored_settings(directory), RunStore.open(directory)
    if store.committed() == settings.time.cycles:
        console.print("The run is complete; nothing to stop.")
        return
    request_stop(directory)
    console.print(
        "The run stops after the cycle that is under way, with a checkpoint. To go on: "
        f"[bold]halocast resume {directory}[/]"
    )


def show_scores(console: Console, directory: str | Path, *, everything: bool) -> None:
    """Print the scores; of the surface only, unless everything is wanted."""
    rows = run_scores(directory)
    surface = [row for row in rows if not row["variable"][-1].isdigit()]
    console.print(table(rows if everything else surface))
    if not everything and len(surface) < len(rows):
        console.print(f"The layers below: halocast scores {directory} --all")
    found = run_consistency(directory)
    if found:
        console.print(consistency_table(found))
