"""The batch script of a run, from the templates in ``deploy/slurm``: to be read, and to be changed.

Signals: SLURM warns the script two minutes before the end of its time (``--signal=B:USR1@120``).
The script then asks the run to stop, and sends itself again when the run has done so.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import halocast
from halocast.errors import StoreError
from halocast.slurm.ledger import LEDGER
from halocast.slurm.request import Request

WARNING_SECONDS = 120
JOBS = "jobs"  # the folder of script and logs, in the run's


def script_text(request: Request, name: str, directory: Path) -> str:
    """Return the batch script.

    Parameters
    ----------
    request
        What it asks for.
    name
        Of the run.
    directory
        The run's folder, absolute; it need not exist.
    """
    environment = Environment(
        loader=FileSystemLoader(templates()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = shlex.quote
    return environment.get_template(f"{request.backend}.sh.j2").render(
        request=request,
        name="".join(c if c.isalnum() or c in "._-" else "-" for c in name),
        directory=str(directory),
        folder=str(directory / JOBS),
        log=str(directory / JOBS).replace("%", "%%") + "/%j.log",
        ledger=str(directory / LEDGER),
        python=sys.executable,
        mpirun=_mpirun(),
        warning=WARNING_SECONDS,
    )


def templates() -> Path:
    """Return the folder of the templates: in the installed package, or in the checkout."""
    package = Path(halocast.__file__).parent
    for folder in (package / "deploy" / "slurm", package.parents[1] / "deploy" / "slurm"):
        if folder.is_dir():
            return folder
    raise StoreError(
        "the templates of batch scripts are not there",
        where=str(package),
        remedy="install halocast again",
    )


def _mpirun() -> str:
    """Return the launcher beside this Python, which belongs to its MPI library; else the site's."""
    beside = Path(sys.prefix) / "bin" / "mpirun"
    return str(beside) if beside.exists() else shutil.which("mpirun") or "mpirun"
