"""The MPI engine: tasks on the ranks of `mpirun -n N` or `srun`; this package alone imports mpi4py.

The first rank runs the program and plans (``halocast.engines.plan``); the others serve it. Members
live on the ranks that forecast them. Two exchanges a cycle carry the members: one turns whole
members into all members of a group of blocks, one turns them back. Each rank reads and writes its
own chunks of the stores.

    world      the ranks of a launch, and the checks on them
    crew       the other ranks, as the first one sees them
    engine     the engine of the first rank
    rank       what every rank does: its share of a plan
    call       tasks on their way
    exchange   results on their way
    farm       independent tasks, to whoever is free

A rank that dies takes the launch with it, as MPI has it; `halocast resume` goes on.
"""

from halocast.engines.mpi.world import dismiss, enlist  # isort: skip - says when there is no MPI
from halocast.engines.mpi.crew import Crew
from halocast.engines.mpi.engine import MpiEngine
from halocast.engines.mpi.rank import serve

__all__ = ["Crew", "MpiEngine", "dismiss", "enlist", "serve"]
