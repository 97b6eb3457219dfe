"""Local Dask workers in process groups of their own; given to them as a preload.

A Ctrl-C in a terminal goes to all processes in the foreground. The driver then ends its cycle with
a checkpoint, and needs its workers for that.
"""

from __future__ import annotations

import os
from typing import Any


def dask_setup(worker: Any) -> None:
    """Leave the driver's process group; called by a worker when it starts."""
    os.setpgid(0, 0)
