"""Scores that documented ones and theory say a correct filter reaches (methods G)."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.laboratory.board import load_boards, run_boards
from halocast.laboratory.board.page import TOLERANCE, lines_of
from halocast.laboratory.problems import problem_of
from halocast.laboratory.registry import MethodEntry, build
from halocast.laboratory.trial import run_trial

# problem, method, members, settings, cycles, documented: those that are quick
QUICK = [
    ("lorenz63-sakov2012", "oi", None, {}, 1100, 1.25),
    ("lorenz63-sakov2012", "3dvar", None, {"scale": 0.1}, 1100, 1.04),
    ("lorenz63-sakov2012", "etkf", 10, {"inflation": 1.02, "rotation": 1}, 2100, 0.60),
    ("lorenz63-sakov2012", "sir", 100, {"jitter": 2.4, "threshold": 0.3}, 2100, 0.38),
    ("lorenz96-sakov2008", "oi", None, {}, 1400, 0.95),
    ("lorenz96-sakov2008", "3dvar", None, {"scale": 0.02}, 1400, 0.41),
    ("lorenz96-sakov2008", "etkf", 24, {"inflation": 1.013, "rotation": 1}, 1400, 0.18),
    ("lorenz96-sakov2008", "enkf", 40, {"inflation": 1.06}, 1400, 0.22),
    ("lorenz96-sakov2008", "ensrf", 28, {"inflation": 1.02, "rotation": 1}, 1400, 0.18),
    ("lorenz96-sakov2008", "denkf", 40, {"inflation": 1.01}, 1400, 0.18),
]


@pytest.mark.parametrize(
    ("name", "method", "members", "settings", "cycles", "documented"),
    QUICK,
    ids=[f"{q[0]}-{q[1]}" for q in QUICK],
)
def test_documented_scores_are_reached(name, method, members, settings, cycles, documented):
    problem = problem_of(name)
    entry = MethodEntry(method=method, members=members, settings=settings)
    trial = run_trial(problem, build(entry, problem), 1, cycles)
    assert trial.analysis < TOLERANCE * documented


def test_a_localized_filter_beats_the_number_that_took_ten_thousand_particles():
    """bocquet2010_m40: 0.58 of EnKF-N, 0.57 of 10 000 particles (DAPPER); here 40 members."""
    entry = MethodEntry(
        method="letkf", members=40,
        settings={"block": [1, 8], "radius": 7.28, "inflation": 1.02},
    )  # fmt: skip
    problem = problem_of("lorenz96-bocquet2010_m40")
    trial = run_trial(problem, build(entry, problem), 1, 1000)
    assert trial.analysis < 0.58


def test_no_filter_is_better_than_kalmans_where_all_is_linear():
    problem = problem_of("linear-advection-raanes2015", n=60, observed=6)
    best = run_trial(problem, build(MethodEntry(method="kf"), problem), 1, 300)
    scores = [
        run_trial(problem, build(MethodEntry.model_validate(entry), problem), 1, 300).analysis
        for entry in (
            {"method": "etkf", "members": 200},
            {"method": "etkf", "members": 40},
            {"method": "enkf", "members": 40},
        )
    ]
    assert best.analysis < min(scores)
    # a large ensemble comes near
    assert scores[0] < 1.15 * best.analysis
    assert best.analysis == pytest.approx(best.spread, rel=0.06)


@pytest.mark.full
@pytest.mark.parametrize("board", [board.name for board in load_boards()])
def test_boards_hold_or_say_why(board, tmp_path):
    """Every row ends, and one that documents a number is within a tenth of it; or it says why."""
    boards = [b for b in load_boards() if b.name == board]
    lines = lines_of(boards, list(run_boards(boards, tmp_path, workers=2)))
    silent = [x.row.name for x in lines if (x.error or x.verdict == "no") and not x.row.why]
    assert not silent
    assert all(np.isfinite(x.score.error_bar) for x in lines if x.score is not None)
