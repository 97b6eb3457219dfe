"""Submitting a run to SLURM, with what a person wants to see before and after."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from halocast.config import RunSettings
from halocast.slurm.request import Request
from halocast.slurm.script import script_text
from halocast.slurm.submit import prepare_existing, prepare_new, submit, write_script


def submit_new(
    console: Console, request: Request, settings: RunSettings, output: Path, dry_run: bool
) -> None:
    """Make a run's folder and send its first job; a dry run only shows the script."""
    if not dry_run:
        with console.status("checking the run file, and making the run's folder"):
            prepare_new(settings, output)
    _show_and_send(console, request, settings.name, output, dry_run)


def submit_existing(console: Console, request: Request, directory: Path, dry_run: bool) -> None:
    """Send a job that goes on with a run; a dry run only shows the script."""
    name = prepare_existing(directory).name
    _show_and_send(console, request, name, directory, dry_run)


def _show_and_send(
    console: Console, request: Request, name: str, directory: Path, dry_run: bool
) -> None:
    text = script_text(request, name, directory.absolute())
    if console.is_terminal:
        console.print(Syntax(text, "bash", background_color="default"))
    else:
        print(text)
    if dry_run:
        return
    script = write_script(text, directory)
    job = submit(script)
    console.print(f"Job [bold]{job}[/] is in the queue. The script: {script}", soft_wrap=True)
    console.print(f"Its log: {script.parent / f'{job}.log'}", soft_wrap=True)
    console.print(f"To stop the run: [bold]halocast stop {directory}[/]", soft_wrap=True)
