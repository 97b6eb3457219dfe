"""The swaths of the linear-Gaussian experiment: published numbers of cells."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.observations.swaths import swath_cells

SHAPE = (120, 120)


def counts(coverage):
    return np.array([swath_cells(k, SHAPE, coverage).size for k in range(1, 101)])


def test_paper_covers_1788_cells_a_cycle():
    n = counts("paper")
    assert n.mean() == 1788
    assert n.min() / 14_400 > 0.10
    assert n.max() / 14_400 < 0.15


def test_public_generator_leaves_541_cells():
    n = counts("public-generator")
    assert n.min() == 534
    assert n.max() == 554
    assert n.mean() == pytest.approx(540.9, abs=0.05)
    cells = np.concatenate([swath_cells(k, SHAPE, "public-generator") for k in range(1, 101)])
    distinct, visits = np.unique(cells, return_counts=True)
    assert distinct.size == 3721
    assert visits.max() == 20
    j, i = np.divmod(distinct, 120)
    assert ((j % 2 == 0) | (j == 119)).all()
    assert ((i % 2 == 0) | (i == 119)).all()


@pytest.mark.parametrize("coverage", ["paper", "public-generator"])
def test_cells_are_valid_unique_and_cross_in_20_cycles(coverage):
    for cycle in range(1, 23):
        cells = swath_cells(cycle, SHAPE, coverage)
        assert (np.diff(cells) > 0).all()
        assert cells[0] >= 0
        assert cells[-1] < 14_400
        np.testing.assert_array_equal(cells, swath_cells(cycle + 20, SHAPE, coverage))
    every = np.unique(np.concatenate([swath_cells(k, SHAPE) for k in range(1, 21)]))
    assert every.size > 0.9 * 14_400  # in 20 cycles almost everything is seen


def test_two_strips_of_seven_with_a_gap_of_two():
    cells = swath_cells(11, SHAPE)  # half-way across: no wrapping near the middle
    j, i = np.divmod(cells, 120)
    across = -np.sin(np.deg2rad(70)) * (i + 0.5 - 60) + np.cos(np.deg2rad(70)) * (j + 0.5 - 60)
    middle = np.abs(j - 60) < 20
    assert np.abs(across[middle]).min() >= 1 - 1e-9
    assert np.abs(across[middle]).max() <= 8 + 1e-9


def test_odd_and_even_cycles_are_mirror_images():
    odd = np.zeros(14_400, bool)
    odd[swath_cells(1, SHAPE)] = True
    even = np.zeros(14_400, bool)
    even[swath_cells(2, SHAPE)] = True
    # cycle 2 lies 6 cells further east, and leans the other way
    flipped = np.roll(odd.reshape(SHAPE)[::-1], 6, axis=1)
    assert (flipped == even.reshape(SHAPE)).mean() > 0.98


def test_other_shapes_and_bad_arguments():
    assert swath_cells(5, (30, 48)).max() < 30 * 48
    with pytest.raises(ConfigError, match="count from 1"):
        swath_cells(0, SHAPE)
    with pytest.raises(ConfigError, match="unknown coverage 'all'"):
        swath_cells(1, SHAPE, "all")
