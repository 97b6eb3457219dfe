"""A plugin of the scheduler: tasks whose workers have all gone are given to those that come.

A task of a place prefers that place's worker and may go to any other
(``allow_other_workers``). But when no worker at all is left, distributed puts it aside, and then
gives it only to a worker of the very address it preferred, which never comes back
(https://github.com/dask/distributed/issues/7346 is of the same origin). So the preference is
forgotten before a new worker is offered the tasks that were put aside.
"""

from __future__ import annotations

from typing import Any

from distributed import Scheduler, SchedulerPlugin


class Rescue(SchedulerPlugin):
    """Forgets preferences that cannot be met any more."""

    name = "halocast-rescue"
    idempotent = True

    def add_worker(self, scheduler: Scheduler, worker: str, **kwargs: Any) -> None:
        """Let a new worker have what nobody could do; called before tasks are offered to it."""
        for task in scheduler.unrunnable:
            if task.loose_restrictions:
                task.worker_restrictions = None
