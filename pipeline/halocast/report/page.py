"""The page: a run's report in one self-contained HTML file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined

from halocast.diagnostics.summary import against_label, label, number, what_label
from halocast.report.health import block_chart, health_table
from halocast.report.maps import error_maps, observation_maps, state_maps, update_maps
from halocast.report.reliability import (
    innovation_chart,
    innovation_table,
    rank_chart,
    spread_skill_chart,
)
from halocast.report.series import error_series
from halocast.report.style import house_style
from halocast.report.verdict import gains, verdict
from halocast.report.view import RunView, time_text
from halocast.sources.rows import FATE_MEANING, Fate

USED_FATES = (Fate.ASSIMILATED, Fate.WITHHELD, Fate.MERGED)


def build_page(tree: xr.DataTree, title: str = "") -> str:
    """Write a run's report as one HTML text with all pictures inside.

    Parameters
    ----------
    tree
        The run, as ``halocast.open_run`` gives it. Truth, free run, reference filter,
        observations and health may be missing; their parts are then left out.
    title
        Headline; by default the run file's ``name``.
    """
    view = RunView(tree)
    with house_style():
        pictures = {
            "state": state_maps(view),
            "step": update_maps(view),
            "errors": error_maps(view),
            "observations": observation_maps(view),
            "series": error_series(view),
            "spread_skill": spread_skill_chart(view),
            "ranks": rank_chart(view),
            "innovations": innovation_chart(view),
            "blocks": block_chart(view),
        }
    environment = Environment(
        loader=PackageLoader("halocast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template("page.html.j2").render(
        title=title or str(view.config.get("name") or "Run"),
        verdict=verdict(view.summary),
        gains=[(g, against_label(g.against)) for g in gains(view.summary)],
        facts=facts(view),
        scores=score_lines(view),
        fates=fate_lines(view),
        innovation_rows=innovation_table(view),
        health_rows=health_table(view),
        record=list(flatten(view.record)),
        config=view.config_text,
        pictures=pictures,
    )


def write_page(tree: xr.DataTree, path: Path) -> Path:
    """Write the page to a file, whole or not at all."""
    text = build_page(tree)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def facts(view: RunView) -> list[tuple[str, str]]:
    """List what was run, in a few words each."""
    found = [("cycles", f"{view.n_cycles}")]
    if view.geographic:
        found.append(("first analysis", time_text(view.times[0])))
        found.append(("last analysis", time_text(view.times[-1])))
    (south, north), (west, east) = ((e[0], e[-1]) for e in view.edges)
    found.append(("grid", f"{view.shape[0]} × {view.shape[1]} cells"))
    if view.geographic:
        found.append(("region", f"{_degrees(south, 'NS')}–{_degrees(north, 'NS')}, "
                                f"{_degrees(west, 'EW')}–{_degrees(east, 'EW')}"))  # fmt: skip
    members = (view.config.get("ensemble") or {}).get("members")
    if members is not None:
        found.append(("members", str(members)))
    used = int(view.observed(fates=(Fate.ASSIMILATED,)).sum())
    found.append(("observations assimilated", f"{used:,}"))
    return found


def _degrees(value: float, letters: str) -> str:
    return f"{abs(value):g}°{letters[0] if value >= 0 else letters[1]}"


def score_lines(view: RunView) -> list[dict[str, Any]]:
    """Rows of the score table: words, numbers, and the gain over the free run."""
    free = {
        (r["against"], r["variable"]): r["rmse"] for r in view.summary if r["what"] == "free-run"
    }
    lines: list[dict[str, Any]] = []
    last: tuple[str, str] = ("", "")
    for row in view.summary:
        name, unit = label(row["variable"])
        key = (row["variable"], row["against"])
        base = free.get((row["against"], row["variable"]), np.nan)
        gain = 1 - row["rmse"] / base if row["what"] != "free-run" and base > 0 else None
        lines.append(
            {
                **row,
                "name": name if row["variable"] != last[0] else "",
                "unit": unit,
                "reference": against_label(row["against"]) if key != last else "",
                "words": what_label(row["what"], row["against"]),
                "gain": gain,
            }
        )
        last = key
    return lines


def fate_lines(view: RunView) -> list[dict[str, Any]]:
    """Rows of the table of fates, the used ones first, then by number."""
    counts = view.fate_counts
    total = sum(counts.values())
    order = sorted(counts, key=lambda f: (f not in USED_FATES, -counts[f], f))
    return [
        {
            "name": fate.name.lower().replace("_", " "),
            "meaning": FATE_MEANING[fate],
            "n": counts[fate],
            "share": counts[fate] / total,
            "kind": {Fate.ASSIMILATED: "used", Fate.MERGED: "used", Fate.WITHHELD: "withheld"}.get(
                fate, "aside"
            ),
        }
        for fate in order
    ]


def flatten(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Turn nested entries into (dotted key, text) pairs."""
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
