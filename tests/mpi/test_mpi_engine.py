"""The engine's contract on 1, 2, 3 and 5 ranks: see ``programs/contract.py`` for the checks."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "programs" / "contract.py"
CHECKS = [
    node.name
    for node in ast.parse(PROGRAM.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef)
    and any(isinstance(d, ast.Name) and d.id == "check" for d in node.decorator_list)
]


@pytest.fixture(scope="module")
def report(on_ranks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each check found on each crew."""
    path = tmp_path_factory.mktemp("contract") / "report.json"
    ended = on_ranks(5, PROGRAM, path)
    assert ended.returncode == 0, ended.stderr
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("check", CHECKS)
def test_contract(check: str, size: int, report: dict[str, str]) -> None:
    assert report[f"{check}-{size}"] == ""
