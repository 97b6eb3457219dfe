"""Carry runs out on crews of 1, 2, 3 and 5 of the ranks of one launch.

    mpirun -n 5 python carry_out.py FOLDER RUN.yaml ...

Each run's folder is FOLDER/NAME-SIZE; FOLDER/traffic.json gets the bytes moved and the least.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from halocast.config import read_settings
from halocast.cycle import traffic
from halocast.engines.mpi import Crew, MpiEngine, exchange, serve
from halocast.runs import carry_out, create_run
from mpi4py import MPI

SIZES = (1, 2, 3, 5)


class Collect(logging.Handler):
    """Keeps what is logged of the traffic."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append({"text": record.getMessage(), **record.data})


def lead(comm: MPI.Intracomm, folder: Path, run_files: list[str]) -> dict[str, dict]:
    crew, moved = Crew(comm), {}
    collect = Collect()
    traffic.log.addHandler(collect)
    traffic.log.setLevel(logging.INFO)
    for run_file in run_files:
        settings = read_settings(run_file)
        directory = folder / f"{Path(run_file).stem}-{comm.size}"
        engine = MpiEngine(crew)
        create_run(settings, directory)
        carry_out(directory, engine)
        traffic.log_traffic(directory, engine)
        engine.close()
        if collect.found:
            moved[directory.name] = collect.found.pop()
    traffic.log.removeHandler(collect)
    crew.dismiss(0)
    return moved


def main() -> None:
    world, folder, run_files = MPI.COMM_WORLD, Path(sys.argv[1]), sys.argv[2:]
    moved: dict[str, dict] = {}
    for size in SIZES:
        comm = world.Split(int(world.rank >= size), world.rank)
        if world.rank == 0:
            moved |= lead(comm, folder, run_files)
        elif world.rank < size:
            serve(comm)
        exchange.meet(world)
    if world.rank == 0:
        (folder / "traffic.json").write_text(json.dumps(moved), encoding="utf-8")


if __name__ == "__main__":
    main()
