"""What the tests of SLURM share: a cluster's handle, and how small runs are sent."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from halocast.slurm.ledger import entries
from linear_runs import LINEAR

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm" / "one-host-cluster.sh"
PATIENCE = 240  # s a job may take on a busy machine


class Slurm:
    """A running cluster."""

    def jobs(self) -> str:
        """What is in the queue."""
        return self.ask("squeue", "-h", "-o", "%i %T %j")

    def ask(self, *command: str) -> str:
        """Run one of SLURM's commands."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.strip()

    def wait_empty(self, *folders: Path) -> None:
        """Wait until no job is in the queue; show the logs of the runs when that takes too long."""
        self.wait(lambda: not self.jobs(), *folders)

    def wait(self, done: Callable[[], Any], *folders: Path) -> None:
        """Wait for something to be true."""
        last = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > last:
                pytest.fail(f"still waiting; in the queue:\n{self.jobs()}\n" + logs(*folders))
            time.sleep(0.25)


def logs(*folders: Path) -> str:
    """Return what the jobs of some runs have printed."""
    found = [path for folder in folders for path in sorted(folder.glob("jobs/*.log"))]
    return "\n".join(f"--- {path}\n{path.read_text(encoding='utf-8')[-4000:]}" for path in found)


def events(directory: Path) -> list[str]:
    """Return what happened to the jobs of a run, in order."""
    return [entry["event"] for entry in entries(directory)]


def submit(*words: str) -> str:
    """Call `halocast submit` and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "halocast", "submit", *words],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def overrides(*more: str) -> list[str]:
    """Return the small run's overrides, and more, as options."""
    return [word for text in (*LINEAR, *more) for word in ("--set", text)]
