"""From a run file to a job in the queue: checked, created, its script written and sent.

The run's folder is made here, before the job waits: what is wrong is said at once, and a job, the
first or a later one, only ever resumes. Synthetic data of a twin are therefore made here, too.
"""

from __future__ import annotations

from pathlib import Path

from halocast.check import check_run
from halocast.config import RunSettings
from halocast.errors import ConfigError, RunError
from halocast.runs import create_run, stored_settings
from halocast.slurm.ledger import note
from halocast.slurm.sbatch import send
from halocast.slurm.script import JOBS
from halocast.stores.run_store import RunStore


def prepare_new(settings: RunSettings, directory: Path) -> None:
    """Check a run file and make the run's folder.

    Raises
    ------
    ConfigError
        The run file has mistakes; all are said.
    RunError
        The folder is not empty.
    """
    problems = check_run(settings)
    if problems:
        raise ConfigError(
            "the run file has mistakes:\n" + "\n".join(f"  - {problem}" for problem in problems),
            where=settings.name,
        )
    create_run(settings, directory)


def prepare_existing(directory: Path) -> RunSettings:
    """Return the settings of a run that is to go on.

    Raises
    ------
    RunError
        All its cycles are committed.
    """
    settings, store = stored_settings(directory), RunStore.open(directory)
    if store.committed() == settings.time.cycles:
        raise RunError("the run is complete; there is nothing to submit", where=str(directory))
    return settings


def write_script(text: str, directory: Path) -> Path:
    """Put the batch script of a run into its folder; returns its path."""
    path = directory.absolute() / JOBS / "job.sh"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def submit(script: Path) -> int:
    """Send a run's script, and note the job in the run's folder; returns the job's number."""
    job = send(script)
    note(script.parent.parent, job, "submitted")
    return job
