"""A real hub on loopback, with two people, a Dask scheduler and a run they can read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = ("jupyterhub", "jupyterlab", "sudospawner", "dask_labextension", "jupyter_server_proxy")
PROGRAMS = ("sudo", "visudo", "useradd", "openssl", "node", "configurable-http-proxy")
PASSWORDS = {"alice": "a reef of corals 1", "bob": "the kuroshio bends 2"}


@dataclass(frozen=True)
class Served:
    """A hub under test."""

    machine: object
    scheduler: str
    dashboard_port: int
    run: Path


def _require() -> None:
    if os.geteuid() != 0:
        pytest.skip("making accounts for the hub's users needs root")
    for package in PACKAGES:
        pytest.importorskip(package, reason=f"{package} is not installed (extra 'hub')")
    for program in PROGRAMS:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def machine():
    """A machine prepared for a hub that is not running yet; alice and bob have accounts."""
    _require()
    from hub_machine import HubMachine

    made = HubMachine(Path(tempfile.mkdtemp(prefix="halocast-hub-")), f"hc{os.getpid()}")
    try:
        made.set_up()
        made.write_accounts(PASSWORDS)
        done = made.apply_accounts()
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def served(machine):
    """The hub, running."""
    from distributed import LocalCluster
    from halocast.config import find_run_file, read_settings
    from halocast.engines import SerialEngine
    from halocast.runs import carry_out, create_run

    run = machine.folder / "runs" / "lg"
    create_run(read_settings(find_run_file("linear-gaussian"), ["time.cycles=2"]), run)
    carry_out(run, SerialEngine())
    subprocess.run(["chmod", "-R", "a+rX", run.parent], check=True)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:  # fmt: skip
        machine.start({"DASK_SCHEDULER_ADDRESS": cluster.scheduler_address})
        port = cluster.scheduler.http_server.port
        yield Served(machine, cluster.scheduler_address, port, run)


@pytest.fixture(scope="session")
def passwords():
    return PASSWORDS
