"""3D-Var, 4D-Var and 4DEnVar: gradients, and the filters they equal."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.filters.kalman.enoi import EnOi, EnOiSettings, increment
from halocast.filters.kalman.envar4d import EnVar4d, EnVar4dSettings, EnVar4dState
from halocast.filters.kalman.gauss_newton import Minimum
from halocast.filters.kalman.oi import Oi, OiSettings
from halocast.filters.kalman.update import update
from halocast.filters.kalman.var3d import Cost, Var3d, Var3dSettings, minimise, root_of
from halocast.filters.kalman.var4d import (
    Sighting,
    Var4d,
    Var4dSettings,
    analyse_window,
    linearisation,
    run,
)
from halocast.laboratory.problem import Problem
from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.problems.lorenz96 import sakov2008
from kalman_cases import linear_problem, matrices, observations, random_matrix, textbook


def curved_cost(n: int = 5, p: int = 4) -> Cost:
    """Observations H x + sin(H x) / 2."""
    h, root = random_matrix(3, p, n), root_of(np.cov(random_matrix(4, n, 30)), "test")
    return Cost(
        random_matrix(5, 1, n)[0],
        root,
        lambda x: x @ h.T + 0.5 * np.sin(x @ h.T),
        lambda x: (1.0 + 0.5 * np.cos(h @ x))[:, None] * h,
        random_matrix(6, 1, p)[0],
        np.linspace(0.5, 1.0, p),
    )


def linear_cost(n: int = 30, p: int = 12) -> tuple[Cost, np.ndarray]:
    h, b = random_matrix(3, p, n), np.cov(random_matrix(4, n, 90))
    cost = Cost(
        random_matrix(5, 1, n)[0], root_of(b, "test"), lambda x: x @ h.T, lambda _: h,
        random_matrix(6, 1, p)[0], np.linspace(0.5, 1.0, p),
    )  # fmt: skip
    return cost, b


def ratios(value, gradient, at: np.ndarray, along: np.ndarray) -> np.ndarray:
    """[J(v + e d) - J(v)] / (e grad J . d) for e = 1e-1 ... 1e-7."""
    slope = gradient @ along
    return np.array(
        [(value(at + e * along) - value(at)) / (e * slope) for e in 10.0 ** -np.arange(1, 8)]
    )


def test_gradient_of_3dvar() -> None:
    """The quotient falls to 1 by a decade a decade, until rounding: a V."""
    cost = curved_cost()
    at, along = random_matrix(7, 1, 5)[0], random_matrix(8, 1, 5)[0]
    off = np.abs(ratios(cost.at, cost.gradient(at), at, along) - 1.0)
    assert np.all(off[1:6] < 0.2 * off[:5])
    assert off.min() < 1e-6


def test_gradient_of_4dvar_through_lorenz_96() -> None:
    problem, lag = sakov2008(), 4
    root = 0.5 * np.eye(40)
    x = run(problem, problem.start[None], 0, 200)[0]
    sightings = [Sighting(problem, k, x + 0.1) for k in range(1, lag + 1)]
    predict = linearisation(x, root, 0, sightings, "auto")
    y = np.concatenate([s.value for s in sightings])

    def here(w: np.ndarray) -> Minimum:
        return Minimum(w, np.eye(40), np.eye(40), 0)

    def value(w: np.ndarray) -> float:
        return 0.5 * float(w @ w + np.square(predict(here(w))[0] - y).sum())

    at, along = 0.1 * random_matrix(7, 1, 40)[0], random_matrix(8, 1, 40)[0]
    predicted, derivative = predict(here(at))
    gradient = at + derivative.T @ (predicted - y)
    off = np.abs(ratios(value, gradient, at, along) - 1.0)
    assert np.all(off[1:5] < 0.2 * off[:4])
    assert off.min() < 1e-5


def test_adjoint_of_the_window() -> None:
    """<M d, l> = <d, M'l>, M' applied interval by interval."""
    problem = sakov2008()
    assert problem.tangent is not None
    x, d, back = run(problem, problem.start[None], 0, 200)[0], *random_matrix(2, 2, 40)
    right, steps = d, []
    for k in range(1, 6):
        steps.append(problem.tangent(x, k))
        right, x = steps[-1] @ right, problem.advance(x[None], k)[0]
    left = back
    for step in reversed(steps):
        left = step.T @ left
    assert abs(right @ back - d @ left) < 1e-12 * abs(right @ back)


def test_3dvar_is_interpolation_where_linear() -> None:
    cost, b = linear_cost()
    h = cost.derivative(cost.background)
    innovation = cost.value - h @ cost.background
    expected, _ = update(cost.background, b, h, innovation, np.square(cost.error), "test")
    found = minimise(cost, 1)
    assert np.abs(found.state - expected).max() < 1e-13
    assert found.steps[0] <= 3 * 12 + 20
    again = minimise(cost, 3)
    assert np.abs(again.state - expected).max() < 1e-13


def test_outer_loops_find_the_minimum() -> None:
    cost = curved_cost()
    sizes = [np.abs(cost.gradient(minimise(cost, outer).control)).max() for outer in (1, 4, 12)]
    assert sizes[0] > 10 * sizes[1] > 100 * sizes[2]
    best = minimise(cost, 12)
    for k in range(5):
        for step in (-1e-3, 1e-3):
            assert cost.at(best.control + step * np.eye(5)[k]) > cost.at(best.control)


@pytest.mark.parametrize("cycles", [1, 4, 8])
def test_4dvar_is_the_kalman_filter_where_linear(cycles: int) -> None:
    """State at the window's end and inverse Hessian, to 1e-13."""
    problem = linear_problem(noise=False)
    f, _ = matrices(problem)
    values = observations(problem, cycles)
    root = np.diag(problem.start_sd)
    sightings = [Sighting(problem, k + 1, y) for k, y in enumerate(values)]

    found = analyse_window(
        problem.start,
        root,
        0,
        sightings,
        Var4dSettings(lag=cycles, iterations=1, jacobian="complex-step"),
    )
    mean, covariance = textbook(problem, values)[-1]
    whole = np.linalg.matrix_power(f, cycles)
    end = whole @ (problem.start + root @ found.control)
    modes = whole @ root @ found.root
    assert np.abs(end - mean).max() < 1e-13
    assert np.abs(modes @ modes.T - covariance).max() < 1e-13


