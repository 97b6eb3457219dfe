"""The commands that hold many runs against each other.

Heavy imports happen inside them, so that ``--help`` is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from halocast.cli.options import EngineName, Overrides, RunFile, Scheduler, Workers, console
from halocast.cli.ranks import join


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


def average(
    directories: Annotated[list[str], typer.Argument(help="Folders of runs", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Tidy rows as JSON")] = False,
) -> None:
    """Average the estimates of independent runs on the same data, and score the mean.

    Example:  [bold]halocast average runs/lg-1 runs/lg-2 runs/lg-3 runs/lg-4[/]
    """
    from halocast.cli.comparing import average_and_show

    average_and_show(console, directories, as_json)


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
