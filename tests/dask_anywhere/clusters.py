"""Dask clusters made by hand, as on a machine where somebody else starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from halocast.engines.dask_cluster import ONE_THREAD

PATIENCE = 120  # s, on a busy machine


class Cluster:
    """A scheduler, known by its file, and workers; each a process."""

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / "scheduler.json")
        self.workers: list[subprocess.Popen] = []
        self._folder = folder
        self._log = open(folder / "cluster.log", "w")  # noqa: SIM115 - closed by `close`
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard")

    def add_worker(self, *options: str) -> subprocess.Popen:
        """Start one worker of one thread, without a nanny that would start it again."""
        more = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30")
        worker = self._start("worker", *more, "--local-directory", str(self._folder), *options)
        self.workers.append(worker)
        return worker

    def _start(self, what: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}"]
        return subprocess.Popen(
            [*command, "--scheduler-file", self.file, *options],
            stdout=self._log, stderr=self._log, env={**os.environ, **ONE_THREAD},
        )  # fmt: skip

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(timeout=30)
        self._log.close()


@contextmanager
def running_cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Run a cluster while the block lasts."""
    cluster = Cluster(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.close()


def wait_for(done: Callable[[], Any], what: str) -> None:
    """Wait until something is true."""
    last = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < last, f"still not: {what}"
        time.sleep(0.1)
