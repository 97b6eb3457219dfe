"""The SWOT orbit against its theory and against real and predicted ground tracks."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.sources.sphere import distance_and_bearing, wrap_longitude
from halocast.sources.synthetic import swot_orbit as orbit

BOX = (-60.0, -20.0, 10.0, 45.0)
START, STOP = np.datetime64("2024-08-01"), np.datetime64("2024-08-11")


def pass_times(cycle: int, number: int, step: float = 0.5) -> np.ndarray:
    seconds = np.arange(0.0, orbit.PASS_SECONDS, step)
    return orbit.pass_start(cycle, number) + (seconds * 1e9).astype("m8[ns]")


def distance_to_track(lat, lon, track_lat, track_lon) -> np.ndarray:
    distance, _ = distance_and_bearing(
        np.asarray(lat)[:, None], np.asarray(lon)[:, None], track_lat[None, :], track_lon[None, :]
    )
    return distance.min(axis=1)


def test_ground_track_repeats_after_a_cycle():
    time = pass_times(19, 59, 60.0)
    cycle = np.timedelta64(round(orbit.CYCLE_SECONDS * 1e9), "ns")
    np.testing.assert_allclose(orbit.nadir(time), orbit.nadir(time + cycle), atol=1e-6)


def test_odd_passes_ascend_between_the_latitude_extremes():
    for number in (1, 2, 313, 584):
        lat, _ = orbit.nadir(pass_times(3, number, 10.0)[1:])
        assert (np.diff(lat) > 0).all() == (number % 2 == 1)
        # the flattened Earth adds 0.07 degrees to the inclination's complement
        assert abs(lat[[0, -1]]) == pytest.approx(77.66, abs=0.05)


def test_neighbouring_orbits_are_21_earth_turns_in_292_apart():
    _, first = orbit.nadir(pass_times(19, 59, 30.0))
    _, second = orbit.nadir(pass_times(19, 61, 30.0))
    west = wrap_longitude(second - first)
    np.testing.assert_allclose(west, -360.0 * 21 / 292, atol=1e-6)


def test_ground_speed_and_pass_numbers():
    speed = orbit.ground_speed(pass_times(2, 7, 100.0))
    assert 6300 < speed.min() < speed.max() < 6700
    assert orbit.pass_at(pass_times(19, 584)[10]) == (19, 584)
    assert orbit.pass_at(orbit.pass_start(20, 1) + np.timedelta64(1, "s")) == (20, 1)


def test_swath_lies_square_to_the_track():
    time = pass_times(19, 59)[2000:2050]
    cross_track = 2000.0 * np.arange(-34, 35)
    lat, lon = orbit.swath(time, cross_track)
    assert lat.shape == (50, 69)
    np.testing.assert_allclose(np.array([lat[:, 34], lon[:, 34]]), orbit.nadir(time), atol=1e-9)
    away, _ = distance_and_bearing(lat[:, [34]], lon[:, [34]], lat, lon)
    np.testing.assert_allclose(away, np.abs(cross_track)[None, :] * np.ones((50, 1)), atol=0.5)
    assert lon[0, 0] < lon[0, 34] < lon[0, 68]  # ascending: left is west


def test_boxes_in_either_longitude_convention_and_across_the_date_line():
    day = np.datetime64("2024-08-01"), np.datetime64("2024-08-02")
    assert orbit.passes_over((300.0, 340.0, 10.0, 45.0), *day) == orbit.passes_over(BOX, *day)
    east = orbit.passes_over((170.0, 180.0, 0.0, 10.0), *day)
    west = orbit.passes_over((-180.0, -170.0, 0.0, 10.0), *day)
    across = orbit.passes_over((170.0, 190.0, 0.0, 10.0), *day)
    assert {p.number for p in across} == {p.number for p in east} | {p.number for p in west}
    assert orbit.passes_over((0.0, 10.0, 80.0, 85.0), *day) == []


def test_passes_over_the_north_atlantic():
    passes = orbit.passes_over(BOX, START, STOP)
    assert len(passes) == 38
    assert {p.cycle for p in passes} == {19}
    assert sum(p.ascending for p in passes) == 19
    minutes = sum((p.leave - p.enter) / np.timedelta64(1, "m") for p in passes)
    assert minutes == pytest.approx(327, rel=0.03)
    whole_cycle = orbit.passes_over(BOX, orbit.pass_start(19, 1), orbit.pass_start(20, 1))
    assert len(whole_cycle) == 80  # 79 by nadir and edges alone: one touches with a corner


def test_predicted_passes(real_data: Path):
    with (real_data / "derived/predicted_swot_passes_20240801_20240811.csv").open() as file:
        predicted = {int(row["pass"]): row for row in csv.DictReader(file)}
    passes = {p.number: p for p in orbit.passes_over(BOX, START, STOP)}
    assert passes.keys() == predicted.keys()
    for number, row in predicted.items():
        over = passes[number]
        assert over.ascending == (row["dir"] == "asc")
        late = (over.start - np.datetime64(row["granule_start"])) / np.timedelta64(1, "s")
        assert abs(late) <= 1.0
        late = (over.enter - np.datetime64(row["t_enter"])) / np.timedelta64(1, "s")
        assert abs(late) <= 20.0
        ends = [[float(row["lat0"]), float(row["lat1"])], [float(row["lon0"]), float(row["lon1"])]]
        track = orbit.nadir(pass_times(19, number, 1.0))
        assert distance_to_track(*ends, *track).max() < 4e3


def test_real_nadir_track(real_data: Path):
    with xr.open_dataset(real_data / "swot/real/SWOT_GS.nc", engine="h5netcdf") as real:
        lat = real["latitude_nadir"].values[::20]
        lon = wrap_longitude(real["longitude_nadir"].values[::20])
    track = orbit.nadir(pass_times(10, 35, 0.1))
    assert distance_to_track(lat, lon, *track).max() < 2e3


def test_real_lines_in_space_and_time(real_data: Path):
    path = real_data / "swot/real/ssh_unsmoothed_group.nc"
    with xr.open_dataset(path, engine="h5netcdf") as real:
        time = real["time"].values
        lat, lon = real["latitude"].values, real["longitude"].values
    assert orbit.pass_at(time[0]) == (11, 59)
    second = np.timedelta64(1, "s")
    nadir = orbit.nadir(time)
    _, heading = distance_and_bearing(*nadir, *orbit.nadir(time + second))
    away, bearing = distance_and_bearing(
        nadir[0][:, None], nadir[1][:, None], lat, wrap_longitude(lon)
    )
    angle = np.radians(bearing - heading[:, None])
    assert np.abs(away * np.cos(angle)).max() < 1e3  # along the track
    left = away * np.sin(angle)
    assert -60e3 < left.min() < left.max() < -30e3
    np.testing.assert_allclose(np.diff(left.mean(axis=0)), -250.0, rtol=0.05)


def test_ephemeris(real_data: Path):
    ephemeris = np.loadtxt(real_data / "swot/orbit/ephemeris_science_sept2015_ell.txt")
    t, lon, lat, _ = ephemeris[::97].T
    # its first southern extreme begins pass 333; its cycle is 7.6 s shorter than the flown one
    elapsed = (t - 1545.48) * 20.864638 / 20.86455
    time = orbit.pass_start(1, 333) + ((elapsed + 2.38) * 1e9).astype("m8[ns]")
    distance, _ = distance_and_bearing(*orbit.nadir(time), lat, lon)
    assert distance.max() < 500.0
