"""What became of the combinations of a sweep, as tidy tables."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from halocast.diagnostics import Row
from halocast.errors import ConfigError


class Score(NamedTuple):
    """Which score a sweep is judged by: ``analysis:truth:ssh``."""

    what: str
    against: str
    variable: str

    @classmethod
    def parse(cls, text: str) -> Score:
        """Read ``what:against:variable``."""
        parts = text.split(":")
        if len(parts) != 3:
            raise ConfigError(
                f"--score {text!r} is not of the form what:against:variable",
                remedy="write for instance analysis:truth:ssh",
            )
        return cls(*parts)


class Outcome(NamedTuple):
    """A combination's values, its scores, the time it took, and its error where it failed."""

    values: dict[str, Any]
    rows: list[Row]
    seconds: float
    error: str = ""

    def value(self, score: Score, measure: str = "rmse") -> float:
        """The judged score; NaN where the combination failed or has none such."""
        for row in self.rows:
            if (row["what"], row["against"], row["variable"]) == score:
                return float(row[measure])  # type: ignore[literal-required]
        return float("nan")


def require_score(outcomes: Sequence[Outcome], score: Score) -> None:
    """Raise ConfigError, naming the scores there are, when no outcome has this one."""
    there = {":".join((r["what"], r["against"], r["variable"])) for o in outcomes for r in o.rows}
    if there and ":".join(score) not in there:
        raise ConfigError(
            f"no combination has the score {':'.join(score)}",
            where="--score",
            remedy=f"one of {', '.join(sorted(there))}",
        )


def default_score(outcomes: Sequence[Outcome]) -> Score:
    """Return the analysis' best judge: exact filter, truth, withheld; of the first variable."""
    for against in ("kalman-filter", "truth", "truth-at-withheld", "withheld", "assimilated"):
        for outcome in outcomes:
            for row in outcome.rows:
                if row["what"] == "analysis" and row["against"] == against:
                    return Score("analysis", against, row["variable"])
    return Score("analysis", "truth", "")


def known(value: Any) -> Any:
    """Replace what is not a number by None, as JSON wants it, everywhere in a structure."""
    if isinstance(value, dict):
        return {k: known(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [known(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_outcomes(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write ``results.json`` and ``results.csv``, one line a score of a combination."""
    (folder / "results.json").write_text(
        json.dumps(known([o._asdict() for o in outcomes]), indent=1), encoding="utf-8"
    )
    keys = list(outcomes[0].values)
    measures = ["what", "against", "variable", "rmse", "bias", "spread", "crps", "n"]
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *measures, "seconds", "error"])
        for outcome in outcomes:
            rows: Sequence[Mapping[str, Any]] = outcome.rows or [{}]
            for row in rows:
                writer.writerow(
                    [*outcome.values.values(), *(row.get(m, "") for m in measures),
                     f"{outcome.seconds:.3f}", outcome.error]
                )  # fmt: skip
