"""The command line on many ranks: the first one speaks and decides, the others serve it.

    mpirun -n 64 halocast run run.yaml --engine mpi

starts 64 times the same command. Each command that may use MPI calls `join` as soon as it knows
its engine and before it touches anything: there the other ranks stay. They print nothing, and end
with the first one's exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from halocast.engines.launch import launched

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def join(kind: str) -> None:
    """Under MPI, go on on the first rank only."""
    if kind != "mpi":
        return
    launch = launched()
    if launch is not None and launch.rank > 0:
        _hush()
    from halocast.engines.mpi import enlist

    enlist()


def stored_kind(directory: str | Path, overrides: Sequence[str]) -> str:
    """Return the engine a run will be resumed with: the last override's, else the run's own."""
    from halocast.runs import stored_settings

    given = [text.partition("=")[2] for text in overrides if text.startswith("engine.kind=")]
    return given[-1] if given else stored_settings(directory).engine.kind


@contextmanager
def together(arguments: Sequence[str]) -> Iterator[None]:
    """End all ranks as the first one ends.

    Mistakes that every rank finds by itself, before `join`, are told by the first only.
    """
    launch = launched()
    if launch is not None and launch.size > 1:
        for variable in _THREADS:  # parallelism is between ranks
            os.environ.setdefault(variable, "1")
        if launch.rank > 0 and _asks_for_mpi(arguments):
            _hush()
    code: object = 1
    try:
        yield
        code = 0
    except SystemExit as end:
        code = end.code
        raise
    finally:
        if "halocast.engines.mpi" in sys.modules:
            from halocast.engines.mpi import dismiss

            dismiss(code if isinstance(code, int) else int(code is not None))


def _asks_for_mpi(arguments: Sequence[str]) -> bool:
    """Whether a command line wants the MPI engine, by an option or by its run file."""
    words = " ".join(arguments).replace("=", " ").split()
    if {("--engine", "mpi"), ("engine.kind", "mpi")} & set(pairwise(words)):
        return True
    return any(_is_of_mpi(Path(word)) for word in arguments)


def _is_of_mpi(path: Path) -> bool:
    """Whether a run file, or the folder of a run, says that its engine is MPI."""
    import yaml

    try:
        file = path / "run.yaml" if path.is_dir() else path
        engine = yaml.safe_load(file.read_text(encoding="utf-8"))["engine"]
        return engine["kind"] == "mpi"
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return False


def _hush() -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - until the process ends
