"""What every rank does, the first one too: its share of a plan; and how the others are led."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mpi4py import MPI

from halocast.engines.mpi import farm
from halocast.engines.mpi.crew import listen
from halocast.engines.mpi.exchange import Packed, exchange, meet, pack, send, share
from halocast.engines.mpi.failure import Failure, Outcome
from halocast.engines.plan import Job, Plan, Step


class Report(NamedTuple):
    """How a rank's share of a plan went: its failure if any, bytes it sent of each result."""

    failure: Failure | None
    sent: dict[int, int]


class Rank:
    """The results that a rank holds."""

    def __init__(self, comm: MPI.Intracomm) -> None:
        self.comm = comm
        self.results: dict[int, Any] = {}
        self._failure: Failure | None = None
        self._sent: dict[int, int] = {}

    def walk(self, plan: Plan) -> list[Report] | None:
        """Carry out a plan together with all ranks; the first gets everybody's report.

        A rank whose task fails does no more of its plan, and says so at the next exchange, where
        all of them stop.
        """
        self._failure, self._sent = None, {}
        self._forget(plan.forget)
        for step in plan.steps:
            if step.meets and not self._exchange(step):
                break
            for job in step.jobs:
                if self._failure is None:
                    self._do(job)
        meet(self.comm)
        return self.comm.gather(Report(self._failure, self._sent))

    def _exchange(self, step: Step) -> bool:
        """Move results as a step says; false if a rank has failed."""
        shared = [number for number, source in step.shared if source == self.comm.rank]
        packed = self._pack({*shared, *itertools.chain(*step.send.values())})
        failed = self._failure is not None
        letters = {} if failed else step.send
        outgoing = {to: [packed[number] for number in numbers] for to, numbers in letters.items()}
        arrived = exchange(self.comm, outgoing, failed=failed)
        if arrived is None:
            return False
        self.results.update(arrived)
        for numbers in step.send.values():
            for number in numbers:
                self._count(packed[number], 1)
        for number, source in step.shared:
            value = share(self.comm, packed.get(number), source)
            if source == self.comm.rank:
                self._count(packed[number], self.comm.size - 1)
            else:
                self.results[number] = value
        self._forget(step.forget)
        return True

    def _pack(self, numbers: Iterable[int]) -> dict[int, Packed]:
        """Make results ready to be sent; one that cannot be is a failure of its task."""
        packed: dict[int, Packed] = {}
        for number in sorted(numbers):
            if self._failure is None:
                try:
                    packed[number] = pack(number, self.results[number])
                except Exception as error:
                    self._fail(error, number)
        return packed

    def _count(self, packed: Packed, times: int) -> None:
        number = packed.parcel.number
        self._sent[number] = self._sent.get(number, 0) + times * packed.nbytes

    def _do(self, job: Job) -> None:
        try:
            self.results[job.number] = job.call(self.results)
        except Exception as error:
            self._fail(error, job.number)
        else:
            self._forget(job.forget)

    def _fail(self, error: Exception, number: int) -> None:
        self._failure = Failure.of(error, number, self.comm.rank)

    def _forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self.results[number]

    def give(self, number: int) -> None:
        """Send a result, or why it cannot be, to the first rank."""
        try:
            send(self.comm, 0, Outcome(self.results[number], None))
        except Exception as error:
            send(self.comm, 0, Outcome(None, Failure.of(error, number, self.comm.rank)))


def serve(comm: MPI.Intracomm) -> int:
    """Do what the first rank tells, until it dismisses this one; returns the exit code it gives."""
    rank = Rank(comm)
    while True:
        what, content = listen(comm)
        if what == "walk":
            rank.walk(content)
        elif what == "fetch":
            number, owner = content
            if comm.rank == owner:
                rank.give(number)
        elif what == "each":
            farm.work(comm)
        elif what == "forget":
            rank.results.clear()
        else:
            assert what == "end", what
            return content
