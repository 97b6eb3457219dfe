"""Settings of every user's server, read as that user when it starts."""

import logging
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from traitlets.config import get_config


def deliver(source: Path, target: Path) -> None:
    """Copy the notebooks that ``target`` does not have; what is there belongs to the user."""
    target.mkdir(exist_ok=True)
    for notebook in sorted(source.glob("*.ipynb")):
        mine = target / notebook.name
        if mine.exists():
            continue
        part = mine.with_suffix(".part")
        shutil.copyfile(notebook, part)  # contents alone: the copy is writable
        part.rename(mine)


def scheduler_hosts() -> list[str]:
    """Return the hosts whose dashboards may be shown: this one, and the scheduler's."""
    scheduler = urlsplit(os.environ.get("DASK_SCHEDULER_ADDRESS", "")).hostname
    return ["localhost", "127.0.0.1", *([scheduler] if scheduler else [])]


os.umask(0o007)  # the group of a shared folder of runs may write what is made there; homes are 0700
try:
    deliver(Path(os.environ["HALOCAST_NOTEBOOKS"]), Path.home() / "halocast-notebooks")
except OSError as error:  # a full disk must not keep anybody out
    logging.getLogger("halocast").error("the notebooks could not be delivered: %s", error)

c = get_config()
c.ServerProxy.host_allowlist = scheduler_hosts()
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
