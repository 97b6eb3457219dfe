"""The other ranks, as the first one sees them: told together what to do, and dismissed."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from mpi4py import MPI

from halocast.engines.mpi.exchange import meet
from halocast.errors import RunError


class Crew:
    """All ranks of a communicator; those but this one are in `halocast.engines.mpi.serve`.

    Attributes
    ----------
    comm
        The communicator; this is its rank 0.
    in_step
        Whether the others wait to be told what to do. What they are told to do together must be
        gone through to its end, `done`; when it is not, they cannot be reached any more.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        self.comm = comm
        self.in_step = True
        self._dismissed = False

    def tell(self, what: str, contents: Sequence[Any] | None = None) -> None:
        """Tell every rank what to do next, each its own content.

        What cannot be pickled is found before anybody is told.
        """
        if self._dismissed or not self.in_step:
            state = "were dismissed" if self._dismissed else "are in the middle of something else"
            raise RunError(f"the MPI ranks cannot do this ({what}): they {state}")
        letters = [pickle.dumps((what, c)) for c in contents or [None] * self.comm.size]
        self.in_step = False
        meet(self.comm)
        self.comm.scatter(letters)

    def done(self) -> None:
        """Note that all ranks have gone through what they were told."""
        self.in_step = True

    def dismiss(self, code: int) -> None:
        """End the others, with an exit code; they are aborted if they cannot be reached."""
        if self._dismissed:
            return
        if not self.in_step:
            self.comm.Abort(code or 1)
        self.tell("end", [code] * self.comm.size)
        self._dismissed = True


def listen(comm: MPI.Intracomm) -> tuple[str, Any]:
    """Wait for what the first rank tells."""
    meet(comm)
    return pickle.loads(comm.scatter(None))
