"""The Lorenz models: tendencies, their derivatives, and those of the steps."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.models.small import lorenz63, lorenz96

STATES = {
    "lorenz63": (lorenz63, np.array([1.5, -1.5, 25.0])),
    "lorenz96": (lorenz96, 2.0 + 3.0 * np.sin(np.arange(40.0))),
}


@pytest.fixture(params=STATES, name="case")
def _case(request):
    return STATES[request.param]


def complex_step(function, state: np.ndarray) -> np.ndarray:
    """Derivative of a function (n,) -> (k,), exact to rounding."""
    moved = [function(state + 1e-30j * unit).imag / 1e-30 for unit in np.eye(state.size)]
    return np.array(moved).T


def test_jacobian_is_the_derivative_of_the_tendency(case):
    model, state = case
    np.testing.assert_allclose(
        model.jacobian(state), complex_step(model.tendency, state), rtol=1e-14, atol=1e-13
    )


def test_a_step_begins_with_the_tendency(case):
    model, state = case
    dt = 1e-7
    slope = (model.advance(state[None], 1, dt)[0] - state) / dt
    np.testing.assert_allclose(slope, model.tendency(state), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 5, 25])
def test_tangent_is_the_derivative_of_the_steps(case, steps):
    model, state = case
    moved = [
        model.advance((state + s * 1e-5 * u)[None], steps, 0.02)[0]
        for u in np.eye(state.size)
        for s in (1.0, -1.0)
    ]
    differences = np.array([(a - b) / 2e-5 for a, b in zip(moved[::2], moved[1::2], strict=True)]).T
    np.testing.assert_allclose(model.tangent(state, steps, 0.02), differences, atol=2e-7, rtol=1e-7)


def test_tangents_of_stretches_multiply(case):
    model, state = case
    middle = model.advance(state[None], 3, 0.02)[0]
    whole = model.tangent(state, 7, 0.02)
    parts = model.tangent(middle, 4, 0.02) @ model.tangent(state, 3, 0.02)
    np.testing.assert_allclose(whole, parts, rtol=1e-12, atol=1e-12)


def test_steps_are_of_fourth_order(case):
    model, state = case
    exact = model.advance(state[None], 640, 0.2 / 640)
    errors = [np.abs(model.advance(state[None], k, 0.2 / k) - exact).max() for k in (20, 40)]
    assert 3.7 < np.log2(errors[0] / errors[1]) < 4.4


def test_members_do_not_meet(case):
    model, state = case
    members = state + np.linspace(-1, 1, 5)[:, None]
    together = model.advance(members, 9, 0.02)
    alone = np.array([model.advance(x[None], 9, 0.02)[0] for x in members])
    assert np.array_equal(together, alone)
