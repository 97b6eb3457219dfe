"""Sweeps: one run file, every combination of some keys' values, and what each scored."""

from halocast.sweep.combinations import Combination, combine, parse_vary
from halocast.sweep.outcome import Outcome, Score, write_outcomes
from halocast.sweep.sweep import sweep

__all__ = [
    "Combination",
    "Outcome",
    "Score",
    "combine",
    "parse_vary",
    "sweep",
    "write_outcomes",
]
