"""One call of an external program: in a folder of its own, with a time limit, ending as it should.

The program is the leader of a process group, so that what it has started ends with it when the time
is over. Where `setpriv` exists the kernel ends it when its worker dies. It does not inherit what
an MPI launcher told the worker, so that it may be a parallel program itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from halocast.errors import ConfigError, ModelError

STDOUT, STDERR = "stdout.txt", "stderr.txt"
_TAIL_LINES, _TAIL_BYTES = 20, 8192
_GRACE_SECONDS = 5.0
_OF_LAUNCHERS = ("PMI_", "PMIX_", "MPI_LOCAL", "OMPI_COMM_", "OMPI_UNIVERSE_", "PRTE_", "HYDI_")


def find_program(command: Sequence[str]) -> None:
    """Raise ConfigError when there is no such program, or it may not be run."""
    if shutil.which(command[0]) is None:
        raise ConfigError(
            f"there is no program {command[0]!r} that can be run",
            where="model.command",
            remedy="give its path (relative to the run file), and make it executable",
        )


def run_program(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> None:
    """Run a program in a folder, where its output is kept, and wait for its end.

    Raises
    ------
    ConfigError
        There is no such program.
    ModelError
        It took longer than ``timeout`` seconds, or did not end with exit code 0; holds the end of
        what it said.
    """
    find_program(command)
    with (folder / STDOUT).open("wb") as out, (folder / STDERR).open("wb") as err:
        process = subprocess.Popen(
            [*_tied_to_this_process(), *command],
            cwd=folder,
            env={**_own_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise ModelError(
                f"the program took longer than {timeout:g} s, and was ended{_said(folder)}",
                where=_line(command, folder),
                remedy="raise model.timeout, or look at where it hangs",
            ) from None
        except BaseException:
            _end(process)
            raise
    if code != 0:
        raise ModelError(
            f"the program {_ended(code)}{_said(folder)}",
            where=_line(command, folder),
            remedy="run the command in that folder by hand",
        )


def _tied_to_this_process() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _own_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(_OF_LAUNCHERS)}


def _end(process: subprocess.Popen) -> None:
    """End a program and what it has started: asked first, so that srun ends its step."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _line(command: Sequence[str], folder: Path) -> str:
    return f"{' '.join(command)}; its folder is kept: {folder}"


def _said(folder: Path) -> str:
    """Return the end of what the program wrote to stderr, or where it was silent to stdout."""
    for name in (STDERR, STDOUT):
        with (folder / name).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
        if any(line.strip() for line in lines):
            return f"; the end of its {name[:-4]}:\n" + "\n".join(f"    {line}" for line in lines)
    return ", and said nothing"
