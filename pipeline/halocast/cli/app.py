"""The command line: words in, one function call, words out.

Heavy imports happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from halocast.cli.logs import LogFormat
from halocast.cli.ranks import join, stored_kind, together
from halocast.errors import ConfigError, HalocastError
from halocast.slurm.request import Backend, Request

app = typer.Typer(
    name="halocast",
    help="Ensemble data assimilation for the ocean: the same answer on any cluster.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

RunFile = Annotated[
    str, typer.Argument(help="Run file, or the name of a packaged one", show_default=False)
]
Directory = Annotated[str, typer.Argument(help="Folder or URL of a run", show_default=False)]
EngineName = Annotated[
    str | None, typer.Option("--engine", help="serial, dask or mpi; default as in the run file")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Local Dask workers")]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="Address or scheduler file of a running Dask cluster"),
]
Output = Annotated[
    str | None, typer.Option("--output", help="Folder to make for the run; a path or a URL")
]
Log = Annotated[
    LogFormat, typer.Option("--log-format", help="text, or json: one object a line for machines")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Override a key of the run file; repeatable"),
]


def main() -> None:
    """Run the command line; mistakes of the user end with a message, not a traceback."""
    with together(sys.argv[1:]):
        try:
            app()
        except HalocastError as error:
            Console(stderr=True, highlight=False).print(f"[bold red]halocast:[/] {_plain(error)}")
            sys.exit(2)


def _plain(error: HalocastError) -> str:
    from rich.markup import escape

    return escape(str(error))


def _settings(
    run_file: str,
    overrides: list[str] | None,
    engine: str | None,
    workers: int | None,
    scheduler: str | None,
):
    from halocast.config import find_run_file, read_settings

    sets = _engine_overrides(engine, workers, scheduler)
    return read_settings(find_run_file(run_file), [*(overrides or []), *sets])


def _engine_overrides(engine: str | None, workers: int | None, scheduler: str | None) -> list[str]:
    """Turn the engine's options into overrides of the run file."""
    if scheduler:
        engine = engine or "dask"
    given = {"kind": engine, "workers": workers, "scheduler": scheduler}
    return [f"engine.{key}={value}" for key, value in given.items() if value is not None]


@app.command()
def demo(
    output: Annotated[str, typer.Option(help="Folder to make")] = "halocast-demo",
    engine: EngineName = None,
    workers: Workers = None,
) -> None:
    """A day of the North Atlantic, from product files to maps, in about two minutes.

    Example:  [bold]halocast demo[/]
    """
    from halocast.cli.running import run_and_show

    settings = _settings("natl-demo", None, engine, workers, None)
    join(settings.engine.kind)
    run_and_show(console, settings, output)
    from halocast.report import write_report

    page = write_report(output)
    console.print(f"\nThe report, with maps:  [bold]{page}[/]")
    console.print(f"In Python:              halocast.open_run({str(output)!r})")


@app.command()
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


@app.command()
def catalog() -> None:
    """List the catalog entries that can be ingested.

    Example:  [bold]halocast catalog[/]
    """
    from halocast.cli.ingesting import show_catalog

    show_catalog(console)


@app.command()
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

    settings = _settings(run_file, overrides, None, workers, None)
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


@app.command()
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

    settings = _settings(run_file, overrides, engine, workers, scheduler)
    join(settings.engine.kind)
    run_and_show(console, settings, output or str(Path("runs") / settings.name), log_format)


@app.command()
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

    sets = [*(overrides or []), *_engine_overrides(engine, workers, scheduler)]
    join(stored_kind(directory, sets))
    resume_and_show(console, directory, sets, accept_changes, log_format)


@app.command()
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
    settings = _settings(run, overrides, None, None, None)
    folder = require_local(output or Path("runs") / settings.name)
    submit_new(console, request, settings, folder, dry_run)


@app.command()
def stop(directory: Directory) -> None:
    """Stop a run after the cycle that is under way, with a checkpoint; from anywhere.

    Example:  [bold]halocast stop runs/lg[/]
    """
    from halocast.cli.running import stop_and_show

    stop_and_show(console, directory)


@app.command()
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


