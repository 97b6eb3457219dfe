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
from halocast.tables.carry_out import Result
from halocast.tables.cases import Case, columns
from halocast.tables.ranks import rank_picture

_COLUMNS = {
    "velocity": ("velocity", "m/s", ("u", "v")),
    "t": ("SST", "K", ("t",)),
    "ssh": ("SSH", "m", ("ssh",)),
    "z": ("state", "", ("z",)),
}
_EXTRA = (("free-run", "free run (no assimilation)"), ("forecast-mean", "forecast without noise"))
_HEALTH = {
    "ess": "effective ancestors", "acceptance": "acceptance", "r_hat": "R-hat",
    "chain_ess": "effective samples", "distinct": "distinct ancestors", "fallback": "fallbacks",
    "rejected": "rejected", "bridge": "bridge", "signal": "signal",
}  # fmt: skip


def write_tables(folder: Path, cases: Sequence[Case], results: Sequence[Result]) -> Path:
    """Write ``tables.json`` and ``tables.html``; returns the page's path."""
    tables = [_table(case, [r for r in results if r.case == case.name]) for case in cases]
    (folder / "tables.json").write_text(
        json.dumps([r._asdict() for r in results], indent=1), encoding="utf-8"
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
    found = {
        r["variable"]: r[measure] for r in rows if (r["what"], r["against"]) == (what, against)
    }  # type: ignore[literal-required]
    values = [found.get(v, np.nan) for v in _COLUMNS[column][2]]
    return float(np.sqrt(np.mean(np.square(values))))


def _table(case: Case, results: Sequence[Result]) -> dict[str, Any]:
    done = [r for r in results if not r.error]
    scored = {row["variable"] for r in done for row in r.rows if row["against"] == case.judge}
    names = columns(scored)
    published = {m.name: m.published for m in case.methods}
    lines = [_line(case, r, r.method, "analysis", names, published[r.method]) for r in results]
    if done:
        lines += [
            _line(case, done[0], words, what, names, {})
            for what, words in _EXTRA
            if any(row["what"] == what and row["against"] == case.judge for row in done[0].rows)
        ]
    return {
        "case": case,
        "judge": against_label(case.judge),
        "columns": [_COLUMNS[c] for c in names],
        "lines": lines,
        "has_withheld": any(line["withheld"] for line in lines),
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
    errors = [together(result.rows, what, case.judge, c, "rmse") for c in names]
    spreads = [together(result.rows, what, case.judge, c, "spread") for c in names]
    crps = [together(result.rows, what, case.judge, c, "crps") for c in names]
    held = [together(result.rows, what, "truth-at-withheld", c, "rmse") for c in names]
    if not np.isfinite(held).any():
        held = [together(result.rows, what, "withheld", c, "rmse") for c in names]
    return {
        "name": name,
        "error": result.error if ours else "",
        "errors": [(number(e), published.get(c)) for e, c in zip(errors, names)],
        "ratio": [number(s / e) if e else "–" for s, e in zip(spreads, errors)],
        "crps": [number(c) for c in crps],
        "withheld": [number(h) for h in held] if np.isfinite(held).any() else [],
        "analysis_seconds": f"{result.analysis_seconds:.3f}" if ours and not result.error else "",
        "seconds": f"{result.seconds:.2f}" if ours and not result.error else "",
        "health": ", ".join(
            f"{words} {number(result.health[key])}"
            for key, words in _HEALTH.items()
            if key in result.health
        )
        if ours
        else "",
    }
