"""Independent tasks, one after the other to whichever rank is free; the first rank works too.

The first rank hands out and collects in its main thread, which alone speaks MPI, and does its own
share of the tasks in another thread.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mpi4py import MPI

from halocast.engines.mpi.call import Call
from halocast.engines.mpi.exchange import meet, receive, send
from halocast.engines.mpi.failure import Failure, Outcome

_PAUSE = 1e-3


def attempt(call: Call, rank: int) -> Outcome:
    """Try a call, on a rank."""
    try:
        return Outcome(call({}), None)
    except Exception as error:
        return Outcome(None, Failure.of(error, 0, rank))


def work(comm: MPI.Intracomm) -> None:
    """Do the calls that come from the first rank, until there are no more."""
    while True:
        while not comm.Iprobe(0):
            time.sleep(_PAUSE)
        call = receive(comm, 0)
        if call is None:
            break
        outcome = attempt(call, comm.rank)
        try:
            send(comm, 0, outcome)
        except Exception as error:  # the result cannot be pickled
            send(comm, 0, Outcome(None, Failure.of(error, 0, comm.rank)))
    meet(comm)


def lead(comm: MPI.Intracomm, calls: Sequence[Call]) -> Generator[Outcome, None, None]:
    """Hand out the calls; yields what came of them, as it comes.

    When the caller stops listening no more is handed out, and what is under way is waited for.
    """
    with ThreadPoolExecutor(1) as thread:
        farm = _Farm(comm, calls, thread)
        try:
            farm.begin()
            while farm.busy:
                yield from farm.collect()
        finally:
            farm.waiting.clear()
            while farm.busy:
                list(farm.collect())
            farm.dismiss()
            meet(comm)


class _Farm:
    """Who is at work: other ranks, and this one's thread."""

    def __init__(
        self, comm: MPI.Intracomm, calls: Sequence[Call], thread: ThreadPoolExecutor
    ) -> None:
        self.comm, self.thread = comm, thread
        self.waiting = list(calls)[::-1]
        self.away: set[int] = set()
        self.here: Future[Outcome] | None = None

    @property
    def busy(self) -> bool:
        return bool(self.away) or self.here is not None

    def begin(self) -> None:
        self._take()
        for rank in range(1, self.comm.size):
            self._hand_out(rank)

    def collect(self) -> Iterator[Outcome]:
        """Yield what has come, and give who is free the next item; sleep if nothing has."""
        found, status = False, MPI.Status()
        if self.here is not None and self.here.done():
            done, found = self.here, True
            self._take()
            yield done.result()
        while self.away and self.comm.Iprobe(status=status):
            source, found = status.Get_source(), True
            outcome = receive(self.comm, source)
            self.away.discard(source)
            self._hand_out(source)
            yield outcome
        if not found:
            time.sleep(_PAUSE)

    def dismiss(self) -> None:
        """Tell all others that there is no more."""
        for rank in range(1, self.comm.size):
            send(self.comm, rank, None)

    def _take(self) -> None:
        self.here = None
        if self.waiting:
            self.here = self.thread.submit(attempt, self.waiting.pop(), self.comm.rank)

    def _hand_out(self, rank: int) -> None:
        if self.waiting:
            send(self.comm, rank, self.waiting.pop())
            self.away.add(rank)