@app.command()
def report(directory: Directory) -> None:
    """Draw the report of a run: DIR/report.html, one file without a network.

    Example:  [bold]halocast report runs/lg[/]
    """
    from halocast.report import write_report

    console.print(f"The report: [bold]{write_report(directory)}[/]")


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="Folder or URL of a run", show_default=False)],
    second: Annotated[str, typer.Argument(help="Of another", show_default=False)],
) -> None:
    """Compare two runs bit by bit: exit 0 when identical, 1 with the first difference.

    Example:  [bold]halocast compare runs/serial runs/dask[/]
    """
    from halocast.stores.compare import compare_runs

    difference = compare_runs(first, second)
    if difference is None:
        print("bitwise identical")
        return
    print(difference)
    raise typer.Exit(1)


@app.command()
def sweep(
    run_file: RunFile,
    vary: Annotated[
        list[str],
        typer.Option("--vary", metavar="A.B=1,2,3", help="A key and its values; repeatable"),
    ],
    output: Annotated[str, typer.Option("--output", help="Folder to make or to continue")],
    overrides: Overrides = None,
    score: Annotated[
        str | None,
        typer.Option("--score", help="What is judged, e.g. analysis:truth:ssh"),
    ] = None,
    engine: EngineName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    keep_runs: Annotated[bool, typer.Option("--keep-runs", help="Keep every run's folder")] = False,
) -> None:
    """Run every combination of some keys' values, and map what each scores.

    Example:  [bold]halocast sweep linear-gaussian --vary filter.halo=1.5,2.5,4
    --vary "filter.block=[1, 1],[2, 3],[4, 4]" --output sweeps/halo[/]
    """
    from halocast.cli.comparing import sweep_and_show
    from halocast.stores.places import require_local

    kind = engine or ("dask" if scheduler or workers else "serial")
    join(kind)
    sweep_and_show(
        console, run_file, vary, overrides or [], score, (kind, workers, scheduler),
        require_local(output), keep_runs,
    )  # fmt: skip


@app.command()
def scoreboard(
    output: Annotated[
        str, typer.Option("--output", help="Folder to make or to continue")
    ] = "scoreboard",
    only: Annotated[
        str | None, typer.Option("--only", help="Boards whose name contains this")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few cycles of everything")] = False,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Trials of a row")] = None,
    cycles: Annotated[
        int | None, typer.Option("--cycles", min=1, help="Scored cycles of a trial")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes")] = 1,
) -> None:
    """Try every method on the field's problems, beside documented numbers.

    Example:  [bold]halocast scoreboard --only lorenz63 --quick --output board[/]
    """
    from halocast.cli.scoring import make_boards
    from halocast.stores.places import require_local

    make_boards(console, require_local(output), only, quick, seeds, cycles, workers)


@app.command()
def tables(
    output: Annotated[
        str, typer.Option("--output", help="Folder to make or to continue")
    ] = "tables",
    quick: Annotated[bool, typer.Option("--quick", help="A few cycles of everything")] = False,
    only: Annotated[str | None, typer.Option("--only", help="One experiment")] = None,
    cycles: Annotated[int | None, typer.Option("--cycles", min=1, help="Cycles of a run")] = None,
    engine: EngineName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Run the paper's experiments and write our figures beside the published ones.

    Example:  [bold]halocast tables --quick --output tables-quick[/]
    """
    from halocast.cli.comparing import make_tables
    from halocast.stores.places import require_local

    kind = engine or ("dask" if scheduler or workers else "serial")
    join(kind)
    make_tables(console, require_local(output), quick, only, cycles, (kind, workers, scheduler))


@app.command()
def average(
    directories: Annotated[list[str], typer.Argument(help="Folders of runs", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Tidy rows as JSON")] = False,
) -> None:
    """Average the estimates of independent runs on the same data, and score the mean.

    Example:  [bold]halocast average runs/lg-1 runs/lg-2 runs/lg-3 runs/lg-4[/]
    """
    from halocast.cli.comparing import average_and_show

    average_and_show(console, directories, as_json)


@app.command()
def experiments() -> None:
    """List the packaged run files, which `run` and `check` take by name.

    Example:  [bold]halocast experiments[/]
    """
    from rich.table import Table

    from halocast.config import packaged_runs, read_settings

    table = Table(box=None, padding=(0, 2))
    for column in ("name", "members", "cycles", "what it is"):
        table.add_column(column)
    for name, path in packaged_runs().items():
        settings = read_settings(path)
        table.add_row(
            name,
            str(settings.ensemble.members),
            str(settings.time.cycles),
            settings.description.strip(),
        )
    console.print(table)
