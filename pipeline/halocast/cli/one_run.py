"""The commands of one run, from product files to its report.

Heavy imports happen inside them, so that ``--help`` is quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from halocast.cli.logs import LogFormat
from halocast.cli.options import (
    Directory,
    EngineName,
    Log,
    Output,
    Overrides,
    RunFile,
    Scheduler,
    Workers,
    console,
    engine_overrides,
    settings_of,
)
from halocast.cli.ranks import join, stored_kind
from halocast.errors import ConfigError
from halocast.slurm.request import Backend, Request


def demo(
    output: Annotated[str, typer.Option(help="Folder to make")] = "halocast-demo",
    engine: EngineName = None,
    workers: Workers = None,
) -> None:
    """A day of the North Atlantic, from product files to maps, in about two minutes.

    Example:  [bold]halocast demo[/]
    """
    from halocast.cli.running import run_and_show

    settings = settings_of("natl-demo", None, engine, workers, None)
    join(settings.engine.kind)
    run_and_show(console, settings, output)
    from halocast.report import write_report

    page = write_report(output)
    console.print(f"\nThe report, with maps:  [bold]{page}[/]")
    console.print(f"In Python:              halocast.open_run({str(output)!r})")


def ingest(
    entries: Annotated[list[str], typer.Argument(help="Catalog entries", show_default=False)],
    into: Annotated[
        str, typer.Option("--into", help="Data store to make or add to; a path or a URL")
    ],
    run_file: Annotated[
        str | None, typer.Option("--run", help="Run file that gives the grid and the period")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Start of the period, UTC")] = None,
    stop: Annotated[str | None, typer.Option(help="End of the period, UTC")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="For the catalog entries"),
    ] = None,
    downloads: Annotated[Path, typer.Option(help="Where fetched files are kept")] = Path(
        "downloads"
    ),
) -> None:
    """Read product files through the catalogs into a data store.

    Example:  [bold]halocast ingest bathymetry_local hycom_local --into natl.zarr --run run.yaml -p
    path=files[/]
    """
    from halocast.cli.ingesting import ingest_and_show

    ingest_and_show(console, entries, into, run_file, start, stop, parameter, downloads)


def catalog() -> None:
    """List the catalog entries that can be ingested.

    Example:  [bold]halocast catalog[/]
    """
    from halocast.cli.ingesting import show_catalog

    show_catalog(console)


def check(
    run_file: RunFile,
    overrides: Overrides = None,
    workers: Workers = None,
    simulate_workers: Annotated[
        str | None,
        typer.Option(
            metavar="N,M,…", help="Simulate the run on so many workers, and say what limits"
        ),
    ] = None,
    bandwidth: Annotated[
        float, typer.Option(help="Of a simulated worker's network, GB/s each way")
    ] = 1.25,
    latency: Annotated[float, typer.Option(help="Of the simulated network, ms")] = 0.2,
    storage: Annotated[
        float, typer.Option(help="What all simulated workers can write together, GB/s")
    ] = 1.0,
) -> None:
    """Find every mistake in a run file before anything runs, and price the run.

    Example:  [bold]halocast check run.yaml --simulate-workers 16,64,256,1024[/]
    """
    from halocast.check import check_run, price_run

    settings = settings_of(run_file, overrides, None, workers, None)
    problems = check_run(settings)
    if problems:
        noun = "mistake" if len(problems) == 1 else "mistakes"
        console.print(f"[bold red]{len(problems)} {noun}:[/]")
        for problem in problems:
            console.print(f"  - {problem}", markup=False)
        raise typer.Exit(2)
    console.print("[bold green]The run file is sound.[/] What the run will cost:")
    console.print(price_run(settings).table())
    if simulate_workers:
        from halocast.cli.foreseeing import simulate_and_show

        simulate_and_show(console, settings, simulate_workers, bandwidth, latency, storage)


def run(
    run_file: RunFile,
    engine: EngineName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    output: Output = None,
    overrides: Overrides = None,
    log_format: Log = LogFormat.TEXT,
) -> None:
    """Carry out a run; its folder holds everything. Exit code 75: stopped, and can be resumed.

    Example:  [bold]halocast run linear-gaussian --engine dask --workers 2 --output runs/lg[/]
    """
    from halocast.cli.running import run_and_show

    settings = settings_of(run_file, overrides, engine, workers, scheduler)
    join(settings.engine.kind)
    run_and_show(console, settings, output or str(Path("runs") / settings.name), log_format)


def resume(
    directory: Directory,
    engine: EngineName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    overrides: Overrides = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Go on with another configuration")
    ] = False,
    log_format: Log = LogFormat.TEXT,
) -> None:
    """Continue a run that was stopped, from its newest checkpoint.

    Example:  [bold]halocast resume runs/lg[/]
    """
    from halocast.cli.running import resume_and_show

    sets = [*(overrides or []), *engine_overrides(engine, workers, scheduler)]
    join(stored_kind(directory, sets))
    resume_and_show(console, directory, sets, accept_changes, log_format)


def submit(
    run: Annotated[
        str, typer.Argument(help="Run file, or the folder of a run to go on", show_default=False)
    ],
    backend: Annotated[
        Backend, typer.Option("--backend", help="How the run uses its allocation")
    ] = Backend.MPI,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Nodes")] = 1,
    tasks_per_node: Annotated[
        int, typer.Option("--ntasks-per-node", min=1, help="Ranks or workers on a node")
    ] = 1,
    time: Annotated[str, typer.Option("--time", help="Wall time of a job")] = "01:00:00",
    partition: Annotated[str | None, typer.Option("--partition")] = None,
    account: Annotated[str | None, typer.Option("--account")] = None,
    output: Output = None,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the script")] = False,
) -> None:
    """Send a run to SLURM; jobs follow each other until it is done.

    Example:  [bold]halocast submit run.yaml --nodes 4 --ntasks-per-node 16 --time 08:00:00[/]
    """
    from halocast.cli.submitting import submit_existing, submit_new
    from halocast.stores.places import require_local

    request = Request(backend, nodes, tasks_per_node, time, partition, account)
    if Path(run).is_dir():
        if output or overrides:
            raise ConfigError(
                "--output and --set are for a new run", where=run,
                remedy="change settings with `halocast resume --accept-changes`",
            )  # fmt: skip
        submit_existing(console, request, Path(run), dry_run)
        return
    settings = settings_of(run, overrides, None, None, None)
    folder = require_local(output or Path("runs") / settings.name)
    submit_new(console, request, settings, folder, dry_run)


def stop(directory: Directory) -> None:
    """Stop a run after the cycle that is under way, with a checkpoint; from anywhere.

    Example:  [bold]halocast stop runs/lg[/]
    """
    from halocast.cli.running import stop_and_show

    stop_and_show(console, directory)


def scores(
    directory: Directory,
    as_json: Annotated[bool, typer.Option("--json", help="Tidy rows as JSON")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="The layers below the surface too")
    ] = False,
) -> None:
    """Show the scores of a run, means over its cycles.

    Example:  [bold]halocast scores runs/lg --json[/]
    """
    if as_json:
        from halocast.diagnostics import to_json
        from halocast.runs import run_scores

        print(to_json(run_scores(directory)))
        return
    from halocast.cli.running import show_scores

    show_scores(console, directory, everything=everything)


def states(
    directory: Directory,
    output: Annotated[Path, typer.Option("--output", help="File to write, .npy")],
    days: Annotated[
        float | None,
        typer.Option("--days", help="Window of a run of one member: its mean is taken off, ±60"),
    ] = None,
) -> None:
    """Write a run's free members as static states, for enoi and the hybrid filters.

    Example:  [bold]halocast states runs/lg --output states.npy[/]
    """
    from halocast.static_anomalies import write_static_anomalies

    found = write_static_anomalies(directory, output, days)
    few = "" if len(found) >= 100 else "; 100 to 150 are usual, a long run has them"
    console.print(f"{len(found)} static states{few}: [bold]{output}[/]  (filter.static)")


def report(directory: Directory) -> None:
    """Draw the report of a run: DIR/report.html, one file without a network.

    Example:  [bold]halocast report runs/lg[/]
    """
    from halocast.report import write_report

    console.print(f"The report: [bold]{write_report(directory)}[/]")
