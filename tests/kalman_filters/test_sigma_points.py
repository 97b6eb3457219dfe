"""Sigma-point filters: moments of a square, Kalman's filter where linear, the leading modes."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError, RunError
from halocast.filters.kalman.kf import Kf, KfSettings
from halocast.filters.sigma_point.cdkf import STEP, Cdkf, CdkfSettings, differences
from halocast.filters.sigma_point.gaussian import condition
from halocast.filters.sigma_point.points import Scaling, moments, points, reach
from halocast.filters.sigma_point.square_root import downdate, triangle
from halocast.filters.sigma_point.svd import Modes, SvdUkf, SvdUkfSettings, transform, truncate
from halocast.filters.sigma_point.ukf import Ukf, UkfSettings
from halocast.laboratory.problem import Problem
from hypothesis import given, settings
from hypothesis import strategies as st
from kalman_cases import follow, linear_problem, observations, random_matrix, textbook

SCALINGS = [
    Scaling(alpha=1.0, kappa=2.0, beta=0.0),
    Scaling(alpha=1e-3, kappa=0.0, beta=2.0),
    Scaling(alpha=1.0, kappa=0.0, beta=2.0),
]


def square(x: np.ndarray) -> np.ndarray:
    return np.square(x)


@pytest.mark.parametrize(("scaling", "bound"), [(SCALINGS[0], 1e-14), (SCALINGS[1], 1e-9)])
def test_moments_of_a_square_unscented(scaling: Scaling, bound: float) -> None:
    """y = x^2, x ~ N(1.5, 0.4): mean 2.65, variance 3.92, covariance 1.2."""
    distance = reach(1, scaling)
    cloud = points(np.array([1.5]), np.array([[np.sqrt(0.4)]]), distance)
    x, y = moments(cloud, distance, scaling), moments(square(cloud), distance, scaling)
    assert abs(y.mean[0] - 2.65) < bound * 3
    assert abs(y.covariance[0, 0] - 3.92) < bound * 4
    assert abs(x.times(y)[0, 0] - 1.2) < bound * 2


def test_moments_of_a_square_by_central_differences() -> None:
    cloud = points(np.array([1.5]), np.array([[np.sqrt(0.4)]]), STEP)
    x, y = differences(cloud), differences(square(cloud))
    assert abs(y.mean[0] - 2.65) < 3e-14
    assert abs(y.covariance[0, 0] - 3.92) < 4e-14
    assert abs(x.times(y)[0, 0] - 1.2) < 2e-14


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 6),
    alpha=st.floats(0.05, 2.0),
    kappa=st.floats(-0.5, 3.0),
    beta=st.floats(0.0, 3.0),
    seed=st.integers(0, 1000),
)
def test_moments_are_the_weighted_sums(
    n: int, alpha: float, kappa: float, beta: float, seed: int
) -> None:
    """Counting from the centre is the same as the published weights, for any function."""
    scaling = Scaling(alpha=alpha, kappa=kappa, beta=beta)
    distance = reach(n, scaling)
    root = np.tril(random_matrix(seed, n, n))
    cloud = points(random_matrix(seed + 1, 1, n)[0], root, distance)
    images = np.sin(cloud @ random_matrix(seed + 2, n, 3)) + cloud[:, :1] ** 2
    lam = alpha**2 * (n + kappa) - n
    mean_weights = np.full(2 * n + 1, 0.5 / (n + lam))
    mean_weights[0] = lam / (n + lam)
    weights = mean_weights.copy()
    weights[0] += 1.0 - alpha**2 + beta
    mean = mean_weights @ images
    covariance = (weights * (images - mean).T) @ (images - mean)
    found = moments(images, distance, scaling)
    size = np.abs(weights).max() * (1.0 + np.abs(images).max() ** 2)
    assert np.abs(found.mean - mean).max() < 1e-13 * size
    assert np.abs(found.covariance - covariance).max() < 1e-12 * size


def linear_methods() -> list:
    return [
        Ukf(UkfSettings(alpha=1.0, kappa=0.0, beta=2.0)),
        Ukf(UkfSettings(alpha=1.0, kappa=-3.0, beta=1.0)),
        Ukf(UkfSettings(alpha=0.5, kappa=2.0, beta=0.25)),
        Ukf(UkfSettings(noise="augmented")),
        Cdkf(CdkfSettings()),
    ]


@pytest.mark.parametrize("method", linear_methods())
@pytest.mark.parametrize("noise", [False, True])
def test_linear_is_kalman(method: object, noise: bool) -> None:
    """One analysis of all to 1e-14, thirty to 1e-12 (they are of size 1)."""
    problem = linear_problem(noise=noise)
    values = observations(problem, 30)
    found = follow(method, problem, values)
    for number, ((state, _), (mean, covariance)) in enumerate(
        zip(found, textbook(problem, values))
    ):
        bound = 1e-14 if number == 0 else 1e-12
        size = max(1.0, np.abs(mean).max())
        assert np.abs(state.mean - mean).max() < 3 * bound * size
        assert np.abs(state.root @ state.root.T - covariance).max() < bound


def test_additive_is_augmented_where_linear() -> None:
    problem = linear_problem()
    values = observations(problem, 20)
    one = follow(Ukf(UkfSettings()), problem, values)
    other = follow(Ukf(UkfSettings(noise="augmented")), problem, values)
    for (a, x), (b, y) in zip(one, other):
        assert np.abs(a.root @ a.root.T - b.root @ b.root.T).max() < 1e-13
        assert np.abs(x.forecast - y.forecast).max() < 1e-12


def test_inflation_multiplies_the_analysis() -> None:
    problem, y = linear_problem(), observations(linear_problem(), 1)
    for kind, chosen in ((Ukf, UkfSettings), (Cdkf, CdkfSettings)):
        plain = follow(kind(chosen()), problem, y)[0][0]
        wide = follow(kind(chosen(inflation=1.3)), problem, y)[0][0]
        assert np.allclose(wide.root, 1.3 * plain.root, rtol=1e-14)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 7), k=st.integers(1, 12), seed=st.integers(0, 1000))
def test_triangles(n: int, k: int, seed: int) -> None:
    columns = random_matrix(seed, n, k)
    root = triangle(columns)
    assert np.array_equal(root, np.tril(root))
    assert np.all(np.diag(root) >= 0)
    assert np.abs(root @ root.T - columns @ columns.T).max() < 1e-13 * (
        1 + np.square(columns).sum()
    )
    whole = triangle(np.concatenate([columns, np.eye(n)], axis=1))
    taken = downdate(whole, columns[:, 0])
    left = whole @ whole.T - np.outer(columns[:, 0], columns[:, 0])
    assert np.abs(taken @ taken.T - left).max() < 1e-12 * (1 + np.square(columns).sum())


class TestLeadingModes:
    def test_all_of_them_are_the_covariance(self) -> None:
        """q = rank gives P back, from the points too, to 1e-12."""
        anomalies = random_matrix(1, 50, 8) / np.sqrt(7)
        covariance = anomalies @ anomalies.T
        root, kept = truncate(anomalies, 8)
        assert kept == pytest.approx(1.0, abs=1e-15)
        assert np.abs(root @ root.T - covariance).max() < 1e-12
        scaling = Scaling()
        distance = reach(8, scaling)
        found = moments(points(np.zeros(50), root, distance), distance, scaling)
        assert np.abs(found.covariance - covariance).max() < 1e-12

    @pytest.mark.parametrize("q", [1, 3, 7])
    def test_fewer_lose_what_eckart_and_young_say(self, q: int) -> None:
        anomalies = random_matrix(1, 50, 8) / np.sqrt(7)
        values = np.linalg.svd(anomalies, compute_uv=False)
        root, kept = truncate(anomalies, q)
        off = np.linalg.norm(anomalies @ anomalies.T - root @ root.T, 2)
        assert off == pytest.approx(values[q] ** 2, rel=1e-12)
        assert kept == pytest.approx(np.square(values[:q]).sum() / np.square(values).sum())

    def test_all_modes_are_the_kalman_filter_where_linear(self) -> None:
        problem = linear_problem()
        values = observations(problem, 20)
        method = SvdUkf(SvdUkfSettings(modes=6))
        state = Modes(problem.start, np.diag(problem.start_sd), 1.0)
        for cycle, (y, (mean, covariance)) in enumerate(
            zip(values, textbook(problem, values)), start=1
        ):
            state, _ = method.cycle(problem, state, y, 1, cycle)
            assert np.abs(state.mean - mean).max() < 1e-12
            assert np.abs(state.root @ state.root.T - covariance).max() < 1e-12

    def test_transform_is_the_conditioning(self) -> None:
        scaling = Scaling()
        distance = reach(4, scaling)
        cloud = points(random_matrix(3, 1, 4)[0], np.tril(random_matrix(2, 4, 4)), distance)
        x = moments(cloud, distance, scaling)
        y = moments(np.sin(cloud[:, :3]) + cloud[:, 1:] ** 2, distance, scaling)
        value, error = np.array([0.5, -1.0, 2.0]), np.array([0.5, 0.7, 0.9])
        expected = condition(x, y, value, error)
        mean, columns = transform(x, y, value, error)
        assert np.abs(mean - expected.mean).max() < 1e-12
        assert np.abs(columns @ columns.T - expected.root @ expected.root.T).max() < 1e-12

    def test_variance_lost_is_given_back(self) -> None:
        """Model noise in six directions, three modes: the forecast keeps its total variance."""
        problem = linear_problem()
        method = SvdUkf(SvdUkfSettings(modes=3))
        state = method.start(problem, 1)
        forecast, fresh = method._forecast(problem, state, 1)
        assert fresh.root.shape == (6, 3)
        assert fresh.kept < 1
        assert np.square(fresh.root).sum() == pytest.approx(np.square(forecast.root).sum())


class TestRefusals:
    @pytest.mark.parametrize(
        "method", [Ukf(UkfSettings()), Cdkf(CdkfSettings()), SvdUkf(SvdUkfSettings(modes=3))]
    )
    def test_a_singular_r(self, method) -> None:
        problem = linear_problem()
        problem.error[2] = 0.0
        with pytest.raises(ConfigError, match="observation 2 is 0: R is singular"):
            method.start(problem, 1)

    def test_a_state_too_large(self) -> None:
        large = Problem(**{**vars(linear_problem()), "dimension": 1001})
        for name, method in (("ukf", Ukf(UkfSettings())), ("cdkf", Cdkf(CdkfSettings()))):
            with pytest.raises(ConfigError, match=f"1001 scalars is too large for {name}"):
                method.start(large, 1)

    def test_points_at_no_distance(self) -> None:
        with pytest.raises(ConfigError, match="kappa -6 leaves no distance"):
            follow(Ukf(UkfSettings(kappa=-6.0)), linear_problem(), [np.zeros(4)])

    def test_a_negative_centre_in_a_transform(self) -> None:
        with pytest.raises(ConfigError, match="beta 0 is less than"):
            SvdUkf(SvdUkfSettings(modes=3, beta=0.0)).start(linear_problem(), 1)

    def test_a_covariance_that_is_none(self) -> None:
        with pytest.raises(RunError, match="not positive"):
            triangle(np.eye(2), np.array([1.0, 1.0]))

    @pytest.mark.parametrize(
        "bad",
        [{"alpha": 0.0}, {"alpha": -1.0}, {"beta": -0.1}, {"kappa": float("nan")},
         {"inflation": -1.0}, {"noise": "none"}],
    )  # fmt: skip
    def test_settings(self, bad) -> None:
        with pytest.raises(ValueError, match="1 validation error"):
            UkfSettings(**bad)


def test_kalman_and_unscented_agree_on_the_score() -> None:
    problem, values = linear_problem(), observations(linear_problem(), 10)
    one, other = (follow(m, problem, values) for m in (Kf(KfSettings()), Ukf(UkfSettings())))
    for (_, a), (_, b) in zip(one, other):
        assert np.abs(a.analysis_spread - b.analysis_spread).max() < 1e-12
        assert np.abs(a.forecast_spread - b.forecast_spread).max() < 1e-12
