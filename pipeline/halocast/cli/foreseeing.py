"""`halocast check --simulate-workers`: a run on clusters that one does not have yet."""

from __future__ import annotations

from rich.console import Console

from halocast.capacity.costs import Cluster
from halocast.capacity.forecast import foresee, prospects_table
from halocast.capacity.workload import workload_of
from halocast.config import RunSettings
from halocast.errors import ConfigError

_MOST = 4096  # a place more costs the simulation milliseconds for each member


def simulate_and_show(
    console: Console,
    settings: RunSettings,
    workers: str,
    bandwidth: float,
    latency: float,
    storage: float,
) -> None:
    """Simulate a run on several numbers of workers, after the one it would have alone."""
    counts = sorted({1, *_counts(workers)})
    work = workload_of(settings)
    found = []
    for places in counts:
        cluster = Cluster(places, 1e9 * bandwidth, 1e-3 * latency, 1e9 * storage)
        found.append(foresee(work, cluster, settings.checkpoint.every))
    console.print(f"\nSimulated, with {bandwidth:g} GB/s and {latency:g} ms a worker, {storage:g} "
                  "GB/s of storage for all (costs of tasks: deploy/SCALING.md):")  # fmt: skip
    console.print(prospects_table(found))
    best = min(found, key=lambda one: one.seconds)
    console.print(
        f"Most is gained with {best.places:,} workers; there it is {best.limit} that limits."
    )


def _counts(text: str) -> list[int]:
    try:
        counts = [int(word) for word in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1 or max(counts) > _MOST:
        raise ConfigError(
            f"--simulate-workers {text!r} is not a list of numbers from 1 to {_MOST}",
            remedy="give e.g. 16,64,256,1024",
        )
    return counts
