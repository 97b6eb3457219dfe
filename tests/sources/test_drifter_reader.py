"""Drifter tables to rows: units, drogues, identifiers, reasons, and answers that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.sources import rows as R
from halocast.sources.drifters import DrifterSelection, read_drifters

NAMES = "ID,time,latitude,longitude,ve,vn,gap,err_ve,err_vn,sst,drogue_lost_date,typebuoy"
UNITS = ",UTC,degrees_north,degrees_east,m/s,m/s,seconds,m/s,m/s,Kelvin,UTC,"
GOOD = {
    "ID": "300234060202320", "time": "2015-01-05T12:00:00Z", "latitude": "29.11745",
    "longitude": "-57.76274", "ve": "0.1234", "vn": "4.0E-4", "gap": "360.0", "err_ve": "0.0294",
    "err_vn": "0.0294", "sst": "295.5", "drogue_lost_date": "", "typebuoy": "SVP",
}  # fmt: skip


def write(folder: Path, *changes: dict, names=NAMES, units=UNITS, name="drifters.csv") -> Path:
    lines = [",".join((GOOD | change).get(c, "") for c in names.split(",")) for change in changes]
    path = folder / name
    path.write_text("\n".join([names, *([units] if units else []), *lines]) + "\n")
    return path


def by_variable(rows, name):
    return R.select_rows(rows, rows["variable"].values == R.variable_code(name))


def test_one_report_gives_three_rows(tmp_path):
    rows = R.validate_rows(read_drifters(write(tmp_path, {})))
    assert rows["variable"].values.tolist() == [1, 2, 3]
    assert rows["value"].values.tolist() == [0.1234, 4.0e-4, 295.5]
    assert (rows["platform"] == 300234060202320).all()
    assert (rows["lat"] == 29.11745).all()
    assert (rows["lon"] == -57.76274).all()
    assert (rows["time"] == np.datetime64("2015-01-05T12:00:00")).all()
    assert (rows["product"] == R.product_code("gdp-hourly")).all()
    assert R.count_fates(rows) == {R.Fate.CANDIDATE: 3}


def test_units_beside_the_names_mean_the_same(tmp_path):
    plain = read_drifters(write(tmp_path, {}, {"ID": "71187"}))
    header = ",".join(f"{n} ({u})" if u else n for n, u in zip(NAMES.split(","), UNITS.split(",")))
    lines = (tmp_path / "drifters.csv").read_text().splitlines()[2:]
    path = tmp_path / "drifters.csvp"
    path.write_text("\n".join([header, *lines]))
    assert read_drifters(path).drop_attrs().identical(plain.drop_attrs())


def test_units_decide_values(tmp_path):
    kelvin = read_drifters(write(tmp_path, {}))
    other = UNITS.replace("Kelvin", "degree_C").replace("m/s,m/s,seconds", "cm/s,cm/s,seconds")
    celsius = read_drifters(
        write(tmp_path, {"sst": "22.35", "ve": "12.34", "vn": "0.04"}, units=other)
    )
    np.testing.assert_allclose(kelvin["value"], celsius["value"], rtol=1e-12)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (UNITS.replace("Kelvin", "Fahrenheit"), "Fahrenheit"),
        (UNITS.replace("Kelvin", ""), "sst has no unit"),
        (UNITS.replace("m/s,m/s,seconds", "knots,knots,seconds"), "knots"),
        ("", "no unit"),
    ],
)
def test_unknown_or_missing_units_are_errors(tmp_path, units, message):
    with pytest.raises(InputError, match=message):
        read_drifters(write(tmp_path, {}, {"time": "2015-01-05T13:00:00Z"}, units=units))


@pytest.mark.parametrize(
    ("date", "state"),
    [
        ("", R.DROGUE_ATTACHED),
        ("NaN", R.DROGUE_ATTACHED),
        ("2015-02-02T00:00:00Z", R.DROGUE_ATTACHED),
        ("2015-01-05T12:00:00Z", R.DROGUE_LOST),
        ("2014-08-19T00:00:00Z", R.DROGUE_LOST),
        ("1970-01-01T00:00:00Z", R.DROGUE_UNCERTAIN),
    ],
)
def test_three_states_of_the_drogue(tmp_path, date, state):
    rows = read_drifters(write(tmp_path, {"drogue_lost_date": date}))
    assert (rows["detail"] == state).all()


def test_wind_slip_makes_velocities_less_certain(tmp_path):
    dates = {"71": "", "72": "1970-01-01T00:00:00Z", "73": "2014-01-01T00:00:00Z"}
    path = write(tmp_path, *({"ID": i, "drogue_lost_date": d} for i, d in dates.items()))
    u, t = (by_variable(read_drifters(path), name)["error"].values for name in "ut")
    instrument = 0.0294 / 1.96
    np.testing.assert_allclose(u, np.hypot(instrument, [0.0, 0.05, 0.07]))
    np.testing.assert_allclose(t, 0.1)


def test_identifiers_of_5_6_and_15_digits(tmp_path):
    path = write(tmp_path, {"ID": "300234060202320"}, {"ID": "71187"}, {"ID": "116362"},
                 {"ID": '"300234060202321"'})  # fmt: skip
    rows = read_drifters(path)
    assert set(rows["platform"].values.tolist()) == {
        71187, 116362, 300234060202320, 300234060202321,
    }  # fmt: skip
    for wrong in ("3.00234E14", "buoy"):
        with pytest.raises(InputError, match="not a whole number"):
            read_drifters(write(tmp_path, {"ID": wrong}))


@pytest.mark.parametrize(
    ("change", "fates"),
    [
        ({}, {"u": 0, "v": 0, "t": 0}),
        ({"ve": "3.5"}, {"u": 28, "v": 28, "t": 0}),
        ({"sst": "250.0"}, {"u": 0, "v": 0, "t": 29}),
        ({"sst": "320.0"}, {"u": 0, "v": 0, "t": 29}),
        ({"gap": "90000"}, {"u": 32, "v": 32, "t": 32}),
        ({"ve": "NaN"}, {"u": 31, "v": 0, "t": 0}),
        ({"ve": ""}, {"u": 31, "v": 0, "t": 0}),
        ({"vn": "inf"}, {"u": 0, "v": 31, "t": 0}),
        ({"sst": "inf"}, {"u": 0, "v": 0, "t": 31}),
        ({"latitude": ""}, {"u": 31, "v": 31, "t": 31}),
        ({"err_ve": "0.0"}, {"u": 31, "v": 0, "t": 0}),
        ({"err_vn": "-0.1"}, {"u": 0, "v": 31, "t": 0}),
        ({"longitude": "302.23726"}, {"u": 0, "v": 0, "t": 0}),
    ],
)
def test_each_reason(tmp_path, change, fates):
    rows = read_drifters(write(tmp_path, change))
    found = {name: int(by_variable(rows, name)["fate"].values[0]) for name in fates}
    assert {name: R.Fate(f) for name, f in found.items()} == fates
    R.validate_rows(rows)


@pytest.mark.parametrize(
    ("unit", "value", "fate"),
    [("km", "2.0", 0), ("km", "51.0", 27), ("degrees", "0.01", 0), ("degrees", "0.5", 27)],
)
def test_position_errors_in_kilometres_or_degrees(tmp_path, unit, value, fate):
    path = write(tmp_path, {"err_lat": value}, names=NAMES + ",err_lat", units=f"{UNITS},{unit}")
    assert (read_drifters(path)["fate"] == fate).all()


def test_reports_before_the_start_and_after_the_end_of_a_life(tmp_path):
    life = {"start_date": "2015-01-05T06:00:00Z", "end_date": "2015-01-05T18:00:00Z"}
    reports = [life | {"time": f"2015-01-05T{h:02d}:00:00Z"} for h in (3, 6, 12, 18, 21)]
    path = write(tmp_path, *reports, names=NAMES + ",start_date,end_date", units=UNITS + ",UTC,UTC")
    fates = by_variable(read_drifters(path), "u")["fate"].values
    assert fates.tolist() == [27, 0, 0, 0, 27]


def test_unsorted_and_repeated_reports(tmp_path):
    times = [f"2015-01-05T{h:02d}:00:00Z" for h in (14, 12, 13, 12)]
    rows = read_drifters(write(tmp_path, *({"time": t} for t in times)))
    R.validate_rows(rows)
    u = by_variable(rows, "u")
    assert R.count_fates(u) == {R.Fate.CANDIDATE: 3, R.Fate.FLAGGED_DUPLICATE: 1}
    turned = read_drifters(write(tmp_path, *({"time": t} for t in times[::-1])))
    assert turned.identical(rows)


def test_reports_without_a_time_are_counted(tmp_path):
    rows = read_drifters(write(tmp_path, {}, {"time": ""}, {"time": "NaN"}))
    assert rows.attrs["dropped_no_time"] == 2
    assert rows.sizes["row"] == 3


def test_box_and_window_count_what_they_drop(tmp_path):
    hours = [{"time": f"2015-01-05T{h:02d}:00:00Z"} for h in range(6)]
    path = write(tmp_path, *hours, {"latitude": "60.0", "time": "2015-01-05T02:00:00Z", "ID": "1"})
    window = np.datetime64("2015-01-05T01:00"), np.datetime64("2015-01-05T03:00")
    for box in [(-60.0, -20.0, 10.0, 45.0), (300.0, 340.0, 10.0, 45.0)]:
        rows = read_drifters(path, box=box, start=window[0], stop=window[1])
        assert rows.sizes["row"] == 3 * 2  # start < time <= stop
        assert rows.attrs["dropped_outside_window"] == 4
        assert rows.attrs["dropped_outside_box"] == 1


def test_six_hourly_reports_become_hourly_with_a_larger_error(tmp_path):
    names, units = NAMES.replace("gap,err_ve,err_vn,", ""), UNITS.replace("seconds,m/s,m/s,", "")
    six = [{"time": f"2015-01-0{d}T{h:02d}:00:00Z"} for d in (5, 6) for h in (0, 6, 12, 18)]
    path = write(tmp_path, *six, names=names, units=units)
    rows = by_variable(read_drifters(path), "u")
    assert rows.sizes["row"] == 43
    assert (rows["product"] == R.product_code("gdp-6hourly")).all()
    at_fixes = rows["time"].values.astype("M8[h]").astype(int) % 6 == 0
    np.testing.assert_allclose(rows["error"].values[at_fixes], 0.02)
    np.testing.assert_allclose(rows["error"].values[~at_fixes], np.hypot(0.02, 0.03))
    as_reported = read_drifters(path, settings=DrifterSelection(hourly=False))
    assert by_variable(as_reported, "u").sizes["row"] == 8


def test_realtime_reports_get_velocities_from_positions(tmp_path):
    names = "platform_code,platform_type,time,latitude,longitude,sst"
    reports = [
        {"platform_code": "4401234", "time": f"2024-08-01T{h:02d}:10:00Z",
         "longitude": f"{-40.0 + 0.01 * h:.2f}", "latitude": "30.0", "sst": "26.1"}
        for h in range(12)
    ]  # fmt: skip
    units = ",,UTC,degrees_north,degrees_east,degree_C"
    rows = read_drifters(write(tmp_path, *reports, names=names, units=units))
    u = by_variable(rows, "u")
    speed = 0.01 * np.radians(1.0) * 6_371_000 * np.cos(np.radians(30.0)) / 3600.0
    known = u["fate"].values == 0
    assert known.sum() == 6
    np.testing.assert_allclose(u["value"].values[known], speed, rtol=1e-6)
    assert set(u["fate"].values[~known].tolist()) == {int(R.Fate.FLAGGED_GAP)}
    np.testing.assert_allclose(by_variable(rows, "t")["value"], 26.1 + 273.15)
    assert (rows["detail"] == R.DROGUE_UNCERTAIN).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (NAMES + "\n" + UNITS + "\n", "answer is empty"),
        (NAMES + "\n", "answer is empty"),
        ('Error {\n    code=404;\n    message="Your query produced no matching results.";\n}\n',
         "error message"),
        ("<!DOCTYPE html><html><body>ERDDAP</body></html>", "HTML"),
        ("some,other,table\n1,2,3\n", "no column 'time'"),
    ],
)  # fmt: skip
def test_answers_without_reports(tmp_path, text, message):
    path = tmp_path / "answer.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_drifters(path)
    assert "answer.csv" in str(caught.value)


def test_wrong_columns(tmp_path):
    names, units = NAMES.replace("latitude", "lattitude"), UNITS
    with pytest.raises(InputError, match="no column latitude"):
        read_drifters(write(tmp_path, {}, names=names, units=units))
    with pytest.raises(InputError, match="exchanged"):
        read_drifters(write(tmp_path, {"latitude": "-157.7", "longitude": "29.1"}))
    with pytest.raises(InputError, match="no such file"):
        read_drifters(tmp_path / "none.csv")


def test_a_real_answer(real_data: Path):
    path = real_data / "gdp/drifter_hourly_qc_natl_20150105T12.csv"
    everywhere = R.validate_rows(read_drifters(path))
    here = read_drifters(path, box=(-60.0, -20.0, 10.0, 45.0))
    for rows, drifters in ((everywhere, 124), (here, 94)):
        u = by_variable(rows, "u")
        assert u.sizes["row"] == drifters == len(set(u["platform"].values))
        # one time only, and no velocities asked for: none can be told
        assert R.count_fates(u) == {R.Fate.FLAGGED_GAP: drifters}
    assert (rows["product"] == R.product_code("gdp-hourly")).all()
    assert int((by_variable(here, "u")["detail"] == R.DROGUE_ATTACHED).sum()) == 39
    assert here.attrs["dropped_outside_box"] == 30
    assert 300234060202320 in everywhere["platform"]
