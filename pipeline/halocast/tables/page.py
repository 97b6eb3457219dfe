"""The page of the tables, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from halocast.diagnostics import Row
from halocast.diagnostics.summary import against_label, number
from halocast.sweep.outcome import known
from halocast.tables.carry_out import Result
from halocast.tables.cases import FREE_RUN, Case, columns
from halocast.tables.ranks import rank_picture

_COLUMNS = {
    "velocity": ("velocity", "m/s", ("u", "v")),
    "t": ("SST", "K", ("t",)),
    "ssh": ("SSH", "m", ("ssh",)),
    "z": ("state", "", ("z",)),
}
_HEALTH = {
    "ess": "effective ancestors", "acceptance": "acceptance", "r_hat": "R-hat",
    "chain_ess": "effective samples", "distinct": "distinct ancestors", "fallback": "fallbacks",
    "rejected": "rejected", "bridge": "bridge", "signal": "signal",
}  # fmt: skip


def write_tables(folder: Path, cases: Sequence[Case], results: Sequence[Result]) -> Path:
    """Write ``tables.json`` and ``tables.html``; returns the page's path."""
    tables = [_table(case, [r for r in results if r.case == case.name]) for case in cases]
    (folder / "tables.json").write_text(
        json.dumps(known([r._asdict() for r in results]), indent=1), encoding="utf-8"
    )
    environment = Environment(
        loader=PackageLoader("halocast.tables"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    css = resources.files("halocast.report") / "templates" / "page.css"
    page = environment.get_template("tables.html.j2").render(
        tables=tables, css=css.read_text(encoding="utf-8"),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    )  # fmt: skip
    path = folder / "tables.html"
    path.write_text(page, encoding="utf-8")
    return path


def together(rows: Sequence[Row], what: str, against: str, column: str, measure: str) -> float:
    """Root mean square over a column's variables of a measure; NaN where one is missing."""
    found: dict[str, Any] = {
        r["variable"]: dict(r)[measure]
        for r in rows
        if (r["what"], r["against"]) == (what, against)
    }
    values = [found.get(v, np.nan) for v in _COLUMNS[column][2]]
    return float(np.sqrt(np.mean(np.square(values))))


def _table(case: Case, results: Sequence[Result]) -> dict[str, Any]:
    done = [r for r in results if not r.error]
    scored = {row["variable"] for r in done for row in r.rows if row["against"] == case.judge}
    names = columns(scored)
    published = {m.name: m.published for m in case.rows}
    lines = [_line(case, r, r.method, "analysis", names, published[r.method]) for r in results]
    if done:
        words = f"forecast before its noise, of {done[0].method}"
        lines.append(_line(case, done[0], words, "forecast-mean", names, {}))
    held = {line["held"] for line in lines if line["withheld"]}
    return {
        "case": case,
        "judge": against_label(case.judge),
        "also": against_label(case.also) if case.also else "",
        "columns": [_COLUMNS[c] for c in names],
        "lines": lines,
        "held": held.pop() if held else "",
        "cycles": done[0].cycles if done else 0,
        "members": done[0].members if done else 0,
        "seed": done[0].seed if done else 0,
        "has_published": any(m.published for m in case.methods),
        "has_ratio": case.judge != "kalman-filter",
        "has_crps": any(v != "–" for line in lines for v in line["crps"]),
        "ranks": rank_picture([(r.method, Path(r.directory)) for r in done]),
    }


def _line(
    case: Case, result: Result, name: str, what: str, names: Sequence[str],
    published: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    ours = what == "analysis"

    def of(against: str, measure: str = "rmse") -> list[float]:
        return [together(result.rows, what, against, c, measure) for c in names]

    errors, spreads = of(case.judge), of(case.judge, "spread")
    held = next(
        (a for a in ("truth-at-withheld", "withheld") if np.isfinite(of(a)).any()), "withheld"
    )
    measured = ours and not result.error
    return {
        "name": name,
        "control": result.method == FREE_RUN or not ours,
        "error": result.error if ours else "",
        "errors": [(number(e), published.get(c)) for e, c in zip(errors, names)],
        "also": [number(e) for e in of(case.also)] if case.also else [],
        "ratio": [number(s / e) if e else "–" for s, e in zip(spreads, errors)],
        "crps": [number(c) for c in of(case.judge, "crps")],
        "held": against_label(held),
        "withheld": [number(h) for h in of(held)] if np.isfinite(of(held)).any() else [],
        "analysis_seconds": f"{result.analysis_seconds:.3f}" if measured else "",
        "seconds": f"{result.seconds:.2f}" if measured else "",
        "health": _health_words(result) if ours else "",
    }


def _health_words(result: Result) -> str:
    return ", ".join(
        f"{words} {number(result.health[key])}"
        for key, words in _HEALTH.items()
        if key in result.health
    )
