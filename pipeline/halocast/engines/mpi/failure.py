"""Errors of tasks, on their way to the first rank."""

from __future__ import annotations

import pickle
import traceback
from typing import NamedTuple

from halocast.errors import HalocastError, RunError


class Failure(NamedTuple):
    """An error of a task: of which, on which rank, and the trace of calls."""

    number: int
    name: str
    rank: int
    error: Exception
    trace: str

    @classmethod
    def of(cls, error: Exception, number: int, name: str, rank: int) -> Failure:
        """Describe an error so that it can travel."""
        trace = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # whatever a foreign exception's constructor does
            error = RunError(f"{type(error).__name__}: {error}", where=f"task {name}")
        return cls(number, name, rank, error, trace)

    def as_raised(self) -> Exception:
        """Return the error; one that nobody made on purpose tells where it comes from."""
        if not isinstance(self.error, HalocastError):
            self.error.add_note(f"in task {self.name} on rank {self.rank}:\n{self.trace}")
        return self.error
