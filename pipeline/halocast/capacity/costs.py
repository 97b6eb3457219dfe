"""What tasks cost beside the model and the filter, measured; and the cluster they are to run on.

The costs are processor time on one core, from the tasks of ``tests/benchmarks/bench_scale.py`` at
1000 x 1000 cells; the scheduler's for an argument is an assumption. What depends on the run (a
member's forecast, the filter's update) is measured by `halocast check` on the machine it runs on.
"""

from __future__ import annotations

from typing import NamedTuple

NANO = 1e-9


class Costs(NamedTuple):
    """Seconds of one core.

    Attributes
    ----------
    task
        Of the scheduler for a task; it does one after the other.
    argument
        Of the scheduler for each result that a task takes.
    start
        Of a worker for any task.
    copy
        A byte copied: cut out of members, joined, packed.
    update
        A scalar of a member updated, beside the filter: noise, two tracks, layers, statistics.
    write
        A byte of a field put together, digested, compressed and written.
    checkpoint
        A byte of a member joined, checked and handed to the store.
    row
        An observation row prepared, and scored in the end.
    row_member
        A row's scalar of a member scored.
    """

    task: float = 0.9e-3
    argument: float = 40e-6
    start: float = 1e-3
    copy: float = 1.8 * NANO
    update: float = 57 * NANO
    write: float = 2.7 * NANO
    checkpoint: float = 3.7 * NANO
    row: float = 1.6e-6
    row_member: float = 200 * NANO


MEASURED = Costs()


class Cluster(NamedTuple):
    """Places that are all alike, and what connects them.

    ``bandwidth`` and ``latency`` are of a place's way into the network, bytes a second each way and
    seconds; ``storage`` is what all places together can write, bytes a second.
    """

    places: int
    bandwidth: float = 1.25e9
    latency: float = 200e-6
    storage: float = 1e9
