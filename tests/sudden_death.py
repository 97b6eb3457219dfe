"""A run that dies where it hurts most."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

# dies between the last array of a cycle and its commit record: the cycle has not happened
_KILL_BEFORE_COMMIT = """
import os, signal, sys
from halocast.engines import SerialEngine
from halocast.runs import carry_out
from halocast.stores.run_store import RunStore
commit = RunStore.commit
def dying(self, cycle, summary, digests):
    if cycle == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self, cycle, summary, digests)
RunStore.commit = dying
carry_out(sys.argv[1], SerialEngine())
"""


def die_before_commit(run: Path, cycle: int) -> None:
    """Carry a run out in a process of its own, which is killed just before it commits a cycle."""
    command = [sys.executable, "-c", _KILL_BEFORE_COMMIT, str(run), str(cycle)]
    died = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
