"""Local analyses: where they reach, and what they become when they see everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.ensemble.etkf import EtkfSettings, analyse
from halocast.filters.letkf import LetkfSettings
from halocast.filters.window import Window, from_members
from halocast.laboratory.block_filters import BlockFilterMethod
from halocast.laboratory.local import LocalMethod, schur, taper_at
from halocast.laboratory.methods import EnsembleMethod
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems import problem_of
from halocast.laboratory.trial import run_trial
from halocast.localization.taper import gaspari_cohn


def one_observed(at: int = 12) -> Problem:
    problem = problem_of("lorenz96-sakov2008")
    return replace(problem, scalar=np.array([at]), error=np.ones(1))


def test_the_radius_is_where_the_taper_is_about_exp_minus_a_half():
    assert taper_at(np.array(6.0), 6.0) == pytest.approx(np.exp(-0.5), abs=0.03)
    assert taper_at(np.array(3.64 * 6.0), 6.0) == 0.0
    assert taper_at(np.array(5.0), 4.0) == gaspari_cohn(5.0 / (1.82 * 4.0))


@pytest.mark.parametrize("method", ["window", "blocks"])
def test_one_observation_acts_within_the_support_alone(method):
    problem, radius = one_observed(), 2.0
    tried: Any
    if method == "window":
        tried = LocalMethod(analyse, EtkfSettings(), 8, radius)
    else:
        tried = BlockFilterMethod(LetkfSettings(radius=1.82 * radius, block=(1, 4)), 8)
    state = tried.start(problem, 1)
    for cycle in range(1, 60):
        state, outcome = tried.cycle(problem, state, np.array([3.0]), 1, cycle)
    moved = np.abs(outcome.analysis - outcome.forecast) > 1e-12
    far = problem.distances(np.arange(40), problem.scalar)[:, 0]
    assert not moved[far >= 3.64 * radius].any()
    assert moved[far <= 2.0 * radius].all()


def test_a_radius_round_the_world_is_the_global_filter():
    """With all weights nearly one, the windows' analyses are those of the whole state."""
    problem = problem_of("lorenz96-sakov2008")
    far = LocalMethod(analyse, EtkfSettings(inflation=1.02), 10, 1e6)
    whole = EnsembleMethod(analyse, EtkfSettings(inflation=1.02), 10)
    found = run_trial(problem, far, 1, 20).errors
    np.testing.assert_allclose(found, run_trial(problem, whole, 1, 20).errors, rtol=1e-7)


def test_windows_and_blocks_are_the_same_letkf():
    """Two ways to it, their inflation at other ends of the forecast: without, they agree."""
    problem = problem_of("lorenz96-sakov2008")
    windows = LocalMethod(analyse, EtkfSettings(), 12, 4.0)
    blocks = BlockFilterMethod(LetkfSettings(radius=4.0 * 1.82, block=(1, 8)), 12)
    a, b = run_trial(problem, windows, 1, 30).errors, run_trial(problem, blocks, 1, 30).errors
    # windows leave out weights below a thousandth
    np.testing.assert_allclose(a[:5], b[:5], rtol=2e-3)


def test_schur_tapers_are_of_the_observations_of_the_cycle():
    problem, tapers = problem_of("lorenz96-frei2013bridging"), schur(3.0)
    to, between = tapers(problem)
    assert to.shape == (40, 20)
    assert np.array_equal(between, to[problem.scalar])
    assert np.array_equal(np.diag(between), np.ones(20))
    assert np.linalg.eigvalsh(between).min() > -1e-12
    assert tapers(problem)[0] is to
    other = replace(problem, scalar=problem.scalar - 1)
    assert tapers(other)[0][0, 0] == 1.0


def test_windows_say_which_observation_is_theirs():
    seen: list[Window] = []

    def look(window, settings):
        seen.append(window)
        return from_members(window.forecast)

    problem = problem_of("lorenz96-bocquet2010")
    method = LocalMethod(look, None, 3, 1.0)
    method.cycle(problem, method.start(problem, 1), np.arange(5.0), 1, 1)
    assert [w.block for w in seen] == list(range(10))
    own = [w.number[w.scalar == 0].tolist() for w in seen]
    assert own == [[0], [], [1], [], [2], [], [3], [], [4], []]
    assert all(((w.weight > 0) & (w.weight <= 1)).all() for w in seen)


def test_what_has_no_places_is_not_localized():
    problem = problem_of("lorenz63-sakov2012")
    with pytest.raises(ConfigError, match="have no places"):
        LocalMethod(analyse, EtkfSettings(), 5, 1.0).start(problem, 1)
    with pytest.raises(ConfigError, match="have no places"):
        schur(1.0)(problem)
    with pytest.raises(ConfigError, match="a radius of 0"):
        LocalMethod(analyse, EtkfSettings(), 5, 0.0)
