"""Who does what, who sends what to whom, who forgets what: a graph of tasks, planned for ranks.

The first rank plans for all; a rank receives its own plan only. A plan is a list of *steps*, one a
level of the graph (the depth of a task). Before the tasks of a step, results that they need from
elsewhere are moved, each at most once to a rank; a step that moves nothing anywhere has no meeting.
A result of one rank that all others need goes to all of them at once, as a broadcast.

A rank forgets a result after its last use there, unless it is kept for later. What is kept and was
moved to a single rank stays with that one: the pieces of a member live where the member does.

Cost: proportional to the number of arguments of all tasks, on the first rank.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class Task(NamedTuple):
    """A task: the number of its result, what to do, the results it needs, and the rank it is for.

    What to do is of no concern here.
    """

    number: int
    call: Any
    needs: tuple[int, ...]
    rank: int


class Job(NamedTuple):
    """A task as its rank gets it; ``forget`` are the results to forget when it is done."""

    number: int
    call: Any
    forget: tuple[int, ...]


class Step(NamedTuple):
    """What a rank does at one level of the graph.

    ``send`` is by destination. ``shared`` are results that go to all ranks, with the rank each
    comes from: the same on every rank. ``forget`` is for after the exchange. Ranks meet in the same
    steps.
    """

    meets: bool
    send: dict[int, tuple[int, ...]]
    shared: tuple[tuple[int, int], ...]
    forget: tuple[int, ...]
    jobs: tuple[Job, ...]


class Plan(NamedTuple):
    """What a rank does; it forgets ``forget`` before it begins."""

    forget: tuple[int, ...]
    steps: tuple[Step, ...]


Places = Mapping[int, Collection[int]]
"""The ranks that hold each result."""


def make_plans(
    tasks: Sequence[Task], held: Places, keep: Collection[int], size: int
) -> tuple[list[Plan], dict[int, set[int]]]:
    """Plan a graph.

    Parameters
    ----------
    tasks
        In an order in which they could be done one after the other.
    held
        Results of earlier graphs and the ranks that hold them.
    keep
        Results, of this graph or earlier, that must be there afterwards; others are forgotten.
    size
        Number of ranks.

    Returns
    -------
    plans
        One a rank.
    held
        The ranks that hold each result of ``keep`` afterwards.
    """
    route, users = _Route(held, size), _users(tasks)
    for level, its_tasks in enumerate(_levels(tasks)):
        route.advance(level, its_tasks, users)
    return _write_down(tasks, held, frozenset(keep), route, size)


def _levels(tasks: Sequence[Task]) -> list[list[Task]]:
    depth: dict[int, int] = {}
    levels: list[list[Task]] = []
    for task in tasks:
        depth[task.number] = 1 + max((depth.get(n, -1) for n in task.needs), default=-1)
        if depth[task.number] == len(levels):
            levels.append([])
        levels[depth[task.number]].append(task)
    return levels


def _users(tasks: Iterable[Task]) -> dict[int, set[int]]:
    """Return the ranks that need each result."""
    users: dict[int, set[int]] = defaultdict(set)
    for task in tasks:
        for number in task.needs:
            users[number].add(task.rank)
    return users


# when something happens to a result: level, then -1 for its exchange, else the number of a task
_Moment = tuple[int, int]


class _Route:
    """Where results are, and when each was last used on each rank."""

    def __init__(self, held: Places, size: int) -> None:
        self.size = size
        self.holders = {number: set(ranks) for number, ranks in held.items()}
        self.last: dict[tuple[int, int], _Moment] = {}
        self.sends: list[dict[int, dict[int, list[int]]]] = []  # by level, source, destination
        self.shared: list[list[tuple[int, int]]] = []
        self.arrived: dict[int, set[int]] = defaultdict(set)  # where results were moved to

    def advance(self, level: int, tasks: list[Task], users: Mapping[int, set[int]]) -> None:
        """Move what the tasks of a level need, and let them run."""
        sends: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        shared: list[tuple[int, int]] = []
        arriving: dict[int, set[int]] = defaultdict(set)
        for task in tasks:
            for number in task.needs:
                holders = self.holders[number]
                if task.rank in holders or task.rank in arriving[number]:
                    continue
                source = min(holders)
                self.last[number, source] = (level, -1)
                if len(holders) == 1 and len(users[number] | holders) == self.size > 2:
                    shared.append((number, source))
                    arriving[number].update(set(range(self.size)) - holders)
                else:
                    sends[source][task.rank].append(number)
                    arriving[number].add(task.rank)
        for number, ranks in arriving.items():
            self.holders[number] |= ranks
            self.arrived[number] |= ranks
        for task in tasks:
            moment = (level, task.number)
            self.holders[task.number] = {task.rank}
            for number in (*task.needs, task.number):
                self.last[number, task.rank] = moment
        self.sends.append(sends)
        self.shared.append(shared)

    def moved_away(self, number: int, rank: int) -> bool:
        """Whether a rank gave its only copy to one other rank, and used it no more."""
        alone = len(self.arrived[number]) == 1 and len(self.holders[number]) == 2
        return alone and self.last[number, rank][1] == -1


def _write_down(
    tasks: Sequence[Task], held: Places, keep: frozenset[int], route: _Route, size: int
) -> tuple[list[Plan], dict[int, set[int]]]:
    after = {number: route.holders[number] for number in keep}
    forget: dict[tuple[int, _Moment], list[int]] = defaultdict(list)
    for (number, rank), moment in route.last.items():
        if number not in keep:
            forget[rank, moment].append(number)
        elif route.moved_away(number, rank):
            forget[rank, moment].append(number)
            after[number].discard(rank)
    at_once: list[list[int]] = [[] for _ in range(size)]
    for number, ranks in held.items():
        for rank in ranks:
            if number not in keep and (number, rank) not in route.last:
                at_once[rank].append(number)
    steps: list[list[Step]] = [[] for _ in range(size)]
    for level, its_tasks in enumerate(_levels(tasks)):
        jobs: list[list[Job]] = [[] for _ in range(size)]
        for task in its_tasks:
            done = forget[task.rank, (level, task.number)]
            jobs[task.rank].append(Job(task.number, task.call, tuple(done)))
        sends, shared = route.sends[level], tuple(route.shared[level])
        meets = bool(sends or shared)
        for rank in range(size):
            send = {to: tuple(numbers) for to, numbers in sends.get(rank, {}).items()}
            gone = tuple(forget[rank, (level, -1)])
            steps[rank].append(Step(meets, send, shared, gone, tuple(jobs[rank])))
    return [Plan(tuple(at_once[r]), tuple(steps[r])) for r in range(size)], after
