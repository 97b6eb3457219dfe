"""What every rank does, the first one too: its share of a plan; and how the others are led."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mpi4py import MPI

from halocast.engines.mpi import farm
from halocast.engines.mpi.crew import listen
from halocast.engines.mpi.exchange import exchange, meet, send, share
from halocast.engines.mpi.failure import Failure
from halocast.engines.plan import Job, Plan, Result, Step


class Report(NamedTuple):
    """How a rank's share of a plan went: its failure if any, bytes it sent of each result."""

    failure: Failure | None
    sent: dict[int, int]


class Rank:
    """The results that a rank holds."""

    def __init__(self, comm: MPI.Intracomm) -> None:
        self.comm = comm
        self.results: dict[int, Any] = {}

    def walk(self, plan: Plan) -> list[Report] | None:
        """Carry out a plan together with all ranks; the first gets everybody's report.

        A rank whose task fails does no more of its plan, and says so at the next exchange, where
        all of them stop.
        """
        self._forget(plan.forget)
        failure: Failure | None = None
        sent: dict[int, int] = {}
        for step in plan.steps:
            if step.meets:
                brought = self._exchange(step, failed=failure is not None)
                if brought is None:
                    break
                for number, nbytes in brought.items():
                    sent[number] = sent.get(number, 0) + nbytes
            if failure is None:
                failure = self._run(step.jobs)
        meet(self.comm)
        return self.comm.gather(Report(failure, sent))

    def _exchange(self, step: Step, *, failed: bool) -> dict[int, int] | None:
        """Move results as a step says; returns the bytes sent of each, None if a rank failed."""
        outgoing = {}
        if not failed:
            outgoing = {
                to: {n: self.results[n] for n in numbers} for to, numbers in step.send.items()
            }
        arrived = exchange(self.comm, outgoing, failed=failed)
        if arrived is None:
            return None
        self.results.update(arrived.results)
        for number, source in step.shared:
            value, nbytes = share(self.comm, number, self.results.get(number), source)
            self.results[number] = value
            if nbytes:
                arrived.sent[number] = nbytes
        self._forget(step.forget)
        return arrived.sent

    def _run(self, jobs: Sequence[Job]) -> Failure | None:
        for job in jobs:
            try:
                self.results[job.number] = job.function(*self._arguments(job))
            except Exception as error:
                return Failure.of(error, job.number, job.name, self.comm.rank)
            self._forget(job.forget)
        return None

    def _arguments(self, job: Job) -> list[Any]:
        return [self.results[a.number] if isinstance(a, Result) else a for a in job.arguments]

    def _forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self.results[number]


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
                send(comm, 0, rank.results[number])
        elif what == "each":
            farm.work(comm, content)
        elif what == "forget":
            rank.results.clear()
        else:
            assert what == "end", what
            return content