def test_4denvar_is_the_kalman_filter_of_its_ensemble() -> None:
    """One iteration where linear: mean and covariance of the sample's Kalman filter, to 1e-13."""
    problem, m = linear_problem(noise=False), 9
    f, h = matrices(problem)
    members = random_matrix(11, m, 6)
    y = observations(problem, 1)[0]
    method = EnVar4d(EnVar4dSettings(members=m, lag=1, iterations=5, rotate=False))
    _, outcome = method.cycle(problem, EnVar4dState(members, 0), y, 1, 1)
    ahead = members @ f.T
    mean, covariance = update(
        ahead.mean(axis=0), np.cov(ahead.T), h, y - h @ ahead.mean(axis=0),
        np.square(problem.error), "test",
    )  # fmt: skip
    assert np.abs(outcome.analysis - mean).max() < 1e-13
    assert np.abs(np.cov(outcome.members.T) - covariance).max() < 1e-13


def test_rotation_keeps_what_4denvar_found() -> None:
    problem, m = linear_problem(noise=False), 9
    y, members = observations(problem, 1)[0], random_matrix(11, m, 6)
    found = []
    for rotate in (False, True):
        method = EnVar4d(EnVar4dSettings(members=m, rotate=rotate))
        found.append(method.cycle(problem, EnVar4dState(members, 0), y, 1, 1)[1])
    assert np.abs(found[0].members - found[1].members).max() > 0.01
    assert np.abs(found[0].analysis - found[1].analysis).max() < 1e-13
    assert np.abs(np.cov(found[0].members.T) - np.cov(found[1].members.T)).max() < 1e-13


def test_enoi_of_a_large_store_is_interpolation() -> None:
    """As the store grows, EnOI tends to OI with the store's covariance: error as 1 / sqrt(m)."""
    root, h = random_matrix(3, 5, 5), random_matrix(4, 3, 5)
    d, r, alpha = np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 2.0]), 0.4
    expected, covariance = update(np.zeros(5), alpha * root @ root.T, h, d, r, "test")
    off = []
    for m in (400, 40_000):
        store = random_matrix(12, m, 5) @ root.T
        store -= store.mean(axis=0)
        step, left = increment(store, store @ h.T, d, r, alpha, (None, None))
        off.append(np.abs(step - expected).max())
    assert off[1] < 0.03
    assert off[1] < 0.3 * off[0]
    assert np.allclose(left, np.sqrt(np.diag(covariance)), rtol=0.03)


