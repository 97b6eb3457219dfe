"""The words and numbers of the page: facts, lines of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from halocast.diagnostics import Row
from halocast.diagnostics.summary import against_label, label, what_label
from halocast.report.view import RunView, time_text
from halocast.sources.rows import FATE_MEANING, Fate

USED_FATES = (Fate.ASSIMILATED, Fate.WITHHELD, Fate.MERGED)


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
    if view.reference == "kalman-filter":
        found.append(("spread / exact filter's", f"{_spread_ratio(view):.3f}"))
    return found


def _spread_ratio(view: RunView) -> float:
    """Spread of the last analysis over the exact filter's."""
    variable, cycle = view.main_variable, view.n_cycles - 1
    sea = view.sea
    ours = view.field("analysis", "spread", variable, cycle)[sea]
    exact = view.exact_spread(variable, cycle)[sea]
    return float(np.sqrt(np.mean(ours**2) / np.mean(exact**2)))


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
        # the exact filter's forecast is what a forecast is held against, its analysis the free run
        apart = row["against"] == "kalman-filter" and row["what"] != "analysis"
        known = row["what"] != "free-run" and base > 0 and not apart
        gain = 1 - row["rmse"] / base if known else None
        lines.append(
            {
                **row,
                "name": name if row["variable"] != last[0] else "",
                "unit": unit,
                "reference": _reference(view, row) if key != last else "",
                "words": what_label(row["what"], row["against"]),
                "gain": gain,
                "deep": row["variable"][-1].isdigit(),
            }
        )
        last = key
    return lines


def _reference(view: RunView, row: Row) -> str:
    observed = row["against"] in ("withheld", "assimilated") and view.transformed(row["variable"])
    return against_label(row["against"]) + (" (as observed)" if observed else "")


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


def failure_lines(view: RunView) -> list[dict[str, Any]]:
    """Rows of the table of members whose forecast failed, in order of cycles."""
    return [
        {
            "moment": view.moment(entry["cycle"] - 1),
            "member": f"{entry['member']} of the {entry['track']}",
            "done": f"replaced by member {entry['donor']}" if "donor" in entry else entry["done"],
            "what": "; ".join(filter(None, (entry["what"], entry["where"]))),
        }
        for entry in view.tree.attrs.get("failures", ())
    ]


def observations_made(view: RunView) -> str:
    """Count the observations that were made of the raw rows, by fate, in words."""
    fates = {
        Fate.ASSIMILATED: "assimilated",
        Fate.WITHHELD: "withheld",
        Fate.GROSS_ERROR: "rejected as too far from the forecast",
    }
    counts = {words: int(view.observed(fates=(fate,)).sum()) for fate, words in fates.items()}
    parts = [f"{n:,} {words}" for words, n in counts.items() if n]
    return f"{sum(counts.values()):,} observations: {', '.join(parts)}" if parts else ""


def flatten(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Turn nested entries into (dotted key, text) pairs."""
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
