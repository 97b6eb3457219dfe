"""The engine of the first rank: it plans, and does its share like the others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from halocast.engines.mpi import farm
from halocast.engines.mpi.call import Call, Result
from halocast.engines.mpi.crew import Crew
from halocast.engines.mpi.exchange import receive
from halocast.engines.mpi.rank import Rank, Report
from halocast.engines.plan import Task, make_plans


class Handle:
    """Stands for a result; when the last reference is gone, the ranks forget the result."""

    def __init__(self, number: int, name: str, released: set[int]) -> None:
        self.number = number
        self.name = name
        self._released = released

    def __del__(self) -> None:
        self._released.add(self.number)

    def __repr__(self) -> str:
        return f"<result of {self.name}>"


class MpiEngine:
    """Runs tasks on the ranks of a crew, one engine at a time.

    Parameters
    ----------
    crew
        As `halocast.engines.mpi.enlist` returns it.

    Attributes
    ----------
    moved
        Of each `start` so far: bytes that went from rank to rank, by kind of result (the first word
        of the name of its task). What went to two ranks counts twice.
    """

    name = "mpi"
    lookahead = 0
    recomputes = False

    def __init__(self, crew: Crew) -> None:
        self.places = crew.comm.size
        self.moved: list[dict[str, int]] = []
        self._crew = crew
        self._rank = Rank(crew.comm)
        self._numbers = itertools.count()
        self._planned: list[Task] = []
        self._names: dict[int, str] = {}  # of all results that are planned or kept
        self._held: dict[int, set[int]] = {}  # the ranks that have a result
        self._released: set[int] = set()

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Handle:
        """Plan ``task(*args)`` for the rank of a place."""
        needed = [a for a in args if isinstance(a, Handle)]
        for a in needed:
            self._require(a)
        call = Call.of(task, [Result(a.number) if isinstance(a, Handle) else a for a in args])
        handle = Handle(next(self._numbers), name, self._released)
        needs = tuple(a.number for a in needed)
        self._planned.append(Task(handle.number, call, needs, place % self.places))
        self._names[handle.number] = name
        return handle

    def start(self, handles: Sequence[Handle]) -> list[Handle]:
        """Carry out what was planned, all of it, and keep the results of ``handles``.

        Raises
        ------
        Exception
            The error of a task, as it was; of several, that of the task submitted first. All
            results are lost then.
        """
        for handle in handles:
            self._require(handle)
        tasks, self._planned = self._planned, []
        keep = (self._held.keys() - self._released) | {h.number for h in handles}
        plans, held = make_plans(tasks, self._held, keep, self.places)
        self._crew.tell("walk", plans)
        reports = self._rank.walk(plans[0])
        self._crew.done()
        assert reports is not None  # this is the first rank
        self._count(reports)
        failures = [report.failure for report in reports if report.failure is not None]
        if failures:
            first = min(failures, key=lambda failure: failure.number)
            name = self._names[first.number]
            self.close()
            raise first.as_raised(name)
        self._held = held
        self._names = {number: self._names[number] for number in held}
        self._released.intersection_update(held)  # the same set: handles know it
        return list(handles)

    def _require(self, handle: Handle) -> None:
        if handle.number not in self._names:
            raise LookupError(f"{handle!r} is lost: no `start` was told to keep it")

    def _count(self, reports: Sequence[Report]) -> None:
        moved: dict[str, int] = {}
        for report in reports:
            for number, nbytes in report.sent.items():
                kind = self._names[number].partition("-")[0]
                moved[kind] = moved.get(kind, 0) + nbytes
        self.moved.append(moved)

    def value(self, handle: Handle) -> Any:
        """Return a result that was kept, from wherever it is."""
        self._require(handle)
        if handle.number in self._rank.results:
            return self._rank.results[handle.number]
        owner = min(self._held[handle.number])
        self._crew.tell("fetch", [(handle.number, owner)] * self.places)
        outcome = receive(self._crew.comm, owner)
        self._crew.done()
        if outcome.failure is not None:
            raise outcome.failure.as_raised(handle.name)
        return outcome.result

    def each(self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Run every item's task on whichever rank is free; yield results as they come."""
        calls = [Call.of(task, item) for item in items]
        self._crew.tell("each")
        outcomes = farm.lead(self._crew.comm, calls)
        try:
            for outcome in outcomes:
                if outcome.failure is not None:
                    raise outcome.failure.as_raised(getattr(task, "__name__", "each"))
                yield outcome.result
        finally:
            outcomes.close()  # waits for what is under way
            self._crew.done()

    def close(self) -> None:
        """Let all ranks forget all results; they go on serving."""
        self._planned.clear()
        self._names.clear()
        self._held.clear()
        self._rank.results.clear()
        if self._crew.in_step:
            self._crew.tell("forget")
            self._crew.done()
