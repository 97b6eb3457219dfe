"""What every notebook keeps: cell ids, no outputs, no paths of one machine, valid format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_is_stored_clean(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert "/home/" not in "".join(cell["source"])
    assert notebook["cells"][0]["cell_type"] == "markdown"
    assert "".join(notebook["cells"][0]["source"]).startswith(f"# {path.name[0]} ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_is_valid(path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbformat.validate(nbformat.read(path, as_version=4))


def test_they_are_numbered_without_gaps():
    assert [int(p.name[0]) for p in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))
