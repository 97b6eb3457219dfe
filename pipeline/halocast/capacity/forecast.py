"""What a run would be on clusters of several sizes, and what would limit it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from halocast.capacity.costs import MEASURED, Cluster, Costs
from halocast.capacity.graph import FIELDS_KEPT, Graph, Workload
from halocast.capacity.simulate import simulate, spent
from halocast.cycle.fields import LITTLE

_INTERPRETER = 300e6  # bytes of a worker that holds nothing


class Prospect(NamedTuple):
    """A run on one size of cluster.

    Attributes
    ----------
    places
        Workers.
    seconds
        Of a cycle, in the mean over cycles with and without a checkpoint.
    memory
        Bytes that a worker needs.
    tasks
        Tasks a cycle.
    spent
        Seconds of a cycle without a checkpoint, by what they are spent on, along the chain of what
        waits for what.
    """

    places: int
    seconds: float
    memory: float
    tasks: int
    spent: dict[str, float]

    @property
    def limit(self) -> str:
        """What most of the time is spent on."""
        return max(self.spent, key=lambda name: self.spent[name])


def foresee(work: Workload, cluster: Cluster, every: int, costs: Costs = MEASURED) -> Prospect:
    """Simulate a few cycles of a run on a cluster; every so manyeth cycle is a checkpoint."""
    graph = Graph(work, costs, cluster.places, _writers(work, cluster.places))
    marks = [graph.add_cycle(checkpoint=False) for _ in range(2)]
    marks.append(graph.add_cycle(checkpoint=True))
    marks.append(graph.add_cycle(checkpoint=False))
    graph.add_cycle(checkpoint=False)  # a commit competes with the forecast after it
    events = simulate(graph.tasks, costs, cluster)
    ends = [events[mark].end for mark in marks]
    plain, written = ends[1] - ends[0], (ends[3] - ends[1]) - (ends[1] - ends[0])
    return Prospect(
        cluster.places,
        plain + (written - plain) / every,
        _memory(work, graph),
        marks[1] - marks[0],
        spent(graph.tasks, events, marks[1], ends[0]),
    )


def _writers(work: Workload, places: int) -> list[int]:
    count = 1
    if work.fields * work.cells > LITTLE:
        count = min(places, len(work.variables))
    loads = [0] * count
    for fields in sorted(work.variables, reverse=True):
        loads[loads.index(min(loads))] += fields
    return loads


def _memory(work: Workload, graph: Graph) -> float:
    """Return what the busiest place holds at the worst moment of a cycle."""
    batch = max(graph.batches) * work.state
    group = work.members * work.state / graph.groups
    fields = FIELDS_KEPT * 8.0 * max(graph.writers) * work.cells
    # members before and after the forecast, tiles, the group before and after the update
    return work.tracks * (2 * batch + 2 * group) + fields + _INTERPRETER


def prospects_table(prospects: Sequence[Prospect]) -> Table:
    """Lay prospects out for people."""
    table = Table(box=None, padding=(0, 2))
    for column in (
        "workers",
        "a cycle",
        "speed-up",
        "memory a worker",
        "tasks a cycle",
        "spent on",
    ):
        table.add_column(column, justify="left" if column == "spent on" else "right")
    for one in prospects:
        table.add_row(
            f"{one.places:,}",
            f"{one.seconds:.3g} s",
            f"{prospects[0].seconds / one.seconds:.3g} x",
            f"{one.memory / 1e9:.2f} GB",
            f"{one.tasks:,}",
            _shares(one.spent),
        )
    return table


def _shares(found: dict[str, float]) -> str:
    """Name the largest shares."""
    total = sum(found.values())
    largest = sorted(found, key=lambda name: -found[name])[:2]
    return ", ".join(f"{name} {found[name] / total:.0%}" for name in largest)
