"""Errors of tasks, and what came of a task, on their way to the first rank."""

from __future__ import annotations

import pickle
import traceback
from typing import Any, NamedTuple

from halocast.errors import HalocastError, RunError


class Failure(NamedTuple):
    """An error of a task, which rank met it, and the trace of calls if nobody made it on purpose.

    ``number`` is that of the task's result.
    """

    number: int
    rank: int
    error: Exception
    trace: str

    @classmethod
    def of(cls, error: Exception, number: int, rank: int) -> Failure:
        """Describe an error so that it can travel."""
        trace = ""
        if not isinstance(error, HalocastError):
            trace = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # whatever a foreign exception's constructor does
            error = RunError(f"{type(error).__name__}: {error}", where=f"on rank {rank}")
        return cls(number, rank, error, trace)

    def as_raised(self, name: str) -> Exception:
        """Return the error of the task of a name, to be raised."""
        if self.trace:
            self.error.add_note(f"in task {name} on rank {self.rank}:\n{self.trace}")
        return self.error


class Outcome(NamedTuple):
    """What came of a task."""

    result: Any
    failure: Failure | None
