"""A real SLURM of two nodes on this host, of its own in every respect; and cycles made slow."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_cases import SCRIPT, Slurm

# put first on the path of a job's Python: cycles take their time while a file is there
SLOW = """
import os, time
def slow_down():
    from halocast.stores.run_store import RunStore
    commit = RunStore.commit
    def slowly(self, *arguments, **more):
        if os.path.exists({file!r}):
            time.sleep({seconds})
        return commit(self, *arguments, **more)
    RunStore.commit = slowly
if any(word == "resume" for word in sys.argv):
    slow_down()
"""


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A cluster for all tests of the folder; skips where SLURM is not installed."""
    for program in ("slurmctld", "slurmd", "sbatch", "munged"):
        if shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin") is None:
            pytest.skip(f"no {program}: apt-get install --no-install-recommends slurm-wlm munge")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # sockets need short paths
    patch = pytest.MonkeyPatch()
    try:
        subprocess.run([SCRIPT, "start", folder], check=True, timeout=60)
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        yield Slurm()
        subprocess.run(["scancel", "--user", str(_user())], timeout=30, check=False)
    finally:
        subprocess.run([SCRIPT, "stop", folder], check=True, timeout=60)
        patch.undo()
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def slowness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file; as long as it is there, every cycle of a job takes two seconds longer."""
    file, folder = tmp_path / "slow", tmp_path / "path"
    file.touch()
    folder.mkdir()
    text = "import sys\n" + SLOW.format(file=str(file), seconds=2.0)
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    return file
