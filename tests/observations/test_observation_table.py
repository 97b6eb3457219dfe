"""The table itself, its settings, operators, and direct observations of cells."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.grid import Grid
from halocast.models.kalman_reference import kalman_analysis, kalman_forecast, kalman_initial
from halocast.models.linear_gaussian import LinearGaussian, LinearGaussianSettings
from halocast.observations import (
    VARIABLES,
    ObservationSettings,
    ObservationTable,
    prepare_observations,
    swath_cells,
)
from halocast.observations.operators import (
    ARCTAN,
    GAUSSIAN,
    IDENTITY,
    LAPLACE,
    STUDENT_T,
    apply_operator,
    log_density,
    observe,
)
from halocast.observations.settings import FIELD_OF
from observation_examples import LAYOUT, OTHER, WINDOW, Z, mixture, ocean, raw
from pydantic import ValidationError
from scipy import stats


def a_table() -> ObservationTable:
    return prepare_observations(mixture(1), ocean(), LAYOUT, ObservationSettings(), 1, WINDOW)[0]


def test_columns_survive_a_round_trip():
    table = a_table()
    columns = table.to_dict()
    stored = {name: c.astype("i8") if c.dtype.kind == "M" else c for name, c in columns.items()}
    shuffled = np.random.default_rng(0).permutation(table.size)
    for given in (columns, stored, {name: c[shuffled] for name, c in columns.items()}):
        again = ObservationTable.from_dict(given)
        for name, column in columns.items():
            np.testing.assert_array_equal(column, again.to_dict()[name])
            assert column.dtype == again.to_dict()[name].dtype


def test_take_copies_rows():
    table = a_table()
    some = table.take(np.array([4, 1]))
    assert some.id.tolist() == [table.id[4], table.id[1]]
    some.value[:] = 0
    assert (table.value != 0).any()
    masked = table.take(table.variable == 0)
    assert masked.size == (table.variable == 0).sum()


def test_columns_must_fit():
    columns = a_table().to_dict()
    with pytest.raises(InputError, match="not the columns"):
        ObservationTable.from_dict({k: v for k, v in columns.items() if k != "df"})
    with pytest.raises(InputError, match="not the columns"):
        ObservationTable.from_dict(columns | {"extra": columns["df"]})
    with pytest.raises(InputError, match="differ in shape"):
        ObservationTable.from_dict(columns | {"df": columns["df"][1:]})


def test_an_empty_table_has_all_columns():
    empty = ObservationTable.empty()
    assert empty.size == 0
    assert list(empty.to_dict()) == list(a_table().to_dict())
    assert ObservationTable.from_dict(empty.to_dict()).size == 0


def test_observed_picks_the_scalars_of_a_state():
    table, grid = a_table(), ocean()
    members = np.random.default_rng(0).normal(size=(3, 4, *grid.shape))
    picked = table.observed(members)
    assert picked.shape == (3, table.size)
    for row in range(0, table.size, 7):
        j, i = divmod(int(table.cell[row]), grid.shape[1])
        np.testing.assert_array_equal(picked[:, row], members[:, table.field[row], j, i])
    np.testing.assert_array_equal(table.observed(members[1]), picked[1])


def test_assimilated_and_withheld_are_apart():
    setting = ObservationSettings.model_validate({"withhold": {"drifters": 0.5, "other": 0.5}})
    table, _ = prepare_observations(mixture(1), ocean(), LAYOUT, setting, 1, WINDOW)
    both = np.concatenate([table.assimilated, table.withheld])
    np.testing.assert_array_equal(np.sort(both), np.arange(table.size))
    assert table.withheld.size > 0


def test_every_variable_has_a_section_and_a_field():
    assert set(FIELD_OF) == set(VARIABLES)
    for name in VARIABLES:
        assert ObservationSettings().of(name).assimilate


def test_operators_and_noise_by_word_or_by_section():
    setting = ObservationSettings.model_validate(
        {
            "ssh": {"operator": "arctan", "noise": "cauchy"},
            "u": {
                "operator": {"kind": "arctan", "center": 0.5, "scale": 2},
                "noise": {"kind": "student-t", "df": 3},
            },
            "t": {"noise": "laplace"},
        }
    )
    table, _ = prepare_observations(mixture(1), ocean(), LAYOUT, setting, 1, WINDOW)
    expected = {
        0: (ARCTAN, 0.0, 1.0, STUDENT_T, 1.0),
        1: (ARCTAN, 0.5, 2.0, STUDENT_T, 3.0),
        2: (IDENTITY, 0.0, 1.0, GAUSSIAN, 0.0),
        3: (IDENTITY, 0.0, 1.0, LAPLACE, 0.0),
    }
    names = ("operator", "operator_center", "operator_scale", "noise", "df")
    for variable, codes in expected.items():
        mine = table.take(table.variable == variable).to_dict()
        assert mine["id"].size > 0
        for name, code in zip(names, codes):
            assert (mine[name] == code).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"ssh": {"operator": "arctg"}},
        {"ssh": {"operator": {"kind": "identity", "center": 1.0}}},
        {"ssh": {"noise": {"kind": "gaussian", "df": 4}}},
        {"ssh": {"noise": {"kind": "student-t", "df": 0}}},
        {"ssh": {"noise": {"kind": "laplace", "df": 4}}},
        {"ssh": {"noise": "double-exponential"}},
        {"ssh": {"operator": {"kind": "arctan", "scale": 0}}},
        {"ssh": {"representativeness": -1}},
        {"ssh": {"minimum_eror": 0.1}},
        {"swot": {"correlated_share": 1.5}},
        {"swot": {"minimum_count": 0}},
        {"drifters": {"undrogued_factor": 0.5}},
        {"gross_error": 0},
        {"window": -3600},
        {"windw": 3600},
        {"w": {}},
    ],
)
def test_impossible_and_unknown_settings_are_errors(bad):
    with pytest.raises(ValidationError):
        ObservationSettings.model_validate(bad)


def test_settings_survive_a_round_trip():
    setting = ObservationSettings.model_validate(
        {"u": {"operator": "arctan", "noise": "cauchy"}, "gross_error": None}
    )
    assert ObservationSettings.model_validate(setting.model_dump(mode="json")) == setting


def test_operators_in_numpy():
    s = np.random.default_rng(0).normal(size=(3, 4))
    operator, center = np.array([0, 1, 1, 0], np.int8), np.array([9.0, 0, 1, 9])
    scale = np.array([9.0, 1, 2, 9])
    expected = np.stack(
        [s[:, 0], np.arctan(s[:, 1]), np.arctan((s[:, 2] - 1) / 2), s[:, 3]], axis=1
    )
    before = s.copy()
    np.testing.assert_allclose(observe(s, operator, center, scale), expected, rtol=1e-15)
    np.testing.assert_allclose(observe(s[0], operator, center, scale), expected[0], rtol=1e-15)
    np.testing.assert_array_equal(s, before)
    assert apply_operator(ARCTAN, 3.0, 1.0, 2.0) == pytest.approx(np.pi / 4)


@pytest.mark.parametrize(
    ("code", "df", "law"),
    [
        (GAUSSIAN, 0.0, stats.norm()),
        (STUDENT_T, 1.0, stats.t(1.0)),
        (STUDENT_T, 5.0, stats.t(5.0)),
        (LAPLACE, 0.0, stats.laplace(scale=np.sqrt(0.5))),
    ],
)
def test_densities_are_those_of_scipy_but_for_a_constant(code, df, law):
    for residual in (-7.0, 0.3, 2.0):
        expected = law.logpdf(residual / 0.4) - law.logpdf(0)
        assert log_density(code, residual, 0.4, df) == pytest.approx(expected, rel=1e-12)


def test_the_linear_gaussian_experiment_has_its_published_size_and_spread():
    grid = Grid.plane(120, 120, 1, 1)
    model = LinearGaussian(LinearGaussianSettings(), grid)
    hour, start = np.timedelta64(1, "h"), np.datetime64("2024-08-01T00", "s")
    estimate = kalman_initial(model)
    for cycle in range(1, 6):
        now = start + (cycle - 1) * hour
        estimate = kalman_forecast(model, estimate, 0.05, now, now + hour)
        cells = swath_cells(cycle, grid.shape)
        j, i = np.divmod(cells, 120)
        rows = raw(
            time=(now + hour).astype("datetime64[ns]"), lat=grid.y[j], lon=grid.x[i],
            variable=Z, value=0.0, error=0.05, product=OTHER,
        )  # fmt: skip
        window = (now, now + hour)
        table, _ = prepare_observations(rows, grid, model.layout, ObservationSettings(), 1, window)
        np.testing.assert_array_equal(table.scalar, cells)
        assert table.size == 1788
        estimate = kalman_analysis(estimate, table)
    spread = np.sqrt(estimate[1].reshape(-1))
    assert abs(spread[cells].mean() - 0.0359) < 0.0003
    unobserved = np.setdiff1d(np.arange(14_400), cells)
    assert spread[unobserved].min() >= 0.05
