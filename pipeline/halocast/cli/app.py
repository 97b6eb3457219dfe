"""The command line: words in, one function call, words out."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from halocast.cli import many_runs, one_run
from halocast.cli.ranks import together
from halocast.errors import HalocastError

app = typer.Typer(
    name="halocast",
    help="Ensemble data assimilation for the ocean: the same answer on any cluster.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
# as `halocast --help` lists them
COMMANDS = (
    one_run.demo, one_run.ingest, one_run.catalog, one_run.check, one_run.run, one_run.resume,
    one_run.submit, one_run.stop, one_run.scores, one_run.report, one_run.states,
    many_runs.compare, many_runs.sweep, many_runs.scoreboard, many_runs.tables, many_runs.average,
    many_runs.experiments,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)


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
