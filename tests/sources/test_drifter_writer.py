"""Synthetic drifters: true to the ocean that carries them, in the text of the real answers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.sources import rows as R
from halocast.sources.drifters import read_drifters
from halocast.sources.synthetic.drifter_files import write_drifters

BOX = (-60.0, -20.0, 10.0, 45.0)
START, STOP = np.datetime64("2024-08-01"), np.datetime64("2024-08-02")


class Gyre:
    """A steady, divergence-free flow around the middle of the box."""

    def sample(self, variable, time, lat, lon):
        x, y = np.radians(lon + 40.0), np.radians(lat - 27.5)
        return {
            "u": -1.0 * y,
            "v": 1.0 * x * np.cos(np.radians(lat)),
            "t": 300.0 - 20.0 * y + 0.0 * x,
        }[variable]


class Westward:
    """A current that carries everything out of the box."""

    def sample(self, variable, time, lat, lon):
        return {"u": -3.0, "v": 0.0, "t": 290.0}[variable] + 0.0 * lat


def by_variable(rows, name):
    return R.select_rows(rows, rows["variable"].values == R.variable_code(name))


@pytest.mark.parametrize("layout", ["csv", "csvp", "netcdf", "ragged"])
@pytest.mark.parametrize("hours", [1, 6])
def test_reports_tell_the_ocean_within_their_noise(tmp_path, layout, hours):
    paths = write_drifters(tmp_path, Gyre(), BOX, START, STOP, count=15, interval_hours=hours,
                           layout=layout, seed=4, unresolved=0.0)  # fmt: skip
    rows = R.validate_rows(R.concat_rows([read_drifters(path) for path in paths]))
    assert rows.sizes["row"] == 15 * 25 * 3
    assert set(np.unique(rows["fate"])) == {R.Fate.CANDIDATE}
    attached = R.select_rows(rows, rows["detail"].values == R.DROGUE_ATTACHED)
    for name, noise in (("u", 0.015), ("v", 0.015), ("t", 0.05)):
        column = by_variable(attached, name)
        truth = Gyre().sample(name, None, column["lat"].values, column["lon"].values)
        misfit = column["value"].values - truth
        assert misfit.std() == pytest.approx(noise, rel=0.35)
        assert abs(misfit.mean()) < 0.01


def test_drifters_go_where_the_current_takes_them(tmp_path):
    (path,) = write_drifters(tmp_path, Gyre(), BOX, START, STOP, count=20, unresolved=0.0)
    u = by_variable(read_drifters(path), "u")
    v = by_variable(read_drifters(path), "v")
    for platform in np.unique(u["platform"]):
        one = u["platform"].values == platform
        if u["detail"].values[one][0] != R.DROGUE_ATTACHED:
            continue
        lat, lon = u["lat"].values[one], u["lon"].values[one]
        speed = np.trapezoid(u["value"].values[one], dx=3600.0)
        moved = np.radians(lon[-1] - lon[0]) * 6.371e6 * np.cos(np.radians(lat.mean()))
        assert moved == pytest.approx(speed, abs=600.0)
        north = np.trapezoid(v["value"].values[one], dx=3600.0)
        assert np.radians(lat[-1] - lat[0]) * 6.371e6 == pytest.approx(north, abs=600.0)


def test_layouts_tell_the_same(tmp_path):
    tables = {}
    for layout in ("csv", "csvp", "netcdf", "ragged"):
        paths = write_drifters(tmp_path / layout, Gyre(), BOX, START, STOP, count=10, layout=layout)
        tables[layout] = R.concat_rows([read_drifters(path) for path in paths])
    for other in ("csvp", "netcdf", "ragged"):
        for name in ("time", "platform", "detail", "variable"):
            np.testing.assert_array_equal(tables["csv"][name], tables[other][name])
        np.testing.assert_allclose(tables["csv"]["value"], tables[other]["value"], atol=6e-4)
        np.testing.assert_allclose(tables["csv"]["lat"], tables[other]["lat"], atol=6e-6)


def test_text_is_that_of_a_real_answer(tmp_path, real_data: Path):
    real = (real_data / "gdp/drifter_hourly_qc_natl_20150105T12.csv").read_text().splitlines()
    (path,) = write_drifters(tmp_path, Gyre(), BOX, START, STOP, count=60, seed=1)
    ours = path.read_text().splitlines()
    names, units = ours[0].split(","), ours[1].split(",")
    for name, unit in zip(real[0].split(","), real[1].split(",")):
        assert units[names.index(name)] == unit
    patterns = {
        "ID": r"\d{5}|\d{6}|\d{15}",
        "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "latitude": r"-?\d+\.\d{1,6}",  # six digits happen in the real one
        "longitude": r"-?\d+\.\d{1,6}",
        "drogue_lost_date": r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?",
        "typebuoy": r"SVPB?",
    }
    for lines, header in ((real, real[0].split(",")), (ours, names)):
        for line in lines[2:]:
            for name, cell in zip(header, line.split(",")):
                if name in patterns:
                    assert re.fullmatch(patterns[name], cell), (name, cell)
    for name in ("ve", "vn"):
        cells = [line.split(",")[names.index(name)] for line in ours[2:]]
        assert all(re.fullmatch(r"-?\d+\.\d{1,4}|-?\d\.\dE-[45]", cell) for cell in cells)
    assert any("E-4" in line for line in ours)
    identifiers = [line.split(",")[0] for line in ours[2:]]
    assert identifiers == sorted(identifiers)  # as text, like the real one
    assert {len(i) for i in identifiers} == {5, 6, 15}


def test_drogues_are_in_three_states(tmp_path):
    (path,) = write_drifters(tmp_path, Gyre(), BOX, START, STOP, count=200, interval_hours=6)
    u = by_variable(read_drifters(path), "u")
    states = {int(p): int(s) for p, s in zip(u["platform"].values, u["detail"].values)}
    share = np.bincount(list(states.values()), minlength=3) / len(states)
    assert 0.3 < share[R.DROGUE_ATTACHED] < 0.5
    assert 0.01 < share[R.DROGUE_UNCERTAIN] < 0.12


def test_undrogued_drifters_are_pushed_by_the_wind(tmp_path):
    (path,) = write_drifters(tmp_path, Gyre(), BOX, START, STOP, count=150, unresolved=0.0)
    u = by_variable(read_drifters(path), "u")
    misfit = u["value"].values - Gyre().sample("u", None, u["lat"].values, u["lon"].values)
    lost, north = u["detail"].values == R.DROGUE_LOST, u["lat"].values > 35.0
    assert misfit[lost & north].mean() == pytest.approx(0.065, abs=0.02)
    assert misfit[~lost & north].mean() == pytest.approx(0.0, abs=0.02)


def test_realtime_reports_repeat_and_round(tmp_path):
    (path,) = write_drifters(tmp_path, Gyre(), BOX, START, STOP, count=20, layout="realtime")
    rows = read_drifters(path)
    counts = R.count_fates(by_variable(rows, "t"))
    assert counts[R.Fate.FLAGGED_DUPLICATE] > 30
    hundredths = 100.0 * rows["lat"].values
    np.testing.assert_allclose(hundredths, np.round(hundredths), atol=1e-6)
    u = by_variable(rows, "u")
    known = u["fate"].values == 0
    truth = Gyre().sample("u", None, u["lat"].values, u["lon"].values)
    assert (u["value"].values - truth)[known].std() < 0.08


def test_drifters_that_leave_are_replaced(tmp_path):
    (path,) = write_drifters(tmp_path, Westward(), (-40.0, -38.0, 29.0, 31.0), START, STOP,
                             count=10, unresolved=0.0)  # fmt: skip
    rows = by_variable(read_drifters(path), "t")
    assert len(set(rows["platform"].values)) > 10
    assert (rows["lon"].values >= -40.001).all()
    _, hourly = np.unique(rows["time"].values, return_counts=True)
    assert hourly.max() <= 10


def test_the_seed_chooses_everything(tmp_path):
    texts = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        (path,) = write_drifters(tmp_path / folder, Gyre(), BOX, START, STOP, count=5, seed=seed)
        texts.append(path.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="3 hours"):
        write_drifters(tmp_path, Gyre(), BOX, START, STOP, interval_hours=3)
    minutes = np.datetime64("2024-08-01T00:10"), np.datetime64("2024-08-01T00:20")
    with pytest.raises(InputError, match="no drifter reports"):
        write_drifters(tmp_path, Gyre(), BOX, *minutes)
