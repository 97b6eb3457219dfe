"""Engines: where the tasks of a run are executed (see ``halocast.engines.base``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halocast.engines.base import Engine
from halocast.engines.serial import SerialEngine

if TYPE_CHECKING:
    from halocast.slurm.pool import SlurmPool

__all__ = ["Engine", "SerialEngine", "make_engine"]


def make_engine(
    kind: str,
    workers: int | None = None,
    scheduler: str | None = None,
    pool: SlurmPool | None = None,
) -> Engine:
    """Start an engine by its name in the run file: ``serial``, ``dask`` or ``mpi``.

    Of the processes that mpirun has started this returns to the first only; the others serve it,
    and end with it.
    """
    if kind == "serial":
        return SerialEngine()
    if kind == "mpi":
        from halocast.engines.mpi import MpiEngine, enlist  # importing mpi4py initialises MPI

        return MpiEngine(enlist())
    from halocast.engines.dask import DaskEngine  # importing distributed takes a second

    return DaskEngine(workers, scheduler, pool=pool)
