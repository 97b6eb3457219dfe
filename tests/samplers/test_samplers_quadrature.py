"""Log weights and moments of observed scalars against brute force, and their invariances."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, LAPLACE, STUDENT_T
from halocast.samplers.mixture import gaussian_conditionals, gaussian_log_weights, merge_gaussian
from halocast.samplers.nodes import fill_factors, lay_lattice, make_work, sort_ancestors, sum_nodes
from hypothesis import given, settings
from hypothesis import strategies as st
from sampler_reference import (
    brute_force,
    condition,
    draw,
    log_likelihood,
    nodes,
    scalar,
)

MU = np.array([-0.7, 0.2, 0.35, 1.3])


def probabilities(log_weight: np.ndarray) -> np.ndarray:
    p = np.exp(log_weight - log_weight.max())
    return p / p.sum()


@pytest.mark.parametrize("ratio", [2.0, 0.5, 0.2, 0.07, 0.01, 0.001])
@pytest.mark.parametrize("operator", [IDENTITY, ARCTAN])
@pytest.mark.parametrize("noise", [GAUSSIAN, STUDENT_T, LAPLACE])
def test_against_brute_force(ratio: float, operator: int, noise: int) -> None:
    """From errors twice the model noise to a thousandth of it: lattice, finer lattice, panels."""
    place = 0.5
    value = np.arctan(place) if operator == ARCTAN else place
    one = scalar(MU, 0.5, value, 0.5 * ratio, operator, noise)
    found = condition([one])
    log_mass, mean, variance = brute_force(one, log_likelihood(one), [place])
    assert np.abs(found.log_weight[0, 0] - log_mass).max() < 1e-9
    assert np.abs(probabilities(found.log_weight[0, 0]) - probabilities(log_mass)).max() < 1e-10
    assert np.abs(found.mean[0] - mean).max() < 1e-9
    assert np.allclose(found.variance[0], variance, rtol=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    mu=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    sd=st.floats(0.05, 2.0),
    value=st.floats(-2.5, 2.5),
    error=st.floats(0.02, 3.0),
    df=st.sampled_from([1.0, 1.5, 4.0]),
    center=st.floats(-1, 1),
    scale=st.floats(0.2, 3.0),
    weight=st.sampled_from([1.0, 0.41, 0.146, 0.0046]),
)
def test_any_case_against_brute_force(
    mu: list[float],
    sd: float,
    value: float,
    error: float,
    df: float,
    center: float,
    scale: float,
    weight: float,
) -> None:
    one = scalar(mu, sd, value, error, df=df, center=center, scale=scale)
    sharp = [center] + ([center + scale * np.tan(value)] if abs(value) < 1.57 else [])
    weights = (weight, 1.0) if weight < 1 else (1.0,)
    found = condition([one], weights)
    for k, w in enumerate(weights):
        log_mass, mean, _ = brute_force(one, log_likelihood(one, w), sharp)
        assert np.abs(found.log_weight[0, k] - log_mass).max() < 1e-8
        if k == 0:
            assert np.abs(found.mean[0] - mean).max() < 1e-7 * sd


def test_a_pole_in_the_middle_between_nodes_is_seen() -> None:
    """Even and odd nodes agree about a sharp operator by symmetry, however coarse they are."""
    one = scalar([0.0], 1.5, 1.0, 1.0, df=1.0, center=1.0, scale=0.25)
    found = condition([one], (0.0046, 1.0))
    for k, weight in enumerate((0.0046, 1.0)):
        log_mass, _, _ = brute_force(
            one, log_likelihood(one, weight), [1.0, 1.0 + 0.25 * np.tan(1)]
        )
        assert np.abs(found.log_weight[0, k] - log_mass).max() < 1e-8


def test_ancestors_of_two_observed_scalars_against_two_dimensional_brute_force() -> None:
    """Four ancestors in two dimensions, arctan + Cauchy: P(j | y) to 1e-10."""
    centers = np.array([[-1.0, 0.6], [0.4, -0.9], [1.2, 0.8], [2.1, -0.2]])
    pair = [
        scalar(centers[:, 0], 0.5, np.arctan(0.9), 0.1),
        scalar(centers[:, 1], 0.7, np.arctan(0.1), 0.1),
    ]
    found = condition(pair).log_weight[:, 0].sum(axis=0)

    (x, rule_x), (y, rule_y) = nodes(pair[0], [0.9]), nodes(pair[1], [0.1])
    like = np.exp(log_likelihood(pair[0])(x))[:, None] * np.exp(log_likelihood(pair[1])(y))
    mass = np.empty(4)
    for j, (a, b) in enumerate(centers):
        prior = np.exp(-0.5 * ((x - a) / 0.5) ** 2)[:, None] * np.exp(-0.5 * ((y - b) / 0.7) ** 2)
        mass[j] = rule_x @ (prior * like) @ rule_y
    assert np.abs(probabilities(found) - mass / mass.sum()).max() < 1e-10


@pytest.mark.parametrize(
    ("step", "published"),
    [(0.03, 1e-12), (0.06, 2e-9), (0.12, 6e-5), (0.25, 4e-3), (0.33, 3e-2), (0.5, 0.16)],
)
def test_plain_trapezoidal_error_falls_as_published(step: float, published: float) -> None:
    """Cauchy of scale 0.1 at sqrt(q) = 0.5, no refinement: error of log I against the step."""
    mu = np.linspace(-1.0, 1.0, 41)
    one = scalar(mu, 0.5, 0.03, 0.1, IDENTITY)
    work = make_work(4096, mu.size, 1)
    origin = sort_ancestors(one.mu, one.sd, work)
    n = lay_lattice(work, 9.0, step)
    fill_factors(work, n, step)
    work.like[:n] = np.exp(log_likelihood(one)(origin + one.sd * work.x[:n]))
    work.like[n : n + 16] = 0.0
    sum_nodes(work.factor, work.low, work.high, work.rule, work.like, n, 1, work.even, work.odd)
    log_mass = np.log((work.even + work.odd) / np.sqrt(2 * np.pi))
    exact = brute_force(one, log_likelihood(one), [0.03])[0]
    error = np.abs(log_mass[work.order.argsort()] - exact).max()
    assert published / 10 < error + 1e-13 < published * 10


def test_gaussian_case_is_the_closed_form() -> None:
    """The two ways to treat identity + Gaussian observations give one answer, constants too."""
    value, error = np.array([0.4, 0.1, 0.9]), np.array([0.3, 0.2, 0.5])
    one = scalar(MU, 0.5, list(value), list(error), IDENTITY, GAUSSIAN)
    weights = (0.2, 1.0)
    found = condition([one], weights)
    merged = merge_gaussian(value, error)
    log_weight, mean = np.empty(4), np.empty(4)
    for k, w in enumerate(weights):
        gaussian_log_weights(merged, w, MU, 0.5, log_weight)
        assert np.allclose(found.log_weight[0, k], log_weight, rtol=0, atol=1e-11)
    variance = gaussian_conditionals(merged, weights[0], MU, 0.5, mean)
    assert np.allclose(found.mean[0], mean, atol=1e-11)
    assert np.allclose(found.variance[0], variance, rtol=1e-10)


def test_repeated_observations_multiply() -> None:
    """Two Gaussian observations of arctan are one of half the variance."""
    twice = condition([scalar(MU, 0.5, [0.3, 0.3], [0.2, 0.2], noise=GAUSSIAN)])
    once = condition([scalar(MU, 0.5, 0.3, 0.2 / np.sqrt(2), noise=GAUSSIAN)])
    assert np.allclose(twice.log_weight, once.log_weight, atol=1e-10)
    assert np.allclose(twice.mean, once.mean, atol=1e-10)


def test_a_taper_weight_inflates_the_error() -> None:
    for noise in (GAUSSIAN, STUDENT_T, LAPLACE):
        tapered = condition([scalar(MU, 0.5, 0.3, 0.1, noise=noise)], (0.04, 1.0))
        inflated = condition([scalar(MU, 0.5, 0.3, 0.5, noise=noise)])
        assert np.allclose(tapered.log_weight[0, 0], inflated.log_weight[0, 0], atol=1e-9)
        assert np.allclose(tapered.mean, inflated.mean, atol=1e-9)


@pytest.mark.parametrize("noise", [GAUSSIAN, STUDENT_T, LAPLACE])
@pytest.mark.parametrize("power", [-10, -3, 1, 10])
def test_units_do_not_matter(noise: int, power: int) -> None:
    """Scaling by powers of two changes no bit, by powers of ten only the last."""
    normal = np.linspace(-2, 2, 4)
    for factor, exact in ((2.0**power, True), (10.0**power, False)):
        ours = scalar(MU, 0.5, 0.4, 0.2, noise=noise, scale=0.8)
        theirs = scalar(MU * factor, 0.5 * factor, 0.4, 0.2, noise=noise, scale=0.8 * factor)
        a, b = condition([ours]), condition([theirs])
        x = draw(ours, np.arange(4), normal)
        y = draw(theirs, np.arange(4), normal)
        if exact:
            assert np.array_equal(a.log_weight, b.log_weight)
            assert np.array_equal(a.mean * factor, b.mean)
            assert np.array_equal(a.variance * factor**2, b.variance)
            assert np.array_equal(x * factor, y)
        else:
            assert np.allclose(a.log_weight, b.log_weight, atol=1e-9)
            assert np.allclose(a.mean * factor, b.mean, rtol=1e-9, atol=0)
            assert np.allclose(x * factor, y, rtol=1e-8, atol=0)


def test_an_atom_is_the_limit_of_small_noise() -> None:
    atom = condition([scalar(MU, 0.0, 0.3, 0.1)])
    small = condition([scalar(MU, 1e-6, 0.3, 0.1)])
    assert np.allclose(atom.log_weight, small.log_weight, atol=1e-8)
    assert np.array_equal(atom.mean[0], MU)
    assert not atom.variance.any()
    assert np.array_equal(draw(scalar(MU, 0.0, 0.3, 0.1), np.array([2, 0]), np.ones(2)), MU[[2, 0]])


@pytest.mark.parametrize("noise", [GAUSSIAN, STUDENT_T, LAPLACE])
def test_an_observation_far_from_every_member(noise: int) -> None:
    """Thirty noise sd away, where products underflow and default windows end too soon."""
    one = scalar([0.0, 1.0, 2.0], 1.0, 30.0, 0.5, IDENTITY, noise)
    found = condition([one])
    log_mass, mean, variance = brute_force(one, log_likelihood(one), [30.0], reach=40.0)
    assert np.allclose(found.log_weight[0, 0], log_mass, rtol=1e-9)
    assert np.allclose(found.mean[0], mean, atol=1e-6)
    assert np.allclose(found.variance[0], variance, rtol=1e-5)


def test_members_far_apart_are_separate_mixtures() -> None:
    """Lattices with gaps: distant ancestors do not change each other's integrals."""
    alone = [condition([scalar([x], 0.1, 0.2, 0.3)]) for x in (-40.0, 0.1, 900.0)]
    together = condition([scalar([-40.0, 0.1, 900.0], 0.1, 0.2, 0.3)])
    each = np.array([c.log_weight[0, 0, 0] for c in alone])
    assert np.allclose(together.log_weight[0, 0], each, atol=1e-9)
    assert np.allclose(together.mean[0], [c.mean[0, 0] for c in alone], atol=1e-9)


def test_scalars_do_not_depend_on_their_neighbours() -> None:
    """Also after one whose nodes made the scratch grow."""
    rng = np.random.default_rng(2)
    many = [
        scalar(rng.normal(size=5) * spread, 0.2, 0.3, 0.2 * ratio)
        for spread, ratio in ((0.1, 1.0), (60.0, 0.3), (0.4, 0.01), (0.3, 1.0))
    ]
    together = condition(many, (0.3, 1.0))
    for s, one in enumerate(many):
        alone = condition([one], (0.3, 1.0))
        assert np.array_equal(alone.log_weight[0], together.log_weight[s])
        assert np.array_equal(alone.mean[0], together.mean[s])
