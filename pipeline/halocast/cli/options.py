"""What the commands share: options, how they lie over a run file, and where words go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from halocast.cli.logs import LogFormat

if TYPE_CHECKING:
    from halocast.config import RunSettings

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


def settings_of(
    run_file: str,
    overrides: list[str] | None,
    engine: str | None,
    workers: int | None,
    scheduler: str | None,
) -> RunSettings:
    """Read a run file with what the command line says over it."""
    from halocast.config import find_run_file, read_settings

    sets = engine_overrides(engine, workers, scheduler)
    return read_settings(find_run_file(run_file), [*(overrides or []), *sets])


def engine_overrides(engine: str | None, workers: int | None, scheduler: str | None) -> list[str]:
    """Turn the engine's options into overrides of the run file."""
    if scheduler:
        engine = engine or "dask"
    given = {"kind": engine, "workers": workers, "scheduler": scheduler}
    return [f"engine.{key}={value}" for key, value in given.items() if value is not None]
