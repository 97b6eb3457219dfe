"""The clusters the Dask engine runs on: workers of its own, or a scheduler that is already there.

However a cluster came about (``dask scheduler`` and ``dask worker``, dask-mpi, dask-jobqueue,
dask-gateway, Kubernetes), it is met by the address or the file of its scheduler, and its workers
are asked who they are before anything is given to them.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster, Worker
from distributed.system import MEMORY_LIMIT

from halocast.engines.dask_rescue import Rescue
from halocast.errors import RunError

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20
FILE_SECONDS = 60
WORKERS_SECONDS = 120

# one thread a worker: kernels are serial, parallelism is between tasks
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}

# what must be the same everywhere for the bits to be
_SAME = ("halocast", "numpy", "numba", "scipy", "zarr")


def local_cluster(workers: int | None, dashboard: str | None) -> LocalCluster:
    """Start workers on this machine, one a core when None; they share its memory evenly."""
    count = workers or len(os.sched_getaffinity(0))
    return LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        memory_limit=MEMORY_LIMIT // count,
        dashboard_address=dashboard,
        env=ONE_THREAD,
        preload="halocast.engines.apart",
        silence_logs=logging.ERROR,
    )


def connect(scheduler: str) -> Client:
    """Connect to a running scheduler.

    Parameters
    ----------
    scheduler
        Its address (``tcp://host:8786``), or the path of its scheduler file, which may appear
        within `FILE_SECONDS`.

    Raises
    ------
    RunError
        Nobody answers.
    """
    try:
        if scheduler.endswith(".json") or Path(scheduler).is_file():
            _await_file(Path(scheduler))
            return client_of(scheduler_file=scheduler, timeout=CONNECT_SECONDS)
        return client_of(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise RunError(
            f"no Dask scheduler answers: {error}",
            where=scheduler,
            remedy="give the address (tcp://host:port) or the scheduler file of a running cluster; "
            "or --set engine.scheduler=null for workers on this machine",
        ) from error


def client_of(address: Any = None, **options: Any) -> Client:
    """Return a client that nobody else's computations go to.

    A default client changes Dask's settings, and gives them back in good order only if clients are
    closed in the reverse order of their making.
    """
    return Client(address, set_as_default=False, **options)


def _await_file(path: Path) -> None:
    last = time.monotonic() + FILE_SECONDS
    while not (path.is_file() and path.stat().st_size):
        if time.monotonic() > last:
            raise FileNotFoundError(f"no scheduler file has appeared in {FILE_SECONDS} s")
        time.sleep(0.1)


def await_workers(client: Client, count: int, seconds: float | None) -> None:
    """Wait until so many workers have come; without end when ``seconds`` is None.

    Raises
    ------
    RunError
        They have not come in time.
    """
    try:
        client.wait_for_workers(count, timeout=seconds)
    except TimeoutError as error:
        come = len(addresses(client))
        raise RunError(
            f"{come} of {count} Dask workers have come in {seconds:g} s",
            where=name_of(client),
            remedy="see why the others do not start, or lower engine.workers",
        ) from error


def name_of(client: Client) -> str:
    """Return the address of a client's scheduler, for messages."""
    return str(client.scheduler.address) if client.scheduler else ""


def addresses(client: Client) -> list[str]:
    """Return the addresses of all workers there are, sorted."""
    return sorted(client.scheduler_info(n_workers=-1)["workers"])


def prepare_scheduler(client: Client) -> None:
    """Teach the scheduler to go on when all workers are gone and others come.

    Raises
    ------
    RunError
        The scheduler's process has no halocast.
    """
    try:
        client.register_plugin(Rescue())
    except Exception as error:  # whatever a scheduler answers that cannot import the plugin
        raise RunError(
            f"the Dask scheduler cannot run halocast: {type(error).__name__}: {error}",
            where=name_of(client),
            remedy="start the scheduler in the workers' environment",
        ) from error


def introduce(dask_worker: Worker) -> dict[str, str]:
    """Say what a worker runs, and with how many threads; called on it."""
    found = {package: version(package) for package in _SAME}
    return {**found, "python": sys.version.split()[0], "threads": str(dask_worker.state.nthreads)}


def check_workers(client: Client) -> None:
    """Ask every worker what it runs; a cluster of other versions gives other bits.

    Raises
    ------
    RunError
        A worker has no halocast, or other versions than this process.
    """
    try:
        answers = client.run(introduce)
    except Exception as error:  # whatever a worker answers that cannot import the question
        raise RunError(
            f"the Dask workers cannot run halocast: {type(error).__name__}: {error}",
            where=name_of(client),
            remedy="install the same halocast in the workers' environment",
        ) from error
    here = {package: version(package) for package in _SAME}
    here["python"] = sys.version.split()[0]
    for address, answer in sorted(answers.items()):
        other = [f"{p} {answer[p]} (here {v})" for p, v in here.items() if answer[p] != v]
        if other:
            raise RunError(
                f"a Dask worker runs other versions: {', '.join(other)}",
                where=address,
                remedy="install the same versions everywhere: results are the same to the bit on "
                "one software stack only",
            )
    threaded = sum(answer["threads"] != "1" for answer in answers.values())
    if threaded:
        log.warning(
            f"{threaded} Dask workers have more than one thread; `dask worker --nthreads 1` with "
            "more workers is quicker"
        )
