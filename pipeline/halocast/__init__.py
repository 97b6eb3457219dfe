"""halocast: ensemble data assimilation for the ocean, the same answer on any cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from xarray import DataTree

__version__ = "0.1.0"
__all__ = ["__version__", "open_run"]


def open_run(directory: str | Path) -> DataTree:
    """Open a run, live, finished or dead, as labelled data.

    Returns
    -------
    xarray.DataTree
        Lazily chunked, with the committed cycles only: ``/analysis/mean``, ``/analysis/spread``,
        ``/forecast``, ``/free_run``, ``/observations``, ``/fates``, ``/health``, ``/scores``.

    Raises
    ------
    RunError
        There is no run in this folder.
    """
    from halocast.stores.open_run import open_run as _open_run

    return _open_run(directory)
