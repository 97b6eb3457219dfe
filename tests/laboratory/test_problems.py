"""The problems: what they say of themselves is so."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Purpose
from halocast.errors import ConfigError
from halocast.laboratory.problems import PROBLEMS, problem_of
from halocast.laboratory.problems import quasi_geostrophic as box
from halocast.laboratory.problems.lorenz96 import laplace
from halocast.samplers.densities import GAUSSIAN, LAPLACE

SMALL = [name for name in PROBLEMS if not name.startswith("quasi")]


@pytest.mark.parametrize("name", SMALL)
def test_a_problem_agrees_with_itself(name):
    problem = problem_of(name)
    members = problem.first_states(Purpose.INITIAL_STATE, 3, 1)
    assert members.shape == (3, problem.dimension)
    assert problem.name == name
    assert problem.predict(members).shape == (3, problem.observations)
    assert problem.true_error(1, 1).shape == problem.error.shape
    ahead = problem.advance(members, 1)
    assert ahead.shape == members.shape
    assert np.isfinite(ahead).all()
    assert problem.cycles - problem.burn_in == 2000


@pytest.mark.parametrize("name", [n for n in SMALL if not n.startswith("linear")])
def test_the_tangent_is_the_derivative(name):
    problem = problem_of(name)
    state = problem.advance(problem.first_states(Purpose.INITIAL_STATE, 1, 1), 1)[0]
    along = np.cos(np.arange(problem.dimension))
    both = problem.advance(np.array([state + 1e-5 * along, state - 1e-5 * along]), 2)
    assert problem.tangent is not None
    np.testing.assert_allclose(
        problem.tangent(state, 2) @ along, (both[0] - both[1]) / 2e-5, rtol=1e-6, atol=1e-5
    )


def test_a_name_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="no problem 'lorenz97'"):
        problem_of("lorenz97")


def test_laplace_errors_are_laplaces():
    drawn = np.concatenate([laplace(1, cycle, 40) for cycle in range(1, 2001)])
    assert drawn.mean() == pytest.approx(0.0, abs=0.01)
    assert drawn.var() == pytest.approx(1.0, abs=0.02)
    assert np.mean(drawn**4) == pytest.approx(6.0, abs=0.4)  # a Gaussian's is 3


def test_filters_are_told_laplaces_density_or_a_gaussians():
    """The truth is one and the same; Kalman methods see one variance either way."""
    laplaces, gaussians = (
        problem_of("lorenz96-todter2015", told=told) for told in ("laplace", "gaussian")
    )
    assert problem_of("lorenz96-todter2015").noise_kind == laplaces.noise_kind == LAPLACE
    assert gaussians.noise_kind == GAUSSIAN
    np.testing.assert_array_equal(laplaces.true_error(3, 7), gaussians.true_error(3, 7))
    np.testing.assert_array_equal(laplaces.error, gaussians.error)
    with pytest.raises(ConfigError, match="no density 'cauchy' to tell"):
        problem_of("lorenz96-todter2015", told="cauchy")


def test_states_do_not_depend_on_how_many_are_drawn():
    problem = problem_of("linear-advection-raanes2015")
    many = problem.first_states(Purpose.INITIAL_STATE, 5, 3)
    assert np.array_equal(many[:2], problem.first_states(Purpose.INITIAL_STATE, 2, 3))
    noise = problem.model_noise(Purpose.MODEL_NOISE, 400, 3, 1)
    assert problem.noise_sd is not None
    assert noise.std() == pytest.approx(problem.noise_sd[0], rel=0.05)


def test_advections_noise_is_that_of_its_steps():
    """Noise of variance 0.01 a step, carried along and damped, gathers to what an interval has."""
    problem = problem_of("linear-advection-raanes2015", n=60, observed=6)
    one = problem_of("linear-advection-raanes2015", n=60, observed=6).noise_covariance
    step = one / sum(0.98 ** (2 * k) for k in range(5))
    gathered, shift = np.zeros_like(step), 0.98 * np.roll(np.eye(60), 1, axis=0)
    for _ in range(5):
        gathered = shift @ gathered @ shift.T + step
    np.testing.assert_allclose(problem.noise_covariance, gathered, atol=1e-12)
    assert np.diag(step) == pytest.approx(0.01)
    # noise and damping are near balance at the start's variance
    assert np.diag(problem.start_covariance) == pytest.approx(0.05)


def test_tracks_move_with_the_cycle_and_stay_inside():
    seen = [box.tracks(cycle) for cycle in range(200)]
    assert all(t.shape == (300,) and t.min() >= 0 and t.max() < box.SIDE**2 for t in seen)
    assert len({t[0] for t in seen}) > 40
    assert np.array_equal(box.tracks(7), box.tracks(7))


def test_the_box_has_states_for_so_many_members(monkeypatch):
    monkeypatch.setattr(box, "long_run", lambda: np.arange(400.0)[:, None])
    problem = problem_of("quasi-geostrophic-sakov2008")
    truth = problem.first_states(Purpose.NATURE_STATE, 1, 4)
    members = problem.first_states(Purpose.INITIAL_STATE, 399, 4)
    assert len({*truth.ravel(), *members.ravel()}) == 400
    with pytest.raises(ConfigError, match="399 members"):
        problem.first_states(Purpose.INITIAL_STATE, 400, 4)
    assert problem.at(3).scalar[0] == box.tracks(3)[0]
