"""Notebooks executed from a clean kernel, in a folder of their own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PACKAGES = ("nbclient", "nbformat", "ipykernel", "hvplot")
SMALL = {
    "time.start": "2024-08-01T08:00:00",  # two hours later SWOT comes by
    "time.cycles": "3",
    "ensemble.members": "4",
    "grid.lat": "[15, 40, 25]",
    "grid.lon": "[-58, -22, 36]",
    "model.time_step": "150",
    "data.twin.spin_up_hours": "1",
    "data.twin.drifters": "30",
}


@dataclass(frozen=True)
class Executed:
    """A notebook after its last cell, and where it ran."""

    cells: list
    folder: Path

    def text(self) -> str:
        """Everything its cells printed or displayed as text."""
        parts = []
        for output in self.outputs():
            parts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
        return "\n".join(parts)

    def outputs(self) -> list:
        return [output for cell in self.cells for output in cell.get("outputs", [])]

    def pictures(self) -> int:
        return sum("image/png" in output.get("data", {}) for output in self.outputs())


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory):
    """A small run of the demo's experiment with a few hours of SWOT and drifters."""
    from halocast.config import find_run_file, read_settings
    from halocast.engines import SerialEngine
    from halocast.runs import carry_out, create_run

    folder = tmp_path_factory.mktemp("demo") / "run"
    settings = read_settings(
        find_run_file("natl-demo"), [f"{key}={value}" for key, value in SMALL.items()]
    )
    create_run(settings, folder)
    carry_out(folder, SerialEngine())
    return folder


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """``execute(name, **parameters)`` runs a notebook; the parameters replace those it has."""
    for package in PACKAGES:
        pytest.importorskip(package, reason=f"{package} is not installed (extra 'notebooks')")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # nobody's start-up files

    def run(name: str, **parameters) -> Executed:
        notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
        tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
        assert len(tagged) == 1
        given = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
        place = notebook.cells.index(tagged[0]) + 1
        notebook.cells.insert(place, nbformat.v4.new_code_cell(given))
        folder = tmp_path / "work"
        folder.mkdir()
        NotebookClient(
            notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute(env=os.environ | {"PYTHONWARNINGS": "default"})
        return Executed(notebook.cells, folder)

    return run
