"""Talking to sbatch; its mistakes become messages that say what to do."""

from __future__ import annotations

import subprocess
from pathlib import Path

from halocast.errors import RunError


def send(script: Path) -> int:
    """Put a batch script into the queue; returns the number of its job.

    Raises
    ------
    RunError
        There is no SLURM here, or it does not take the job.
    """
    answer = _sbatch(["--parsable", str(script)], None, str(script))
    return int(answer.partition(";")[0])  # a cluster's name may follow


def try_out(script: str) -> None:
    """Let SLURM look at the text of a batch script without queueing it; RunError as of `send`."""
    _sbatch(["--test-only"], script, "")


def _sbatch(arguments: list[str], text: str | None, where: str) -> str:
    try:
        done = subprocess.run(
            ["sbatch", *arguments], input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise RunError(
            "there is no sbatch here",
            remedy="submit from a login node of a SLURM cluster; --dry-run shows the script",
        ) from error
    if done.returncode:
        raise RunError(
            "SLURM does not take the job: " + " ".join(done.stderr.split()),
            where=where,
            remedy="see `sinfo` and `sacctmgr show assoc`, and give --partition, --account, "
            "--time or --nodes to suit",
        )
    return done.stdout.strip()
