"""The Dask engine: tasks on a cluster of one-threaded workers, local or anywhere.

A cycle is one graph of a few tasks a worker; its results stay on the workers. Each place is tied,
loosely, to a worker: when that worker is gone, Dask takes another and computes what was lost again.
Tasks are pure and write whole chunks, so doing one twice changes nothing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import dask
from dask.delayed import delayed
from distributed import Client, Future, as_completed, futures_of, wait
from distributed.scheduler import KilledWorker

from halocast.engines import dask_cluster
from halocast.errors import RunError

if TYPE_CHECKING:
    from halocast.slurm.pool import SlurmPool

LOOK_SECONDS = 5.0  # between two looks at a cluster that is waited for
ALONE_SECONDS = 300.0  # how long a cluster may be without any worker


class DaskEngine:
    """Runs tasks on a Dask cluster.

    Parameters
    ----------
    workers
        Number of local worker processes, one per core when None. Of a cluster that exists already,
        how many to wait for; when None, those that are there are used.
    scheduler
        Address of a running scheduler (``tcp://host:8786``), or the path of its scheduler file.
    dashboard
        Address the local cluster's dashboard listens at; None for none.
    pool
        Start the workers as SLURM jobs with these settings.
    client
        Use this client's cluster, however it was made (dask-gateway); it is left open.

    Raises
    ------
    RunError
        No scheduler answers, workers do not come, or they run other versions.
    """

    name = "dask"
    lookahead = 1
    recomputes = True

    def __init__(
        self,
        workers: int | None = None,
        scheduler: str | None = None,
        dashboard: str | None = "127.0.0.1:0",
        pool: SlurmPool | None = None,
        client: Client | None = None,
    ) -> None:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        self._own: list[Any] = []  # what this engine closes, in order
        try:
            if client is not None or scheduler is not None:
                self._client = client or self._closing(dask_cluster.connect(str(scheduler)))
                _get_to_know(self._client, workers)
            else:
                cluster = _own_cluster(workers, dashboard, pool)
                self._own.append(cluster)
                self._client = self._closing(dask_cluster.client_of(cluster))
                # without end: jobs may be in the queue for long
                dask_cluster.await_workers(self._client, workers or 1, None)
            dask_cluster.prepare_scheduler(self._client)
        except BaseException:
            self.close()
            raise
        self._token = _new_token()
        self._addresses = dask_cluster.addresses(self._client)
        self.places = len(self._addresses)

    def _closing(self, client: Client) -> Client:
        self._own.insert(0, client)
        return client

    @property
    def dashboard(self) -> str:
        """Where a browser sees the cluster at work; empty if it has no dashboard."""
        return self._client.dashboard_link or ""

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
        """Add ``task(*args)`` to the graph."""
        worker = self._addresses[place % self.places]
        with dask.annotate(workers=[worker], allow_other_workers=True):
            return delayed(task, pure=False, traverse=False)(
                *args, dask_key_name=f"{name}-{self._token}"
            )

    def start(self, handles: Sequence[Any]) -> list[Any]:
        """Send the graph behind ``handles`` to the scheduler."""
        begun = list(self._client.persist(list(handles), optimize_graph=False))
        # a key says once and for all what a result is: the next run on this engine needs others,
        # also where somebody still holds results, or errors, of this one
        self._token = _new_token()
        with suppress(OSError):  # without a scheduler there is no result either: `value` says so
            self._follow_workers()
        return begun

    def _follow_workers(self) -> None:
        """Share the places among the workers there are now; as few as possible move."""
        there = dask_cluster.addresses(self._client)
        if there:
            self._addresses = share_places(self._addresses, there)

    def value(self, handle: Any) -> Any:
        """Wait for a result and fetch it."""
        return self._fetch(futures_of(handle)[0])

    def each(self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Run every item's task wherever a worker is free."""
        name = f"{task.__name__.strip('_').replace('_', '-')}-{_new_token()}"
        futures = [
            self._client.submit(task, *item, key=f"{name}-{number}", pure=False)
            for number, item in enumerate(items)
        ]
        for future in as_completed(futures, loop=self._client.loop):
            yield self._fetch(future)

    def _fetch(self, future: Future) -> Any:
        """Wait for a future as long as somebody works on it, and return its result."""
        try:
            self._await(future)
            return future.result()
        except KilledWorker as error:
            raise RunError(
                f"the workers that tried a task died, several times: {error}",
                remedy="most often memory: `halocast check` prices it; use more workers or fewer "
                "members a worker, then `halocast resume`",
            ) from error
        except (CancelledError, OSError) as error:
            if future.status == "error":
                raise  # the task's own
            raise RunError(
                "the Dask scheduler is gone",
                where=dask_cluster.name_of(self._client),
                remedy="start a cluster again, then `halocast resume`: no committed cycle is lost",
            ) from error

    def _await(self, future: Future) -> None:
        last_seen = monotonic()
        while not future.done():
            try:
                with self._client.as_current():
                    wait(future, timeout=LOOK_SECONDS)
            except TimeoutError:
                if dask_cluster.addresses(self._client):
                    last_seen = monotonic()
                elif monotonic() - last_seen > ALONE_SECONDS:
                    raise RunError(
                        f"no Dask worker is left, for {ALONE_SECONDS:g} s",
                        where=dask_cluster.name_of(self._client),
                        remedy="start workers again, then `halocast resume`: no committed cycle "
                        "is lost",
                    ) from None

    def close(self) -> None:
        """Leave the cluster, and end it if it is this engine's own."""
        for own in self._own:
            own.close()


def _new_token() -> str:
    return uuid.uuid4().hex[:12]


def share_places(places: Sequence[str], there: Sequence[str]) -> list[str]:
    """Give every place a worker that is there, and no worker two places more than another.

    Parameters
    ----------
    places
        The worker of each place so far.
    there
        The workers there are now; at least one.
    """
    most = -(-len(places) // len(there))
    shared: list[str] = []
    homeless = []
    for place, worker in enumerate(places):
        stays = worker in there and shared.count(worker) < most
        shared.append(worker if stays else "")
        if not stays:
            homeless.append(place)
    for place in homeless:
        shared[place] = min(there, key=shared.count)
    return shared


def _own_cluster(workers: int | None, dashboard: str | None, pool: SlurmPool | None) -> Any:
    if pool is None:
        return dask_cluster.local_cluster(workers, dashboard)
    from halocast.slurm.pool import slurm_cluster

    return slurm_cluster(pool, workers or 1)


def _get_to_know(client: Client, workers: int | None) -> None:
    """Wait for the workers of somebody else's cluster, and ask them who they are."""
    dask_cluster.await_workers(client, workers or 1, dask_cluster.WORKERS_SECONDS)
    dask_cluster.check_workers(client)
