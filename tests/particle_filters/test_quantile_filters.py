"""Quantile-conserving filters: normal ones are the EAKF, bounded ones keep their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError, RunError
from halocast.filters.ensemble import serial
from halocast.filters.quantile import histogram, kernel
from halocast.filters.quantile.families import (
    HISTOGRAM,
    KERNEL,
    NORMAL,
    conserved,
    probits,
    values_of,
)
from halocast.filters.quantile.filter import (
    QceffSettings,
    RhfSettings,
    analyse_qceff,
    analyse_rhf,
    bounds,
)
from halocast.filters.quantile.tails import mass_between, quantile_between
from halocast.samplers.densities import GAUSSIAN, STUDENT_T
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_cases import gaussian_members, kalman, line_tapers, window
from pydantic import ValidationError
from scipy import integrate, stats

FREE = (-np.inf, np.inf)


def _serial_eakf(members, scalar, value, variance, taper):
    """Shift and contract each observed scalar, regress the others on it (Anderson 2003)."""
    state, m = members.copy(), members.shape[0]
    for o, (j, y, r) in enumerate(zip(scalar, value, variance)):
        v = state[:, j].copy()
        prior = v.var(ddof=1)
        mean = (v.mean() * r + y * prior) / (prior + r)
        step = mean + np.sqrt(r / (prior + r)) * (v - v.mean()) - v
        away = v - v.mean()
        slope = (state - state.mean(axis=0)).T @ away / (m - 1) / prior
        state += step[:, None] * (slope * taper[:, o])[None, :]
    return state


def test_a_normal_family_is_the_eakf_member_by_member():
    scalar, value, variance = [0, 3, 3], [0.4, -1.0, 2.0], [0.5, 1.0, 0.2]
    members = np.random.default_rng(1).normal(size=(12, 6)) @ np.triu(np.ones((6, 6)))
    taper, between = line_tapers(6, scalar, 2.0)
    seen = window(members, scalar, value, variance, taper=taper, taper_between=between)
    out = analyse_qceff(seen, QceffSettings(family="normal")).members
    np.testing.assert_allclose(
        out, _serial_eakf(members, scalar, value, variance, taper), atol=1e-12
    )
    own = serial.analyse(seen, serial.EakfSettings()).members
    np.testing.assert_allclose(out, own, atol=1e-12)
    plain = seen._replace(taper=None, taper_between=None)
    mean, covariance = kalman(members.mean(axis=0), np.cov(members.T), scalar, value, variance)
    analysis = analyse_qceff(plain, QceffSettings(family="normal"))
    np.testing.assert_allclose(analysis.mean, mean, atol=1e-12)
    np.testing.assert_allclose(np.cov(analysis.members.T), covariance, atol=1e-12)


def test_normal_inflation_is_multiplicative():
    members = np.random.default_rng(2).normal(size=(12, 3))
    seen = window(members, [1], [0.3], [0.5])
    plain = analyse_qceff(seen, QceffSettings(family="normal"))
    wide = analyse_qceff(seen, QceffSettings(family="normal", inflation=1.2))
    np.testing.assert_allclose(wide.mean, plain.mean, atol=1e-13)
    np.testing.assert_allclose(wide.spread, 1.2 * plain.spread, rtol=1e-12)


@pytest.mark.parametrize("analyse", [
    lambda w: analyse_rhf(w, RhfSettings()), lambda w: analyse_qceff(w, QceffSettings()),
    lambda w: analyse_qceff(w._replace(forecast=w.forecast[:300], predicted=w.predicted[:300]),
                            QceffSettings(family="kernel")),
])  # fmt: skip
def test_many_normal_members_give_the_kalman_posterior(analyse):
    mean, covariance = np.array([0.2, 0.1]), np.array([[1.0, 0.5], [0.5, 2.0]])
    members = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    rng = np.random.default_rng(3)
    both = np.stack([rng.permutation(members) for _ in range(2)], axis=1)
    both[:300] = gaussian_members(np.zeros(2), np.eye(2), 300)  # what the kernel case sees
    seen = window(mean + both @ np.linalg.cholesky(covariance).T, [0], [1.1], [0.5])
    analysis = analyse(seen)
    sample = seen.forecast if analysis.members.shape[0] == 4000 else seen.forecast[:300]
    expected, posterior = kalman(sample.mean(axis=0), np.cov(sample.T), [0], [1.1], [0.5])
    np.testing.assert_allclose(analysis.mean, expected, atol=0.06)
    np.testing.assert_allclose(analysis.spread**2, np.diag(posterior), rtol=0.13)  # kernels smooth


def test_the_rank_histograms_posterior_by_quadrature():
    """Prior density times likelihood, stretch by stretch, integrated with scipy."""
    x = np.sort(np.random.default_rng(4).gamma(2.0, size=9))
    y, sd, s = 0.3, 0.7, x.std(ddof=1)
    prior_mass, tails = histogram.prior(x, s, 0.0, np.inf)
    mass, _ = histogram.posterior(x, tails, y, sd, GAUSSIAN, 1.0)
    low = stats.norm(tails[0], s)
    high = stats.norm(tails[2], s)
    likelihood = lambda z: np.exp(-0.5 * ((y - z) / sd) ** 2)  # noqa: E731
    expected = [
        0.1 * integrate.quad(lambda z: low.pdf(z) * likelihood(z), 0.0, x[0])[0]
        / (low.cdf(x[0]) - low.cdf(0.0)),
        *(0.1 * (likelihood(x[1:]) + likelihood(x[:-1])) / 2),
        0.1 * integrate.quad(lambda z: high.pdf(z) * likelihood(z), x[-1], np.inf)[0]
        / high.sf(x[-1]),
    ]  # fmt: skip
    np.testing.assert_allclose(prior_mass, 0.1, rtol=1e-14)
    np.testing.assert_allclose(mass, np.array(expected) / np.sum(expected), rtol=1e-8)


def test_the_kernels_posterior_by_quadrature():
    x = np.sort(np.random.default_rng(5).gamma(2.0, size=9))
    h, y, sd = 0.4, 0.3, 0.7
    weight, mean, narrow = kernel.posterior(x, h, 0.0, np.inf, y, sd, GAUSSIAN, 1.0)

    def density(z):
        cut = stats.norm.sf(0.0, x, h)
        return (stats.norm.pdf(z, x, h) / cut).mean() * np.exp(-0.5 * ((y - z) / sd) ** 2)

    total = integrate.quad(density, 0, 12, limit=200)[0]
    for value in (0.1, 0.5, 1.5):
        expected = integrate.quad(density, 0, value, limit=200)[0] / total
        found = kernel.distribution_at(value, weight, mean, narrow, 0.0, np.inf)
        np.testing.assert_allclose(found, expected, atol=1e-9)


members_lists = st.lists(
    st.floats(0, 10) | st.sampled_from([0.0, 1.0, 10.0]), min_size=2, max_size=15
).filter(lambda x: np.std(x) > 1e-3)


@given(members_lists, st.sampled_from([HISTOGRAM, KERNEL]), st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_probits_and_back_is_where_one_was(raw, family, seed):
    x = np.random.default_rng(seed).permutation(np.array(raw))
    z = probits(x, x, family, 0.0, 10.0, True)
    np.testing.assert_allclose(values_of(z, x, family, 0.0, 10.0), x, atol=1e-7)


@given(
    members_lists, st.sampled_from([HISTOGRAM, KERNEL]), st.floats(-30, 30),
    st.floats(0.01, 30), st.sampled_from([GAUSSIAN, STUDENT_T]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_an_observation_keeps_bounds_and_order(raw, family, y, sd, kind):
    x = np.array(raw)
    out = conserved(x, family, 0.0, 10.0, y, sd, kind, 2.0)
    assert np.isfinite(out).all()
    assert out.min() >= 0.0
    assert out.max() <= 10.0
    order = np.argsort(x, kind="stable")
    assert np.all(np.diff(out[order]) >= -1e-9)


def test_an_observation_that_says_nothing_moves_nothing():
    x = np.random.default_rng(6).gamma(2.0, size=12)
    for family in (NORMAL, HISTOGRAM, KERNEL):
        out = conserved(x, family, *FREE, 1.0, 1e9, GAUSSIAN, 1.0)
        np.testing.assert_allclose(out, x, atol=1e-8)


@given(st.integers(0, 10_000), st.floats(-20, 20), st.floats(1e-3, 10))
@settings(max_examples=30, deadline=None)
def test_all_scalars_keep_their_bounds(seed, value, variance):
    rng = np.random.default_rng(seed)
    members = rng.gamma(0.7, size=(14, 4))
    members[:, 2] = np.clip(members[:, 2] - 0.5, 0.0, 1.0)  # many members at a bound
    seen = window(members, [0, 2], [value, 0.4], [variance, 0.01])
    limits = {"lower": (0.0, 0.0, 0.0, None), "upper": (None, None, 1.0, None)}
    out = analyse_qceff(seen, QceffSettings(inflation=1.3, **limits)).members
    assert np.isfinite(out).all()
    assert out[:, :3].min() >= 0.0
    assert out[:, 2].max() <= 1.0


def test_bounds_of_fields_are_those_of_all_their_cells():
    members = np.random.default_rng(12).normal(size=(10, 6))
    members[:, 3:] = np.abs(members[:, 3:])
    seen = window(members, [4], [0.0], [0.01])
    low, high = bounds(seen, QceffSettings(lower=(None, 0.0), upper=9.0))
    np.testing.assert_array_equal(low, [-np.inf] * 3 + [0.0] * 4)
    np.testing.assert_array_equal(high, [9.0] * 7)


def test_a_linear_filter_would_have_left_them():
    members = np.random.default_rng(7).gamma(0.7, size=(40, 2))
    seen = window(members, [0], [0.0], [0.01])
    assert analyse_rhf(seen, RhfSettings()).members.min() < 0
    assert analyse_qceff(seen, QceffSettings(lower=0.0)).members.min() >= 0


def test_out_of_the_tapers_reach_nothing_changes_bit_for_bit():
    members = np.random.default_rng(8).normal(size=(14, 12))
    taper, between = line_tapers(12, [2], 1.5)
    seen = window(members, [2], [1.0], [0.5], taper=taper, taper_between=between)
    far = taper[:, 0] == 0
    for out in (analyse_rhf(seen, RhfSettings()), analyse_qceff(seen, QceffSettings())):
        np.testing.assert_array_equal(out.members[:, far], members[:, far])
        assert np.all(out.members[:, 2] != members[:, 2])


def test_rotation_keeps_mean_and_spread():
    members = np.random.default_rng(9).normal(size=(14, 3))
    seen = window(members, [0], [1.0], [0.5])
    plain, turned = (analyse_rhf(seen, RhfSettings(rotation=r)) for r in (False, True))
    np.testing.assert_allclose(turned.mean, plain.mean, atol=1e-13)
    np.testing.assert_allclose(np.cov(turned.members.T), np.cov(plain.members.T), atol=1e-12)
    assert np.all(turned.members != plain.members)


def test_tails_are_accurate_far_out():
    for a, b in ((-1.0, 0.5), (5.0, 6.0), (-7.0, -6.5), (20.0, 25.0), (3.0, np.inf)):
        expected = stats.norm.sf(a) - stats.norm.sf(b) if a > 0 else None
        if expected is not None:
            np.testing.assert_allclose(mass_between(a, b), expected, rtol=1e-12)
        for u in (1e-6, 0.3, 0.999):
            z = quantile_between(u, a, b)
            assert a <= z <= b
            np.testing.assert_allclose(mass_between(a, z), u * mass_between(a, b), rtol=1e-6)
    assert quantile_between(0.5, 60.0, 61.0) == 60.0  # no mass in double precision


def test_a_scalar_without_spread_stays():
    members = np.random.default_rng(10).normal(size=(8, 2))
    members[:, 0] = 3.0
    for analyse, kind in ((analyse_rhf, RhfSettings), (analyse_qceff, QceffSettings)):
        out = analyse(window(members, [0, 1], [1.0, 0.2], [0.5, 0.5]), kind()).members
        np.testing.assert_array_equal(out[:, 0], members[:, 0])
        assert np.isfinite(out).all()


def test_refusals():
    members = np.random.default_rng(11).normal(size=(6, 2))
    seen = window(members, [0], [0.0], [1.0])
    for bad in ({"lower": (0.0,) * 3}, {"upper": ()}, {"lower": 1.0, "upper": 1.0}):
        with pytest.raises(ConfigError, match="bounds"):
            analyse_qceff(seen, QceffSettings(**bad))
    with pytest.raises(RunError, match="outside their bounds"):
        analyse_qceff(seen, QceffSettings(lower=0.0))
    with pytest.raises(ValidationError, match="no bounds"):
        QceffSettings(family="normal", lower=0.0)
    with pytest.raises(ValidationError):
        RhfSettings(inflation=0.0)
    for analyse, kind in ((analyse_rhf, RhfSettings), (analyse_qceff, QceffSettings)):
        with pytest.raises(ConfigError, match="ensemble of 1"):
            analyse(window(members[:1], [0], [0.0], [1.0]), kind())
        with pytest.raises(RunError, match="not finite"):
            analyse(window(members * np.nan, [0], [0.0], [1.0]), kind())
