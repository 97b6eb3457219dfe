"""Launching programs on ranks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"

Launcher = Callable[..., subprocess.Popen]


def _mpirun() -> str:
    """The launcher of the library that mpi4py finds: an environment's own is found first."""
    own = Path(sys.prefix, "bin", "mpirun")
    found = str(own) if own.exists() else shutil.which("mpirun")
    if not found:
        pytest.skip("no mpirun: pip install 'halocast[mpi-local]', or load an MPI module")
    return found


@pytest.fixture(scope="session")
def launch() -> Iterator[Launcher]:
    """Start a command on some ranks; what still runs at the end is ended."""
    started: list[subprocess.Popen] = []
    mpirun = _mpirun()

    def run(ranks: int, *command: object) -> subprocess.Popen:
        words = [mpirun, "-n", str(ranks), sys.executable, *map(str, command)]
        started.append(
            subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                start_new_session=True, env={**os.environ, **OPEN_MPI},
            )
        )  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# more ranks than cores, perhaps as root in a container: Open MPI wants to be told
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


@pytest.fixture(scope="session")
def on_ranks(launch: Launcher) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command on some ranks to its end."""

    def run(ranks: int, *command: object) -> subprocess.CompletedProcess[str]:
        process = launch(ranks, *command)
        out, err = process.communicate(timeout=400)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the programs that run on ranks."""
    return PROGRAMS