def test_enoi_is_interpolation_with_its_own_covariance() -> None:
    """Exactly, for any store: and nothing outside the store's span is touched."""
    h, d, r = random_matrix(4, 3, 8), np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 2.0])
    store = random_matrix(12, 4, 8)
    store -= store.mean(axis=0)
    covariance = 0.7 * store.T @ store / 3
    expected, after = update(np.zeros(8), covariance, h, d, r, "test")
    step, left = increment(store, store @ h.T + 100.0, d, r, 0.7, (None, None))
    assert np.abs(step - expected).max() < 1e-13
    assert np.abs(np.square(left) - np.diag(after)).max() < 1e-13
    span = np.linalg.lstsq(store.T, step, rcond=None)[0]
    assert np.abs(store.T @ span - step).max() < 1e-13


def test_tapers_of_enoi() -> None:
    """Covariances are multiplied, element by element; one observation acts where its taper does."""
    store = random_matrix(12, 4, 8)
    store -= store.mean(axis=0)
    taper = np.linspace(1.0, 0.0, 8)[:, None]
    d, r = np.array([2.0]), np.array([0.5])
    plain, _ = increment(store, store[:, :1], d, r, 1.0, (None, None))
    tapered, _ = increment(store, store[:, :1], d, r, 1.0, (taper, np.ones((1, 1))))
    assert np.allclose(tapered, plain * taper[:, 0], rtol=1e-14, atol=0)


def test_same_bits_twice() -> None:
    problem, y = sakov2012(), np.array([1.0, 2.0, 20.0])
    for method in (
        Oi(OiSettings()), Var3d(Var3dSettings()), EnOi(EnOiSettings()), Var4d(Var4dSettings()),
        EnVar4d(EnVar4dSettings()),
    ):  # fmt: skip
        one, other = (method.cycle(problem, method.start(problem, 5), y, 5, 1) for _ in range(2))
        assert np.array_equal(one[1].analysis, other[1].analysis)
        assert np.isfinite(one[1].analysis).all()


class TestRefusals:
    @pytest.mark.parametrize(
        "method",
        [Oi(OiSettings()), Var3d(Var3dSettings()), EnOi(EnOiSettings()), Var4d(Var4dSettings()),
         EnVar4d(EnVar4dSettings())],
    )  # fmt: skip
    def test_a_singular_r(self, method) -> None:
        problem = sakov2012()
        problem.error[1] = 0.0
        with pytest.raises(ConfigError, match="observation 1 is 0: R is singular"):
            method.start(problem, 1)

    def test_states_too_large(self) -> None:
        large = Problem(**{**vars(linear_problem()), "dimension": 5000})
        for method in (Oi(OiSettings()), Var3d(Var3dSettings()), Var4d(Var4dSettings())):
            with pytest.raises(ConfigError, match="5000 scalars is too large"):
                method.start(large, 1)

    def test_covariances_that_are_none(self) -> None:
        with pytest.raises(ConfigError, match="eigenvalue -1"):
            root_of(np.diag([1.0, 2.0, -1.0]), "test")

    @pytest.mark.parametrize(
        ("kind", "bad"),
        [(OiSettings, {"largest_innovation": -1}), (Var3dSettings, {"scale": -0.1}),
         (Var3dSettings, {"outer": 0}), (EnOiSettings, {"alpha": -0.5}),
         (EnOiSettings, {"alpha": 1.5}), (EnOiSettings, {"store": 1}), (Var4dSettings, {"lag": 0}),
         (Var4dSettings, {"scale": float("nan")}), (EnVar4dSettings, {"members": 1}),
         (EnVar4dSettings, {"inflation": -1.0})],
    )  # fmt: skip
    def test_settings(self, kind, bad) -> None:
        with pytest.raises(ValueError, match="1 validation error"):
            kind(**bad)
