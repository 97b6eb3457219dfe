"""Scores of a whole run: means over the cycles, a table for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table

from halocast.diagnostics.scores import Row

MINUS = "\N{MINUS SIGN}"
MEASURES = ("rmse", "bias", "spread", "crps")

WHAT_ORDER = ("analysis", "forecast", "forecast-mean", "free-run")
AGAINST_ORDER = ("truth", "kalman-filter", "truth-at-withheld", "withheld", "assimilated")

# variable: (its name, its unit)
LABELS = {
    "ssh": ("sea-surface height", "m"),
    "u": ("eastward velocity", "m/s"),
    "v": ("northward velocity", "m/s"),
    "t": ("temperature", "K"),
    "h": ("layer thickness", "m"),
    "z": ("state", ""),
}


def label(variable: str) -> tuple[str, str]:
    """Name and unit of a scored variable for people: ``t1`` is temperature in layer 1."""
    base = variable.rstrip("0123456789")
    name, unit = LABELS.get(base, (base, ""))
    layer = variable[len(base) :]
    if layer:
        return f"{name}, layer {layer}", unit
    return (f"surface {name}" if base in ("u", "v", "t") else name), unit


def with_unit(name: str, unit: str) -> str:
    """Write a name with its unit, as axes and headings want it: ``sea-surface height [m]``."""
    return f"{name} [{unit}]" if unit else name


def summarise(cycles: Iterable[Iterable[Row]]) -> list[Row]:
    """Average the rows of many cycles, each cycle counting once.

    A row's measures are plain means over the cycles that have it and know it (a cycle whose
    swath missed the domain has no row); ``n`` is the sum. Rows come out ordered by variable,
    then by what they are held against, then by what is scored.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for rows in cycles:
        for row in rows:
            groups.setdefault((row["what"], row["against"], row["variable"]), []).append(row)
    means = [
        Row(
            what=what,
            against=against,
            variable=variable,
            rmse=_mean_known([row["rmse"] for row in rows]),
            bias=_mean_known([row["bias"] for row in rows]),
            spread=_mean_known([row["spread"] for row in rows]),
            crps=_mean_known([row["crps"] for row in rows]),
            n=sum(row["n"] for row in rows),
        )
        for (what, against, variable), rows in groups.items()
    ]
    return sorted(means, key=_order)


def to_json(rows: Iterable[Row]) -> str:
    """Write rows as JSON; an unknown measure is null (JSON has no NaN)."""
    clean = [
        {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        for row in rows
    ]
    return json.dumps(clean, indent=2)


def table(rows: Iterable[Row], title: str = "Scores, means over the cycles") -> Table:
    """Lay rows out for a terminal: a block a variable, numbers in the variable's unit."""
    result = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    result.add_column("")
    for column in (*MEASURES, "n"):
        result.add_column(column, justify="right", no_wrap=True)
    last: tuple[str, str] = ("", "")
    for row in sorted(rows, key=_order):
        if row["variable"] != last[0]:
            name, unit = label(row["variable"])
            heading = with_unit(name, unit).replace("[", r"\[")
            result.add_row(f"[bold]{heading}[/bold]")
        if (row["variable"], row["against"]) != last:
            result.add_row(f" against {row['against']}", style="dim")
        last = (row["variable"], row["against"])
        fit = " (fit)" if is_fit(row["what"], row["against"]) else ""
        result.add_row(
            f"  {row['what']}{fit}",
            *(number(row[m]) for m in ("rmse", "bias", "spread", "crps")),
            f"{row['n']:,}",
        )
    return result


def against_label(against: str) -> str:
    """Say in words what something is held against."""
    return {
        "truth": "truth",
        "kalman-filter": "exact Kalman filter",
        "truth-at-withheld": "truth where observations were withheld",
        "withheld": "withheld observations",
        "assimilated": "assimilated observations",
    }.get(against, against)


def what_label(what: str, against: str) -> str:
    """Say in words what is scored; an analysis held against its own observations is a fit."""
    words = {
        "forecast-mean": "forecast without noise",
        "free-run": "free run (no assimilation)",
    }.get(what, what)
    return f"{words} (fit)" if is_fit(what, against) else words


def is_fit(what: str, against: str) -> bool:
    """Whether a score compares an analysis with the observations it has just used."""
    return (what, against) == ("analysis", "assimilated")


def number(value: float) -> str:
    """Write a score with three significant digits, or a dash where it is unknown."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}" if digits <= 6 else f"{value:.2e}"


def signed_percent(share: float) -> str:
    """Write a share as −17 %, +3 % or ±0 %."""
    percent = round(100 * share)
    sign = "±" if percent == 0 else MINUS if percent < 0 else "+"
    return f"{sign}{abs(percent)} %"


def _mean_known(values: list[float]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return math.fsum(known) / len(known) if known else math.nan


def _order(row: Row) -> tuple[int, str, int, int]:
    base = row["variable"].rstrip("0123456789")
    layer = row["variable"][len(base) :]
    names = list(LABELS)
    return (
        int(layer or 0) * 100 + (names.index(base) if base in names else len(names)),
        row["variable"],
        AGAINST_ORDER.index(row["against"]) if row["against"] in AGAINST_ORDER else 9,
        WHAT_ORDER.index(row["what"]) if row["what"] in WHAT_ORDER else 9,
    )
