"""Evensen's fields: the equations' variance and correlation, level by level."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Address, Purpose
from halocast.errors import ConfigError
from halocast.evensen_fields import (
    evensen_field,
    lattice_field,
    next_red,
    red_levels,
    spectrum_width,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ADDRESS = Address(3, 0, Purpose.INITIAL_STATE, 0)


@pytest.mark.parametrize("length", [2, 10, 19])
def test_on_a_long_lattice_the_width_is_that_of_the_plane(length):
    assert spectrum_width((128, 128), length) * length / np.sqrt(8) == pytest.approx(1, abs=1e-5)


def test_on_a_short_lattice_the_width_is_solved_for():
    assert spectrum_width((128, 128), 0.43 * 128) * 0.43 * 128 / np.sqrt(8) == pytest.approx(
        1.14, abs=0.01
    )


@given(st.integers(8, 40), st.integers(8, 40), st.floats(1.5, 3.5), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_every_field_has_mean_square_one_over_its_lattice(ny, nx, length, index):
    field = lattice_field((ny, nx), length, ADDRESS._replace(index=index))
    assert np.mean(field**2) == pytest.approx(1.0, abs=1e-13)


def test_variance_and_correlation_are_those_asked_for():
    """128 x 128, r = 10, 400 fields (sheet: 1.0055, and 0.372 to 0.374 for 0.3679)."""
    fields = np.array(
        [evensen_field((128, 128), 10, ADDRESS._replace(index=i)) for i in range(400)]
    )
    variance = np.mean(fields**2)
    across, along = (
        np.mean(fields[a] * fields[b]) / variance
        for a, b in (
            (np.s_[:, :, 10:], np.s_[:, :, :-10]),
            (np.s_[:, 10:], np.s_[:, :-10]),
        )
    )
    print(f"variance {variance:.4f}, correlation at r {across:.4f} and {along:.4f}")
    assert variance == pytest.approx(1, abs=0.01)
    assert across == pytest.approx(np.exp(-1), abs=0.01)
    assert along == pytest.approx(np.exp(-1), abs=0.01)
    edges = np.mean(fields[:, :, 0] * fields[:, :, -1])
    assert abs(edges) < 0.03  # opposite edges do not know each other
    assert fields.var(axis=0).min() > 0.6  # at each point, with 400 fields


def test_levels_have_variance_one_from_the_first_on_and_the_correlation_asked_for():
    found = np.array(
        [red_levels(4, 0.8, (40, 40), 3, ADDRESS._replace(index=i)) for i in range(200)]
    )
    variance = np.mean(found**2, axis=(0, 2, 3))
    np.testing.assert_allclose(variance, 1.0, atol=0.02)  # 0.36 at the surface if from e_0 = 0
    neighbours = [np.mean(found[:, k] * found[:, k + 1]) for k in range(3)]
    np.testing.assert_allclose(neighbours, 0.8, atol=0.02)
    assert np.mean(found[:, 0] * found[:, 3]) == pytest.approx(0.8**3, abs=0.02)


def test_the_surface_is_the_first_field_itself():
    levels = red_levels(2, 0.6, (20, 30), 4, ADDRESS)
    first, second = (evensen_field((20, 30), 4, ADDRESS._replace(index=level)) for level in (0, 1))
    np.testing.assert_array_equal(levels[0], first)
    np.testing.assert_allclose(levels[1], 0.6 * first + 0.8 * second, atol=1e-14)
    np.testing.assert_array_equal(next_red(first, second, 1.0), first)


def test_equal_addresses_give_equal_fields():
    one, same = (evensen_field((20, 30), 4, ADDRESS) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert (one != evensen_field((20, 30), 4, ADDRESS._replace(index=1))).any()


@pytest.mark.parametrize("length", [0, -1, float("nan"), float("inf"), 0.1])
def test_lengths_that_no_field_has_are_refused(length):
    with pytest.raises(ConfigError, match="cells"):
        evensen_field((20, 20), length, ADDRESS)


@pytest.mark.parametrize(("levels", "correlation"), [(0, 0.5), (3, 1.2), (3, -0.1), (5000, 0.5)])
def test_levels_that_cannot_be_are_refused(levels, correlation):
    with pytest.raises(ConfigError, match="levels"):
        red_levels(levels, correlation, (20, 20), 4, ADDRESS)
