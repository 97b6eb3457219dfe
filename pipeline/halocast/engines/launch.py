"""What an MPI launcher says to the processes it starts: their number and how many they are.

Read from the environment, before (and without) MPI.
"""

from __future__ import annotations

import os
from typing import NamedTuple

# in this order: Open MPI's and Hydra's launchers are themselves started by srun inside SLURM, so
# that the variables of a step (and of its process manager) then speak of hosts
_LAUNCHERS = (
    ("mpirun of Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("a launcher of MPICH's kind (PMI)", "PMI_RANK", "PMI_SIZE"),
    ("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)


class Launch(NamedTuple):
    """How this process was started: by what, as which of how many."""

    launcher: str
    rank: int
    size: int


def launched() -> Launch | None:
    """Return how an MPI launcher has started this process; None if none has."""
    for launcher, rank, size in _LAUNCHERS:
        if os.environ.get(size, "").isdigit():
            number = os.environ.get(rank, "0")
            return Launch(launcher, int(number) if number.isdigit() else 0, int(os.environ[size]))
    return None
