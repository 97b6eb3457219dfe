"""Ingesting and listing the catalogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from halocast.catalog import entries
from halocast.config import SphereGrid, find_run_file, read_settings
from halocast.errors import ConfigError
from halocast.ingest import Domain, ingest


def ingest_and_show(
    console: Console,
    names: Sequence[str],
    into: str,
    run_file: str | None,
    start: str | None,
    stop: str | None,
    parameters: Sequence[str] | None,
    downloads: Path,
) -> None:
    """Ingest entries and print the account of each."""
    domain = None
    if run_file is not None:
        settings = read_settings(find_run_file(run_file))
        domain = _domain(settings.grid, getattr(settings.model, "minimum_depth", 200.0))
        start = start or str(settings.time.at(0))
        stop = stop or str(settings.time.at(settings.time.cycles))
    given = {}
    for text in parameters or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--parameter {text!r} is not of the form name=value")
        given[name] = value
    reports = ingest(
        names, into, domain=domain, start=start, stop=stop, parameters=given, downloads=downloads
    )
    for report in reports:
        console.print(str(report), markup=False)


def _domain(grid: object, minimum_depth: float) -> Domain:
    if not isinstance(grid, SphereGrid):
        raise ConfigError(
            "the run file's grid is not on the sphere, so there is nothing to ingest for it",
            where="grid.kind",
        )
    return Domain(
        south=grid.lat[0], north=grid.lat[1], ny=grid.lat[2],
        west=grid.lon[0], east=grid.lon[1], nx=grid.lon[2],
        minimum_depth=minimum_depth,
    )  # fmt: skip


def show_catalog(console: Console) -> None:
    """List the entries, with what of them was exercised."""
    table = Table(box=None, padding=(0, 2))
    for column in ("entry", "kind", "access", "exercised", "what it is"):
        table.add_column(column)
    for entry in entries():
        table.add_row(
            entry.name, entry.kind, entry.access, "yes" if entry.exercised else "no",
            entry.description,
        )  # fmt: skip
    console.print(table)
