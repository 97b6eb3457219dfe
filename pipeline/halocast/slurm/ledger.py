"""The jobs of a run: ``jobs.jsonl`` in its folder, one JSON object a line, oldest first.

``submitted`` is written by `halocast submit`; ``started``, ``stopping``, ``ended`` (with the exit
code) and ``continued`` (with the next job) by the batch script itself.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LEDGER = "jobs.jsonl"


def note(directory: Path, job: int, event: str, **more: Any) -> None:
    """Add a line."""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = json.dumps({"time": time, "job": job, "event": event, **more})
    with open(directory / LEDGER, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def entries(directory: Path) -> list[dict[str, Any]]:
    """Return the lines there are; a job that was killed may have left none of its end."""
    path = directory / LEDGER
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
