"""The notebooks on models and observations of one's own, run as stored from a clean kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from halocast.runs import run_scores

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
CASES = {
    "4-bring-your-own-model": ("own-model", "truth"),
    "5-bring-your-own-observations": ("own-observations", "truth-at-withheld"),
}


def read(name: str):
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install '.[notebooks]'")
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


@pytest.mark.parametrize("name", CASES)
def test_a_notebook_is_stored_without_outputs_and_with_ids(name: str) -> None:
    cells = read(name).cells
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("name", CASES)
def test_a_notebook_runs_and_its_assimilation_helps(name: str, tmp_path: Path) -> None:
    reason = "no {}: pip install '.[notebooks]'"
    nbclient = pytest.importorskip("nbclient", reason=reason.format("nbclient"))
    pytest.importorskip("ipykernel", reason=reason.format("ipykernel"))
    notebook = read(name)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    drawn = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert drawn
    folder, against = CASES[name]
    rows = run_scores(tmp_path / folder / "run")
    rmse = {row["what"]: row["rmse"] for row in rows if row["against"] == against}
    assert rmse["analysis"] < 0.8 * rmse["free-run"]
    assert rmse["analysis"] < rmse["forecast"]
