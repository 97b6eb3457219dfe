"""The scoreboard's page, and the same as JSON and CSV."""

from __future__ import annotations

import csv
import json
import os
import platform
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from halocast.diagnostics.summary import signed_percent
from halocast.laboratory.board.boards import Board, BoardRow
from halocast.laboratory.board.carry_out import BoardRun
from halocast.laboratory.board.scores import RowScore, score_row

TOLERANCE = 1.1  # of a documented number


class Line(NamedTuple):
    """A row of a board: its score, or why there is none."""

    board: str
    row: BoardRow
    score: RowScore | None
    error: str

    @property
    def apart(self) -> float:
        """Share by which the score is above the documented number; NaN where one is missing."""
        if self.score is None or self.row.documented is None:
            return np.nan
        return self.score.analysis / self.row.documented - 1

    @property
    def verdict(self) -> str:
        """Whether the score is within 10 % of the documented number or better."""
        if self.score is None or self.row.documented is None:
            return ""
        return "yes" if self.score.analysis <= TOLERANCE * self.row.documented else "no"


class Summary(NamedTuple):
    """How many rows have a documented number, how many are within 10 % of it or better, and which
    are not."""

    documented: int
    within: int
    outside: list[dict[str, str]]


def summarise(lines: Sequence[Line]) -> Summary:
    """Count the rows that reach their documented numbers, and say of the others why not."""
    documented = [line for line in lines if line.row.documented is not None]
    outside = [line for line in documented if line.verdict != "yes"]
    return Summary(
        len(documented), len(documented) - len(outside),
        [{"board": line.board, **words_of(line)} for line in outside],
    )  # fmt: skip


def lines_of(boards: Sequence[Board], runs: Sequence[BoardRun]) -> list[Line]:
    """Put the trials of every row together; rows of which nothing is known are left out."""
    found: dict[tuple[str, str], list[BoardRun]] = {}
    for run in sorted(runs, key=lambda r: r.seed):
        found.setdefault((run.board, run.row), []).append(run)
    lines = []
    for board in boards:
        for row in board.rows:
            trials = found.get((board.name, row.name), [])
            if not trials:
                continue
            failed = [t.error for t in trials if t.error]
            error = f"{len(failed)} of {len(trials)} seeds failed: {failed[0]}" if failed else ""
            scores = [t.score for t in trials if t.score is not None]
            lines.append(Line(board.name, row, None if error else score_row(scores), error))
    return lines


def write_boards(folder: Path, boards: Sequence[Board], runs: Sequence[BoardRun]) -> Path:
    """Write ``scoreboard.json``, ``.csv`` and ``.html``; returns the page's path."""
    lines = lines_of(boards, runs)
    records = [
        _record(board, line) for board in boards for line in lines if line.board == board.name
    ]
    text = json.dumps(records, indent=1)
    (folder / "scoreboard.json").write_text(text, encoding="utf-8")
    _write_csv(folder / "scoreboard.csv", records)
    environment = Environment(
        loader=PackageLoader("halocast.laboratory.board"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    css = resources.files("halocast.report") / "templates" / "page.css"
    page = environment.get_template("scoreboard.html.j2").render(
        summary=summarise(lines),
        boards=[_view(board, [x for x in lines if x.board == board.name]) for board in boards],
        css=css.read_text(encoding="utf-8"),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    )  # fmt: skip
    path = folder / "scoreboard.html"
    path.write_text(page, encoding="utf-8")
    return path


def words_of(line: Line) -> dict[str, str]:
    """Return a line's columns as words, for a page or a terminal."""
    row, score = line.row, line.score
    documented = "" if row.documented is None else _documented(row.documented)
    if score is None:
        why = " ".join(filter(None, [line.error.splitlines()[0].rstrip(".") + ".", row.why]))
        return {"method": row.name, "score": "failed", "documented": documented, "why": why}
    remarks = [row.why] if row.why else []
    if score.diverged:
        remarks.insert(0, f"{score.diverged} of {score.seeds} seeds diverged.")
    elif score.lost >= 0.005:
        remarks.insert(0, f"Worse than climatology in {score.lost:.1%} of the cycles.")
    return {
        "method": row.name,
        "score": _plus_minus(score.analysis, score.error_bar),
        "documented": documented,
        "within": line.verdict,
        "apart": signed_percent(line.apart) if np.isfinite(line.apart) else "",
        "forecast": _number(score.forecast),
        "spread": _number(score.spread),
        "seconds": f"{score.seconds:.2g}" if score.seconds < 10 else f"{score.seconds:.0f}",
        "seeds": f"{score.seeds} × {score.cycles}",
        "why": " ".join(remarks),
    }


def _plus_minus(value: float, error: float) -> str:
    if not np.isfinite(value):
        return "diverged"
    return f"{value:.3f} ± {error:.3f}" if np.isfinite(error) else f"{value:.3f}"


def _documented(value: float) -> str:
    """Write a documented number with the two digits it has, or more."""
    return f"{value:.2f}" if value == round(value, 2) else f"{value:g}"


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def settings_words(row: BoardRow) -> str:
    """Say how a method was set."""
    parts = [
        key if value is True else f"{key} {_plain(value)}" for key, value in row.settings.items()
    ]
    if row.members is not None:
        parts.insert(0, f"{row.members} members")
    if row.radius is not None:
        parts.append(f"loc_rad {row.radius:g} ({row.localization})")
    if row.jitter:
        parts.append(f"kernel for model noise {row.jitter:g}")
    if row.inflation != 1.0:
        parts.append(f"inflation {row.inflation:g}")
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, list):
        return "x".join(map(str, value))
    return str(value)


def _record(board: Board, line: Line) -> dict[str, Any]:
    row, score = line.row, line.score
    known = {} if score is None else score._asdict()
    finite = {k: v if np.isfinite(v) else None for k, v in known.items()}
    return {
        "board": board.name, "problem": board.problem, "name": row.name, "method": row.method,
        "members": row.members, "settings": settings_words(row), **finite,
        "documented": row.documented, "source": row.source or board.source,
        "within_tenth": line.verdict, "why": row.why, "error": line.error,
    }  # fmt: skip


def _write_csv(path: Path, records: Sequence[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(key for record in records for key in record))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(records)


def _view(board: Board, lines: Sequence[Line]) -> dict[str, Any]:
    climate = [line.score.climatology for line in lines if line.score is not None]
    best = np.nanmin([np.inf, *(x.score.analysis for x in lines if x.score is not None)])
    return {
        "board": board,
        "lines": [
            {
                **words_of(x),
                "settings": settings_words(x.row),
                "source": x.row.source,
                "best": x.score is not None and x.score.analysis == best,
            }
            for x in lines
        ],
        "climatology": _number(float(np.mean(climate))) if climate else "–",
    }
