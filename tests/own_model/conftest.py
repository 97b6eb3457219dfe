"""Data, run files and a compiled program, made once for the tests of models of one's own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import own_cases
import pytest
from halocast.config import RunSettings, read_settings


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data store."""
    store = tmp_path_factory.mktemp("own-data") / "data.zarr"
    own_cases.write_data(store)
    return store


@pytest.fixture(scope="session")
def fortran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled program, its namelist and its initial restart file."""
    folder = tmp_path_factory.mktemp("fortran")
    for tool, package in (("gfortran", "gfortran"), ("nf-config", "libnetcdff-dev")):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}: install the package {package}")
    (folder / "tracer.f90").write_text(own_cases.FORTRAN, encoding="utf-8")
    flags = shlex.split(
        subprocess.check_output(["nf-config", "--fflags", "--flibs"], text=True, timeout=30)
    )
    # without fused multiply-adds the program has the bits of the Python class
    command = ["gfortran", "-O2", "-ffp-contract=off", "tracer.f90", "-o", "tracer", *flags]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    (folder / "namelist").write_text(own_cases.NAMELIST, encoding="utf-8")
    own_cases.write_initial(folder / "initial.nc")
    return folder


@pytest.fixture(scope="session")
def python_settings(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunSettings:
    """A run with the Python class, whose file is gone when it runs."""
    folder = tmp_path_factory.mktemp("python-run")
    module = folder / "my_model.py"
    module.write_text(own_cases.MY_MODEL, encoding="utf-8")
    model = {"kind": "python", "class": "my_model:Tracer", "options": {"decay": 0.02}}
    path = own_cases.write_run(folder / "run.yaml", own_cases.run_tree(data, model))
    settings = read_settings(path)
    module.unlink()
    return settings


@pytest.fixture(scope="session")
def external_settings(data: Path, fortran: Path) -> RunSettings:
    """A run with the compiled program."""
    model = {
        "kind": "external",
        "name": "tracer in Fortran",
        "command": "tracer {restart_in} {restart_out} {steps}",
        "fields": {"tracer": {"units": "1", "variable": "concentration"}},
        "initial": "initial.nc",
        "files": ["namelist"],
        "time_step": 600,
        "timeout": 30,
    }
    return read_settings(own_cases.write_run(fortran / "run.yaml", own_cases.run_tree(data, model)))
