"""Carry out the runs of a folder on all ranks: ``mpirun -n 2 python on_ranks.py FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from halocast.config import read_settings
from halocast.engines.mpi import Crew, MpiEngine, serve
from halocast.runs import carry_out, create_run
from mpi4py import MPI


def lead(folder: Path) -> None:
    crew = Crew(MPI.COMM_WORLD)
    for name in json.loads((folder / "runs.json").read_text(encoding="utf-8")):
        engine = MpiEngine(crew)
        create_run(read_settings(folder / f"{name}.yaml"), folder / f"{name}-ranks")
        carry_out(folder / f"{name}-ranks", engine)
        engine.close()
    crew.dismiss(0)


if MPI.COMM_WORLD.rank == 0:
    lead(Path(sys.argv[1]))
else:
    serve(MPI.COMM_WORLD)
