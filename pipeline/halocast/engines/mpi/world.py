"""The ranks of a launch: one world, checked; the first rank goes on, the others serve it."""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
import traceback
from typing import NoReturn

from halocast.engines.launch import Launch, launched
from halocast.errors import RunError

try:
    from mpi4py import MPI
except (ImportError, RuntimeError) as error:
    raise RunError(
        "no MPI library is found",
        where=" ".join(str(error).split()),
        remedy="on a cluster, load the site's MPI module; on a laptop, "
        "pip install 'halocast[mpi-local]'",
    ) from error

from halocast.engines.mpi.crew import Crew
from halocast.engines.mpi.rank import serve

_crew: Crew | None = None


def enlist() -> Crew:
    """Make all ranks but the first serve the first; only there does this return.

    The other ranks leave the process here when the first one has dismissed them (at its exit at
    the latest), with the exit code that it gives. Of several calls the later ones do nothing.

    Raises
    ------
    RunError
        Processes that were launched together have not found each other.
    """
    global _crew
    if _crew is None:
        check_world(MPI.COMM_WORLD.size, launched())
        if MPI.COMM_WORLD.rank > 0:
            _serve_and_leave()
        _crew = Crew(MPI.COMM_WORLD)
        # the interpreter sets last_value when an exception ends the program
        atexit.register(lambda: dismiss(int(hasattr(sys, "last_value"))))
    return _crew


def dismiss(code: int) -> None:
    """End the ranks that serve this one, if there are any, with an exit code."""
    if _crew is not None:
        _crew.dismiss(code)


def check_world(size: int, launch: Launch | None) -> None:
    """Refuse a world that is not the one that was launched.

    A launcher of another MPI than the library's starts processes that know nothing of each other,
    each the only rank of a world: they would all write the same stores.
    """
    if launch is None or launch.size == size:
        return
    library = re.split(r"[,\n\0]", MPI.Get_library_version())[0].expandtabs(1)
    raise RunError(
        f"{launch.size} processes were launched, but MPI has joined {size} of them",
        where=f"launched by {launch.launcher}; the library is {library}",
        remedy=f"use the launcher of this library ({sys.prefix}/bin/mpirun where it was installed "
        "with pip), or `srun --mpi=pmi2`, or what else `srun --mpi=list` offers",
    )


def _serve_and_leave() -> NoReturn:
    # the first rank decides what a signal means; a handler, unlike SIG_IGN, is not inherited by the
    # programs that tasks start
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    try:
        code = serve(MPI.COMM_WORLD)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        MPI.COMM_WORLD.Abort(1)
        os._exit(1)  # where aborting takes its time; leaving as usual would wait for all ranks
    sys.exit(code)
