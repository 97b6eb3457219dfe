"""The simulator: cases that can be computed by hand, and the driver's own graph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from halocast.capacity.costs import Cluster, Costs
from halocast.capacity.forecast import foresee
from halocast.capacity.graph import Graph, Planned, Workload
from halocast.capacity.simulate import simulate, spent
from halocast.cli.foreseeing import _counts
from halocast.config import find_run_file, read_settings
from halocast.engines import SerialEngine
from halocast.errors import ConfigError
from halocast.runs import carry_out, create_run

FREE = Costs(task=0.0, argument=0.0, start=0.0)
WORK = Workload(8, 3, 10_000, 2500, 1, 1000, (1, 2), forecast=1.0, update=2.0)


def task(name, place, seconds, *needs, stored=0.0) -> Planned:
    return Planned(name, place, seconds, stored, needs)


def test_places_work_side_by_side_and_one_task_at_a_time():
    tasks = [task("a", 0, 2.0), task("a", 0, 3.0), task("b", 1, 4.0)]
    ends = [event.end for event in simulate(tasks, FREE, Cluster(2))]
    assert ends == [2.0, 5.0, 4.0]


def test_results_wait_for_the_way_out_and_the_way_in():
    cluster = Cluster(3, bandwidth=10.0, latency=0.5)
    tasks = [task("a", 0, 1.0), task("b", 1, 1.0, (0, 20.0)), task("c", 2, 1.0, (0, 20.0))]
    ends = [event.end for event in simulate(tasks, FREE, cluster)]
    assert ends == [1.0, 1.0 + 2.0 + 0.5 + 1.0, 1.0 + 4.0 + 0.5 + 1.0]


def test_a_result_comes_once_to_a_place():
    tasks = [task("a", 0, 1.0), task("b", 1, 1.0, (0, 20.0)), task("c", 1, 1.0, (0, 20.0))]
    events = simulate(tasks, FREE, Cluster(2, bandwidth=10.0, latency=0.0))
    assert [event.end for event in events] == [1.0, 4.0, 5.0]


def test_the_storage_is_for_one_after_the_other():
    tasks = [task("a", 0, 1.0, stored=10.0), task("b", 1, 1.0, stored=10.0)]
    events = simulate(tasks, FREE, Cluster(2, storage=5.0))
    assert sorted(event.end for event in events) == [3.0, 5.0]


def test_the_scheduler_does_one_thing_after_the_other():
    tasks = [task("a", place, 0.0) for place in range(10)]
    events = simulate(tasks, FREE._replace(task=0.1), Cluster(10))
    assert max(event.end for event in events) == pytest.approx(1.0)


def test_what_time_is_spent_on_adds_up():
    cluster = Cluster(2, bandwidth=10.0, latency=0.5)
    middle = task("b", 1, 2.0, (0, 20.0), stored=5.0)
    tasks = [task("a", 0, 1.0), middle, task("c", 1, 1.0, (1, 0.0))]
    events = simulate(tasks, FREE._replace(task=0.25), cluster._replace(storage=5.0))
    found = spent(tasks, events, 2, 0.0)
    assert sum(found.values()) == pytest.approx(events[2].end)
    assert found["a"] == 1.0
    assert found["network"] == 2.5
    assert found["storage"] == 1.0
    assert found["scheduler"] == 0.75
    half = spent(tasks, events, 2, 2.0)
    assert sum(half.values()) == pytest.approx(events[2].end - 2.0)


def test_work_without_friction_is_shared_out_and_then_the_members_limit():
    ideal = Costs(*(0.0 for _ in Costs._fields))
    one, four, many = (
        foresee(WORK, Cluster(n, bandwidth=1e15, latency=0.0, storage=1e15), 10, ideal)
        for n in (1, 4, 64)
    )
    assert one.seconds == pytest.approx(8 * 1.0 + 2.0)
    assert four.seconds == pytest.approx(one.seconds / 4)
    assert many.seconds == pytest.approx(1.0 + 2.0 / 64)  # eight members: 56 have no forecast
    assert many.limit == "forecast"
    assert many.memory < four.memory < one.memory


def test_a_slow_scheduler_limits_many_workers():
    slow = foresee(WORK, Cluster(64), 10, Costs(task=0.01))
    assert slow.limit == "scheduler"
    assert foresee(WORK, Cluster(2), 10, Costs(task=0.01)).limit == "forecast"


class Recorder(SerialEngine):
    """Three places in one process; notes the kind and place of every task, and what it takes."""

    places = 3

    def __init__(self) -> None:
        self.noted: list[tuple[str, int, Counter[str]]] = []
        self._kind: dict[int, str] = {}
        self._alive: list[object] = []  # so that no identity is used twice

    def submit(self, name, task, *args, place=0):
        kind = name.rstrip("-0123456789")
        taken = Counter(self._kind[id(a)] for a in args if id(a) in self._kind)
        done = super().submit(name, task, *args, place=place)
        if isinstance(done, int):
            done = [done]  # small numbers share one identity
        self._kind[id(done)] = kind
        self._alive.append(done)
        self.noted.append((kind, place % self.places, taken))
        return done


def test_the_graph_is_the_drivers(tmp_path: Path):
    settings = read_settings(
        find_run_file("linear-gaussian"),
        ["grid.shape=[12, 12]", "time.cycles=2", "ensemble.members=8", "reference=null",
         "checkpoint.every=2"],
    )  # fmt: skip
    create_run(settings, tmp_path / "run")
    engine = Recorder()
    carry_out(tmp_path / "run", engine)
    graph = Graph(WORK, Costs(), Recorder.places, [1])
    graph.add_cycle(checkpoint=False)
    graph.add_cycle(checkpoint=True)
    planned = Counter(
        (t.name, t.place, frozenset(Counter(graph.tasks[n].name for n, _ in t.needs).items()))
        for t in graph.tasks
        if t.name != "commit"
    )
    # how members begin, and what the driver passes on besides
    small = ("perturb", "add-up", "initial", "prepare")
    done = Counter(
        (kind, place, frozenset((k, n) for k, n in taken.items() if k not in small))
        for kind, place, taken in engine.noted
        if kind not in small[:3]
    )
    planned = Counter(
        {
            (kind, place, frozenset((k, n) for k, n in taken if k not in small)): count
            for (kind, place, taken), count in planned.items()
        }
    )
    assert done == planned


@pytest.mark.parametrize("text", ["", "a", "0", "4,-1", "5000"])
def test_numbers_of_workers_are_checked(text: str):
    with pytest.raises(ConfigError, match="simulate-workers"):
        _counts(text)
