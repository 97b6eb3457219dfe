"""A cluster at work, event by event: who waits for whom, and what a cycle's time is spent on.

A result that is ready goes to the scheduler, which does one thing after the other; then the
results that a task takes come over the network, one at a time out of and into each place; then the
task has its place to itself, first come first served; what it writes goes through the storage that
all share. An engine that exchanges in step (MPI) has no scheduler to wait for, but its ranks wait
for each other; it is not simulated on its own.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from halocast.capacity.costs import Cluster, Costs
from halocast.capacity.graph import Planned


class Event(NamedTuple):
    """What became of a task: times in s, and the task it waited for last (-1: none)."""

    ready: float
    sent: float
    arrived: float
    began: float
    done: float
    end: float
    after: int


def simulate(tasks: Sequence[Planned], costs: Costs, cluster: Cluster) -> list[Event]:
    """Run tasks, in which each takes results of earlier ones only; returns what became of them."""
    return _Simulation(tasks, costs, cluster).run()


class _Simulation:
    def __init__(self, tasks: Sequence[Planned], costs: Costs, cluster: Cluster) -> None:
        self.tasks, self.costs, self.cluster = tasks, costs, cluster
        self.events: dict[int, Event] = {}
        self.waiting = [len(task.needs) for task in tasks]
        self.users: dict[int, list[int]] = defaultdict(list)
        for number, task in enumerate(tasks):
            for needed, _ in task.needs:
                self.users[needed].append(number)
        self.scheduler = self.storage = 0.0
        places = cluster.places + 1  # the driver is one more
        self.free = [0.0] * places
        self.out, self.into = [0.0] * places, [0.0] * places
        self.last = [-1] * places  # the task that has a place at present
        self.there: dict[tuple[int, int], float] = {}  # when a result came to a place

    def run(self) -> list[Event]:
        """Take events in the order of time; of equals the task that was planned first."""
        queue = [(0.0, n, False) for n, count in enumerate(self.waiting) if not count]
        heapq.heapify(queue)
        coming: dict[int, tuple[float, float, int]] = {}
        while queue:
            now, number, arrived = heapq.heappop(queue)
            if not arrived:
                sent, at, after = self._send(number, now)
                coming[number] = (now, sent, after)
                heapq.heappush(queue, (at, number, True))
                continue
            ready, sent, after = coming.pop(number)
            end = self._work(number, ready, sent, now, after)
            for user in self.users[number]:
                self.waiting[user] -= 1
                if not self.waiting[user]:
                    heapq.heappush(queue, (end, user, False))
        return [self.events[number] for number in range(len(self.tasks))]

    def _send(self, number: int, now: float) -> tuple[float, float, int]:
        """Schedule a task and move what it takes; returns when, and what it waited for."""
        task, costs = self.tasks[number], self.costs
        self.scheduler = max(self.scheduler, now) + costs.task + costs.argument * len(task.needs)
        sent = at = self.scheduler
        after = max((n for n, _ in task.needs), key=lambda n: self.events[n].end, default=-1)
        for needed, nbytes in task.needs:
            at = max(at, self._move(needed, task.place, nbytes, sent))
        return sent, at, after

    def _move(self, result: int, place: int, nbytes: float, now: float) -> float:
        source = self.tasks[result].place
        if source == place:
            return now
        if (result, place) not in self.there:
            begin = max(now, self.out[source], self.into[place])
            self.out[source] = self.into[place] = begin + nbytes / self.cluster.bandwidth
            self.there[result, place] = self.out[source] + self.cluster.latency
        return self.there[result, place]

    def _work(self, number: int, ready: float, sent: float, now: float, after: int) -> float:
        task = self.tasks[number]
        began = max(now, self.free[task.place])
        if began > now:
            after = self.last[task.place]
        done = end = began + task.seconds
        if task.stored:
            end = max(done, self.storage) + task.stored / self.cluster.storage
            self.storage = end
        self.free[task.place], self.last[task.place] = end, number
        self.events[number] = Event(ready, sent, now, began, done, end, after)
        return end


def spent(
    tasks: Sequence[Planned], events: Sequence[Event], last: int, since: float
) -> dict[str, float]:
    """Say what the time from ``since`` to the end of a task was spent on, along what it waited for.

    Returns
    -------
    Seconds by kind of task, and ``scheduler``, ``network`` and ``storage``.
    """
    found: dict[str, float] = defaultdict(float)
    number, upper = last, events[last].end
    while number >= 0 and upper > since:
        event = events[number]
        waited = event.began > event.arrived
        stages = [("storage", event.done, event.end), (tasks[number].name, event.began, event.done)]
        if not waited:
            stages += [("network", event.sent, event.arrived)]
            stages += [("scheduler", event.ready, event.sent)]
        for name, begin, end in stages:
            found[name] += max(0.0, min(end, upper) - max(begin, since))
            upper = min(upper, max(begin, since))
        number = event.after
    return {name: seconds for name, seconds in found.items() if seconds > 0}
