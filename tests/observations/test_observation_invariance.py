"""What must not matter: the order of rows, the unit of a variable, what came before."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from halocast.observations import ObservationSettings, ObservationTable, prepare_observations
from hypothesis import given, settings
from hypothesis import strategies as st
from observation_examples import LAYOUT, WINDOW, mixture, ocean

SETTINGS = ObservationSettings.model_validate(
    {
        "withhold": {"drifters": 0.3, "swot": 0.3, "other": 0.3},
        "swot": {"within_cell_share": 0.5},
        "drifters": {"undrogued_factor": 2.0, "uncertain_factor": 1.5},
    }
)


def prepare(rows, setting=SETTINGS):
    return prepare_observations(rows, ocean(), LAYOUT, setting, 3, WINDOW)


def assert_equal(one: ObservationTable, other: ObservationTable) -> None:
    for name, column in one.to_dict().items():
        np.testing.assert_array_equal(column, other.to_dict()[name], err_msg=name)
        assert column.dtype == other.to_dict()[name].dtype


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_the_order_of_rows_changes_no_bit(seed):
    rows = mixture(seed)
    order = np.random.default_rng(seed).permutation(rows.sizes["row"])
    table, fate = prepare(rows)
    shuffled, shuffled_fate = prepare(rows.isel(row=order))
    assert_equal(table, shuffled)
    np.testing.assert_array_equal(fate[order], shuffled_fate)


@pytest.mark.parametrize("unit", [4.0, 100.0])
def test_units_do_not_matter(unit):
    names = ("ssh", "u", "v", "t")
    errors = {
        name: {"representativeness": 0.05 * unit, "minimum_error": 0.06 * unit} for name in names
    }
    base = {name: {"representativeness": 0.05, "minimum_error": 0.06} for name in names}
    shared = {"swot": {"within_cell_share": 0.5}}
    rows = mixture(5)
    scaled = rows.assign(value=rows["value"] * unit, error=rows["error"] * unit)
    table, fate = prepare(rows, ObservationSettings.model_validate(base | shared))
    other, other_fate = prepare(scaled, ObservationSettings.model_validate(errors | shared))
    np.testing.assert_array_equal(fate, other_fate)
    np.testing.assert_array_equal(table.scalar, other.scalar)
    np.testing.assert_allclose(other.value, unit * table.value, rtol=1e-12)
    np.testing.assert_allclose(other.error, unit * table.error, rtol=1e-12)


def test_the_table_is_in_order_of_scalar_and_id():
    table, _ = prepare(mixture(11, 3000))
    key = list(zip(table.scalar, table.id))
    assert key == sorted(key)
    assert np.unique(table.id).size == table.size
    grid = ocean()
    np.testing.assert_array_equal(table.scalar, table.field * grid.n_cells + table.cell)


def test_rows_without_numbers_are_numbered_by_position():
    rows = mixture(2)
    table, fate = prepare(rows)
    bare, bare_fate = prepare(rows.drop_vars("row"), ObservationSettings())
    other, other_fate = prepare(rows, ObservationSettings())
    np.testing.assert_array_equal(bare.id + 1000, other.id)
    np.testing.assert_array_equal(bare_fate, other_fate)
    assert table.size == bare.size
    assert fate.shape == bare_fate.shape


def test_inputs_are_not_changed():
    rows = mixture(4)
    before = rows.copy(deep=True)
    for name in rows.variables:
        rows[name].values.flags.writeable = False
    prepare(rows)
    xr.testing.assert_identical(rows, before)


def test_each_pass_and_cell_is_on_its_own():
    # taking one pass away changes nothing of the others
    rows = mixture(8)
    setting = ObservationSettings()
    table, _ = prepare(rows, setting)
    without = rows.isel(row=np.flatnonzero(rows["platform"].values != 10_002))
    other, _ = prepare(without, setting)
    assert_equal(table.take(table.platform != 10_002), other)
