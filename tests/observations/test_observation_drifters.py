"""Drifters: at the nearest point of their variable, one report a platform, errors by drogue."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.observations import prepare_observations
from halocast.sources.rows import Fate
from observation_examples import (
    GDP,
    LAYOUT,
    OTHER,
    PLAIN,
    STOP,
    SWOT,
    WINDOW,
    T,
    U,
    V,
    make,
    numbered,
    ocean,
    plain,
    raw,
)


def prepare(rows, setting=PLAIN):
    return prepare_observations(rows, ocean(), LAYOUT, setting, 1, WINDOW)


def minutes_before(minutes):
    return (STOP - np.asarray(minutes) * 60).astype("datetime64[ns]")


def test_velocities_go_to_the_faces_and_temperature_to_the_centre():
    rows = numbered(raw(lat=22.6, lon=-36.4, variable=[U, V, T], product=GDP))
    table, _ = prepare(rows)
    grid = ocean()
    for field, name in enumerate(("ssh", "u0", "v0", "t0")):
        assert LAYOUT.index(name) == field
    expected = {
        U: 2 * 10 + 3,  # east face of column 3 is at 36W; of column 2 at 37W: 36.4W is nearer 36W
        V: 2 * 10 + 3,  # north face of row 2 is at 23N, of row 1 at 22N
        T: 2 * 10 + 3,
    }
    for variable, cell in expected.items():
        (row,) = np.flatnonzero(table.variable == variable)
        assert table.cell[row] == cell
        assert table.scalar[row] == variable * grid.n_cells + cell
    near_west, _ = prepare(raw(lat=22.6, lon=-36.6, variable=[U, T], product=GDP))
    assert near_west.cell.tolist() == [2 * 10 + 2, 2 * 10 + 3]
    assert near_west.field.tolist() == [1, 3]


def test_of_several_reports_the_nearest_to_the_analysis_counts():
    rows = raw(
        time=minutes_before([50, 10, 30, 20, 5]),
        variable=[U, U, U, V, U],
        platform=[300234060202320, 300234060202320, 300234060202320, 300234060202320, 71187],
        product=GDP,
        value=[1.0, 2.0, 3.0, 4.0, 5.0],
    )
    table, fate = prepare(numbered(rows))
    assert fate.tolist() == [
        Fate.MERGED,
        Fate.ASSIMILATED,
        Fate.MERGED,
        Fate.ASSIMILATED,
        Fate.ASSIMILATED,
    ]
    assert sorted(table.value) == [2.0, 4.0, 5.0]
    assert set(table.platform) == {300234060202320, 71187}
    assert (table.count == 1).all()


def test_a_flagged_report_does_not_hide_a_good_one():
    rows = raw(
        time=minutes_before([20, 1, 5]),
        variable=U,
        product=GDP,
        platform=5,
        value=[1.0, np.nan, 9.0],
        fate=[0, 0, Fate.FLAGGED_SPEED],
    )
    table, fate = prepare(rows)
    assert table.value.tolist() == [1.0]
    assert fate.tolist() == [Fate.ASSIMILATED, Fate.FLAGGED_INVALID, Fate.FLAGGED_SPEED]


def test_a_tie_goes_to_the_smallest_number():
    rows = raw(lat=[22.3, 22.4], variable=U, product=GDP, platform=5)
    for order in ([0, 1], [1, 0]):
        table, _ = prepare(numbered(rows, 10).isel(row=order))
        assert table.id.tolist() == [10]
        assert table.lat.tolist() == [22.3]


def test_two_drifters_in_one_cell_are_two_observations():
    table, _ = prepare(raw(lat=22.3, variable=U, product=GDP, platform=[1, 2]))
    assert table.size == 2
    assert table.scalar[0] == table.scalar[1]


def test_a_drogues_state_scales_the_error_of_velocity_only():
    rows = raw(
        variable=np.repeat([U, V, T], 3),
        detail=np.tile([0, 1, 2], 3),  # lost, attached, uncertain
        platform=np.arange(9),
        product=GDP,
        error=0.1,
    )
    setting = plain(drifters={"undrogued_factor": 3.0, "uncertain_factor": 2.0})
    table, _ = prepare(numbered(rows), setting)
    error = table.error[np.argsort(table.id)]
    np.testing.assert_allclose(error, [0.3, 0.1, 0.2, 0.3, 0.1, 0.2, 0.1, 0.1, 0.1])
    unscaled, _ = prepare(numbered(rows))
    np.testing.assert_allclose(unscaled.error, 0.1)
    other, _ = prepare(rows.assign(product=("row", np.full(9, OTHER, "i2"))), setting)
    np.testing.assert_allclose(other.error, 0.1)  # no drifters: detail means nothing


def test_representativeness_is_added_to_each_variable():
    rows = raw(variable=[U, V, T], product=GDP, error=0.3)
    setting = plain(u={"representativeness": 0.4}, t={"minimum_error": 0.5})
    table, _ = prepare(rows, setting)
    np.testing.assert_allclose(table.error, [0.5, 0.3, 0.5])


def test_other_rows_of_a_platform_are_not_thinned():
    table, fate = prepare(make(product=OTHER, time=minutes_before([3, 2, 1])))
    assert table.size == 3
    assert set(fate) == {Fate.ASSIMILATED}


@pytest.mark.parametrize("product", [SWOT, GDP, OTHER])
def test_identity_and_gaussian_are_the_default(product):
    table, _ = prepare(raw(product=[product], variable=0 if product == SWOT else T))
    assert table.operator.tolist() == [0]
    assert table.noise.tolist() == [0]
    assert table.fate.tolist() == [Fate.ASSIMILATED]
