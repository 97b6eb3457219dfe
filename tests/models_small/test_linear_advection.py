"""The ring that turns: its exact solution and its noise."""

from __future__ import annotations

import numpy as np
from halocast.models.small import linear_advection as ring
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(2, 60), st.integers(0, 150), st.floats(0.5, 1.0))
def test_any_field_is_carried_along_and_fades(n, steps, damping):
    x = np.arange(n)
    field = np.cos(2 * np.pi * x / n) + 0.3 * np.sin(4 * np.pi * x / n)
    exact = np.cos(2 * np.pi * (x - steps) / n) + 0.3 * np.sin(4 * np.pi * (x - steps) / n)
    found = ring.advance(field[None], steps, damping)[0]
    np.testing.assert_allclose(found, damping**steps * exact, atol=1e-12)


def test_the_matrix_is_the_model():
    members = np.random.default_rng(1).normal(size=(3, 12))
    found = members @ ring.tangent(12, 5, 0.9).T
    np.testing.assert_allclose(found, ring.advance(members, 5, 0.9), rtol=1e-14)


def test_the_waves_covariance_is_the_same_after_a_shift():
    root = ring.wave_root(40, 7, 0.3)
    covariance = root @ root.T
    np.testing.assert_allclose(np.diag(covariance), 0.09, rtol=1e-12)
    turned = ring.tangent(40, 9) @ covariance @ ring.tangent(40, 9).T
    np.testing.assert_allclose(turned, covariance, atol=1e-14)
    assert np.linalg.matrix_rank(covariance) == 14
