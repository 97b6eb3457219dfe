"""Particle and quantile filters on the papers' problems: short here, three seeds with --full.

The numbers beside are DAPPER's documented scores (root mean square errors of the analysis mean),
where it has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from halocast.filters.particle import enkpf, localized, sir
from halocast.filters.quantile import filter as quantile
from halocast.laboratory.local import LocalMethod, schur
from halocast.laboratory.methods import EnsembleMethod, Method
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems import lorenz63, lorenz96
from halocast.laboratory.trial import run_trial


class Row(NamedTuple):
    """A filter on a problem: its members, its radius, and what it must not exceed.

    Schur localization where there is a radius, and windows of their own where it is ``local``.
    """

    problem: Callable[[], Problem]
    analyse: Any
    settings: Any
    members: int
    radius: float | None
    limit: float
    local: bool = False


SIR = sir.SirSettings
ROWS = {
    "sir-63-100": Row(
        lorenz63.sakov2012, sir.analyse, SIR(threshold=0.3, jitter=2.4), 100, None, 0.38
    ),
    "sir-63-800": Row(
        lorenz63.sakov2012, sir.analyse, SIR(threshold=0.2, jitter=0.9), 800, None, 0.28
    ),
    "sir-bocquet2010-50": Row(
        lorenz96.bocquet2010, sir.analyse, SIR(threshold=0.3, jitter=1.7), 50, None, 1.15
    ),
    "sir-bocquet2010-100": Row(
        lorenz96.bocquet2010, sir.analyse, SIR(threshold=0.2, jitter=1.3), 100, None, 0.43
    ),
    "sir-bocquet2010-800": Row(  # 0.29 in DAPPER, over fewer cycles
        lorenz96.bocquet2010, sir.analyse, SIR(threshold=0.2, jitter=0.8), 800, None, 1.1 * 0.29
    ),
    "rhf-63-50": Row(
        lorenz63.anderson2010rhf, quantile.analyse_rhf, quantile.RhfSettings(), 50, None, 0.94
    ),
    "qceff-63-50": Row(  # 0.87 is the EAKF's, with 20 members
        lorenz63.anderson2010rhf, quantile.analyse_qceff, quantile.QceffSettings(inflation=1.06),
        50, None, 0.87,
    ),
    "lpf-96-40": Row(
        lorenz96.sakov2008, localized.analyse, localized.LocalizedSettings(jitter=0.1), 40, 1.65,
        0.305,
    ),
    "lpf-96-100": Row(
        lorenz96.sakov2008, localized.analyse, localized.LocalizedSettings(alpha=0.9, jitter=0.1),
        100, 2.2, 0.288,
    ),
    "enkpf-frei2013-400": Row(  # the paper's own problem; EnKF-N has 0.80 there, the LETKF 0.79
        lorenz96.frei2013bridging, enkpf.analyse, enkpf.EnkpfSettings(), 400, 5.5, 0.79
    ),
    "enkpf-m40-100": Row(  # gamma 1: EnKF-N has 0.58 with 24 members, particle filters with 10,000
        lorenz96.bocquet2010_m40, enkpf.analyse,
        enkpf.EnkpfSettings(gamma=1.0, inflation=1.01), 100, 6.6, 0.58, local=True,
    ),
}  # fmt: skip


def _method(row: Row) -> Method:
    if row.local:
        assert row.radius is not None
        return LocalMethod(row.analyse, row.settings, row.members, row.radius)
    tapers = None if row.radius is None else schur(row.radius)
    return EnsembleMethod(row.analyse, row.settings, row.members, tapers)


def _score(row: Row, seed: int, cycles: int | None = None) -> float:
    trial = run_trial(row.problem(), _method(row), seed, cycles)
    assert trial.diverged == 0
    assert 0.5 < trial.spread / trial.analysis < 2.0
    return trial.analysis


SHORT = {"sir-63-100": 600, "rhf-63-50": 600, "lpf-96-40": 900, "enkpf-frei2013-400": 200}


@pytest.mark.parametrize("name", SHORT)
def test_short_scores_are_near_the_documented_ones(name):
    assert _score(ROWS[name], 1, SHORT[name]) < 1.25 * ROWS[name].limit


@pytest.mark.full
@pytest.mark.parametrize("name", ROWS)
def test_scores_of_three_seeds_are_the_documented_ones_or_better(name):
    scores = [_score(ROWS[name], seed) for seed in (1, 2, 3)]
    print(f"{name}: {np.mean(scores):.3f} ({', '.join(f'{s:.3f}' for s in scores)})")
    assert np.mean(scores) < ROWS[name].limit
