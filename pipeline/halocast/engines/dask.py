"""The Dask engine: tasks on a cluster of one-threaded workers, local or anywhere.

A cycle is one graph of a few tasks a worker; its results stay on the workers. Each place is tied,
loosely, to a worker: when that worker is gone, Dask takes another and computes what was lost again.
Tasks are pure and write whole chunks, so doing one twice changes nothing.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dask
from dask.delayed import delayed
from distributed import Client, LocalCluster, as_completed, futures_of
from distributed.scheduler import KilledWorker

from halocast.errors import RunError

CONNECT_SECONDS = 20

# one thread a worker: kernels are serial, parallelism is between tasks
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


class DaskEngine:
    """Runs tasks on a Dask cluster.

    Parameters
    ----------
    workers
        Number of local worker processes (one per core when None). Without effect on a cluster that
        exists already: its workers are used.
    scheduler
        Address of a running scheduler (``tcp://host:8786``), or the path of its scheduler file.
    dashboard
        Address the local cluster's dashboard listens at; None for none.
    """

    name = "dask"
    lookahead = 1
    recomputes = True

    def __init__(
        self,
        workers: int | None = None,
        scheduler: str | None = None,
        dashboard: str | None = "127.0.0.1:0",
    ) -> None:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        self._cluster = None if scheduler else _local_cluster(workers, dashboard)
        self._client = _connect(self._cluster, scheduler)
        self._client.wait_for_workers(1, timeout=60)
        self._run = uuid.uuid4().hex[:12]
        self._addresses = sorted(self._client.scheduler_info(n_workers=-1)["workers"])
        self.places = len(self._addresses)

    @property
    def dashboard(self) -> str:
        """Where a browser sees the cluster at work; empty if it has no dashboard."""
        return self._client.dashboard_link or ""

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
        """Add ``task(*args)`` to the graph."""
        worker = self._addresses[place % self.places]
        with dask.annotate(workers=[worker], allow_other_workers=True):
            return delayed(task, pure=False, traverse=False)(
                *args, dask_key_name=f"{name}-{self._run}"
            )

    def start(self, handles: Sequence[Any]) -> list[Any]:
        """Send the graph behind ``handles`` to the scheduler."""
        return list(self._client.persist(list(handles), optimize_graph=False))

    def value(self, handle: Any) -> Any:
        """Wait for a result and fetch it."""
        try:
            return futures_of(handle)[0].result()
        except KilledWorker as error:
            raise RunError(
                f"the workers that tried a task died, several times: {error}",
                remedy="most often memory: `halocast check` prices it; use more workers or fewer "
                "members a worker, then `halocast resume`",
            ) from error

    def each(self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Run every item's task wherever a worker is free."""
        futures = [self._client.submit(task, *item, pure=False) for item in items]
        for future in as_completed(futures):
            yield future.result()

    def close(self) -> None:
        """Leave the cluster, and end it if it is this engine's own."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _local_cluster(workers: int | None, dashboard: str | None) -> LocalCluster:
    return LocalCluster(
        n_workers=workers or len(os.sched_getaffinity(0)),
        threads_per_worker=1,
        processes=True,
        dashboard_address=dashboard,
        env=_ONE_THREAD,
        preload="halocast.engines.apart",
        silence_logs=logging.ERROR,
    )


def _connect(cluster: LocalCluster | None, scheduler: str | None) -> Client:
    if cluster is not None:
        return Client(cluster)
    assert scheduler is not None
    try:
        if Path(scheduler).is_file():
            return Client(scheduler_file=scheduler, timeout=CONNECT_SECONDS)
        return Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise RunError(
            f"no Dask scheduler answers: {error}",
            where=scheduler,
            remedy="give the address (tcp://host:port) or the scheduler file of a running cluster",
        ) from error
