"""A Python that other accounts may run, with the packages of the one that runs the tests.

The interpreter of the tests may lie in a home nobody else can enter. Then an environment is lent:
the system's interpreter of the same version, that looks for packages where the tests' own does.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROGRAMS = {
    "jupyterhub": "from jupyterhub.app import main",
    "jupyterhub-singleuser": "from jupyterhub.singleuser import main",
    "sudospawner": "from sudospawner.mediator import main",
}
NEEDED = "import halocast, jupyterhub, sudospawner, ipykernel, dask_labextension, jupyterlab"


def runs_as(account: str, python: Path) -> bool:
    done = subprocess.run(
        ["sudo", "-n", "-u", account, str(python), "-c", NEEDED], capture_output=True, check=False
    )
    return done.returncode == 0


def bin_for(account: str, folder: Path) -> Path:
    """Return a folder of programs that ``account`` may run; skips where there can be none."""
    own = Path(sys.executable).parent
    if all((own / name).exists() for name in PROGRAMS) and runs_as(account, own / "python"):
        return own
    lent = _lend(folder)
    if not runs_as(account, lent / "python"):
        pytest.skip(f"the packages in {sysconfig.get_path('purelib')} are not readable by others")
    return lent


def _lend(folder: Path) -> Path:
    system = Path("/usr/bin/python3")
    ask = "import sysconfig; print(sysconfig.get_python_version())"
    found = (
        system.exists()
        and subprocess.run(
            [system, "-c", ask], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    if found != sysconfig.get_python_version():
        pytest.skip(
            f"no Python {sysconfig.get_python_version()} that other accounts may run "
            f"(that of the tests is {Path(sys.executable).resolve()})"
        )
    subprocess.run([system, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = folder / "lib" / f"python{found}" / "site-packages"
    own = sysconfig.get_path("purelib")
    (packages / "lent.pth").write_text(f"import site; site.addsitedir({own!r})\n")
    for name, line in PROGRAMS.items():
        program = folder / "bin" / name
        program.write_text(f"#!{folder}/bin/python\nimport sys\n{line}\nsys.exit(main())\n")
        program.chmod(0o755)
    shared = Path(sys.prefix) / "share"
    if shared.exists():
        (folder / "share").symlink_to(shared)
    etc = Path(sys.prefix) / "etc"
    if etc.exists():
        (folder / "etc").symlink_to(etc)
    return folder / "bin"
