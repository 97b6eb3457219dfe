"""Gaspari and Cohn's function: its published values, its positivity, its use as a taper."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.localization.taper import gaspari_cohn, halo_problem


@pytest.mark.parametrize(
    ("r", "value"),
    [(0.0, 1.0), (0.5, 0.68489583), (1.0, 5 / 24), (1.5, 0.01649306), (2.0, 0.0), (7.0, 0.0)],
)
def test_values(r: float, value: float) -> None:
    assert gaspari_cohn(r) == pytest.approx(value, abs=5e-9)


def test_is_even_decreasing_and_smooth_at_the_joints() -> None:
    r = np.linspace(0, 2.2, 2201)
    s = gaspari_cohn(r)
    assert np.all(np.diff(s) <= 0)
    assert np.array_equal(gaspari_cohn(-r), s)
    # the third derivative exists at the joints, so second differences do not jump there
    second = np.diff(s, 2) / 1e-6
    assert np.abs(np.diff(second)).max() < 0.02


def test_is_positive_semidefinite_where_a_step_is_not() -> None:
    distance = np.abs(np.arange(80)[:, None] - np.arange(80))
    assert np.linalg.eigvalsh(gaspari_cohn(distance / 5.0)).min() > 0
    assert np.linalg.eigvalsh((distance < 10).astype(float)).min() < -1


def test_keeps_the_shape_of_its_argument() -> None:
    assert gaspari_cohn(np.zeros((2, 3))).shape == (2, 3)
    assert gaspari_cohn(0.0).shape == ()


def test_a_halo_that_does_not_fit_is_refused_with_the_number_that_would() -> None:
    assert halo_problem((2, 3), 2.5, "continuous") is None
    assert halo_problem((2, 3), 0.0, "continuous") is None
    assert "more than 1" in (halo_problem((2, 3), 0.7, "continuous") or "")
    assert "7.8" in (halo_problem((12, 12), 2.5, "paper") or "")
    assert halo_problem((12, 12), 7.8, "paper") is None
