"""Along drifter tracks: hourly places and velocities from positions, against exact motion."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.sources import rows as R
from halocast.sources.drifter_tracks import (
    HOUR,
    Tracks,
    median_interval,
    sort_tracks,
    to_hourly,
    velocity_from_positions,
)
from halocast.sources.sphere import wrap_longitude
from hypothesis import given, settings
from hypothesis import strategies as st

START = np.datetime64("2024-08-01T00:00:00", "ns")
DEGREE = np.radians(1.0) * 6_371_000.0


def tracks(time, lat, lon, u=np.nan, v=np.nan, t=290.0, platform=71187) -> Tracks:
    n = np.size(time)

    def full(value, dtype="f8"):
        return np.array(np.broadcast_to(np.asarray(value, dtype), (n,)))

    return Tracks(
        platform=full(platform, "i8"), time=np.asarray(time, "M8[ns]"), lat=full(lat),
        lon=full(lon), u=full(u), v=full(v), t=full(t), error_u=full(np.nan),
        error_v=full(np.nan), error_t=full(np.nan), position_error=full(np.nan),
        gap=full(np.nan), drogue=full(1, "i1"), fate=full(0, "i2"), interpolated=full(0, "?"),
    )  # fmt: skip


def hours(*values) -> np.ndarray:
    return START + np.array(values) * HOUR


def inertial(time, lon0=-40.0, lat0=30.0):
    """A drift north-east with an inertial circle of 24 h: places and velocities, exactly."""
    s = (np.asarray(time, "M8[ns]") - START) / np.timedelta64(1, "s")
    omega = 2 * np.pi / 86400.0
    u, v = 0.2 + 0.1 * np.cos(omega * s), 0.1 - 0.1 * np.sin(omega * s)
    x, y = 0.2 * s + 0.1 / omega * np.sin(omega * s), 0.1 * s + 0.1 / omega * np.cos(omega * s)
    lat = lat0 + y / DEGREE
    return lat, lon0 + x / (DEGREE * np.cos(np.radians(lat0))), u, v


def test_hours_between_six_hourly_fixes_follow_the_motion():
    fixes = hours(*range(0, 49, 6))
    hourly = to_hourly(tracks(fixes, *inertial(fixes)))
    assert hourly.time.tolist() == hours(*range(49)).tolist()
    assert hourly.interpolated.sum() == 40
    lat, lon, u, v = inertial(hourly.time)
    metres = np.hypot((hourly.lat - lat) * DEGREE, (hourly.lon - lon) * DEGREE * np.cos(0.52))
    assert metres.max() < 120.0  # of 800 m an hour
    assert np.abs(hourly.u - u).max() < 0.02  # the ends of a cubic spline are its worst
    assert np.abs(hourly.v - v).max() < 0.02


def test_six_hourly_fixes_keep_all_their_bits():
    fixes = hours(0, 6, 12, 18)
    before = tracks(fixes, *inertial(fixes))
    after = to_hourly(before)
    kept = after.at(~after.interpolated)
    for old, new in zip(before, kept):
        np.testing.assert_array_equal(old, new)


def test_straight_motion_is_exact_with_and_without_velocities():
    fixes = hours(0, 6, 12)
    lat, lon = 10.0 + 0.01 * np.arange(3), -30.0 + 0.02 * np.arange(3)
    hourly = to_hourly(tracks(fixes, lat, lon))
    np.testing.assert_allclose(hourly.lat, 10.0 + 0.01 / 6 * np.arange(13), atol=1e-12)
    np.testing.assert_allclose(hourly.lon, -30.0 + 0.02 / 6 * np.arange(13), atol=1e-12)


@given(st.floats(-180.0, 180.0), st.floats(-70.0, 70.0))
@settings(max_examples=30, deadline=None)
def test_interpolation_does_not_depend_on_where_180_degrees_lie(lon0, lat0):
    fixes = hours(0, 6, 12, 18, 24)
    lat, lon, u, v = inertial(fixes, 0.0, lat0)
    there = to_hourly(tracks(fixes, lat, wrap_longitude(lon + lon0), u, v))
    here = to_hourly(tracks(fixes, lat, lon, u, v))
    np.testing.assert_allclose(wrap_longitude(there.lon - lon0 - here.lon), 0.0, atol=1e-9)
    np.testing.assert_allclose(there.lat, here.lat, atol=1e-12)


def test_nothing_is_interpolated_across_a_gap_or_between_drifters():
    one = tracks(hours(0, 6, 30, 36), [10.0, 10.1, 11.0, 11.1], -30.0)
    two = tracks(hours(0, 6), [20.0, 20.1], -30.0, platform=300234060202320)
    both = Tracks(*(np.concatenate(c) for c in zip(one, two)))
    hourly = to_hourly(both)
    first = hourly.at(hourly.platform == 71187)
    assert first.time.tolist() == hours(*range(7), *range(30, 37)).tolist()
    assert (hourly.platform == 300234060202320).sum() == 7
    assert ((hourly.lat < 11.2) | (hourly.lat >= 20.0)).all()


def test_what_is_set_aside_is_kept_and_not_interpolated_from():
    fate = np.array([0, R.Fate.FLAGGED_POSITION, 0], "i2")
    fixes = tracks(hours(0, 6, 12), [10.0, 50.0, 10.2], -30.0)._replace(fate=fate)
    hourly = to_hourly(fixes)
    flagged = hourly.at(hourly.fate != 0)
    assert flagged.lat.tolist() == [50.0]
    assert hourly.at(hourly.fate == 0).lat.max() <= 10.2
    assert hourly.time.size == 12 + 2  # the flagged report stands beside the hour interpolated


def test_temperature_is_linear_and_drogue_is_that_of_the_fix_before():
    fixes = tracks(hours(0, 6), [10.0, 10.1], -30.0, t=[290.0, 296.0])
    fixes = fixes._replace(drogue=np.array([1, 0], "i1"))
    hourly = to_hourly(fixes)
    np.testing.assert_allclose(hourly.t, 290.0 + np.arange(7))
    assert hourly.drogue.tolist() == [1] * 6 + [0]


def test_velocity_is_the_centred_difference_over_six_hours():
    time = hours(*range(25))
    lat, lon, _, _ = inertial(time)
    moving = velocity_from_positions(tracks(time, lat, lon))
    known = np.isfinite(moving.u)
    assert np.flatnonzero(known).tolist() == list(range(3, 22))
    # a six-hour mean of a 24 h circle is sinc(1/4) of it
    shrunk = np.sinc(0.25)
    _, _, u, v = inertial(time)
    np.testing.assert_allclose(moving.u[known], 0.2 + shrunk * (u[known] - 0.2), atol=2e-3)
    np.testing.assert_allclose(moving.v[known], 0.1 + shrunk * (v[known] - 0.1), atol=2e-3)
    np.testing.assert_allclose(moving.error_u[known], np.sqrt(2) * 300.0 / 21600.0)


def test_velocity_across_180_degrees():
    time = hours(0, 3, 6)
    moving = velocity_from_positions(tracks(time, 0.0, [179.9, 180.0 - 360.0, -179.9]))
    assert moving.u[1] == pytest.approx(0.2 * DEGREE / 21600.0)


def test_no_velocity_over_a_long_gap():
    moving = velocity_from_positions(tracks(hours(0, 3, 30, 60), 10.0, [0.0, 0.1, 0.2, 0.3]))
    assert np.isnan(moving.u).all()


def test_rounded_positions_give_the_stated_error():
    rng = np.random.default_rng(3)
    time = hours(*range(400))
    lat, lon, _, _ = inertial(time)
    exact = velocity_from_positions(tracks(time, lat, lon))
    noise = 300.0 / DEGREE
    rough = velocity_from_positions(
        tracks(time, lat + noise * rng.normal(size=400),
               lon + noise / np.cos(np.radians(lat)) * rng.normal(size=400))
    )  # fmt: skip
    known = np.isfinite(rough.u)
    for name in ("u", "v"):
        scatter = (getattr(rough, name) - getattr(exact, name))[known].std()
        assert scatter == pytest.approx(np.nanmean(rough.error_u), rel=0.15)


def test_sorting_finds_repeats_in_any_order():
    time = hours(3, 0, 3, 6)
    given_tracks = tracks(time, [10.3, 10.0, 10.2, 10.6], -30.0)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        found = sort_tracks(given_tracks.at(np.array(order)))
        assert found.lat.tolist() == [10.0, 10.2, 10.3, 10.6]
        assert found.fate.tolist() == [0, 0, R.Fate.FLAGGED_DUPLICATE, 0]


def test_inputs_are_not_changed():
    fixes = hours(0, 6, 12, 18)
    before = tracks(fixes, *inertial(fixes))
    copies = [column.copy() for column in before]
    to_hourly(before)
    velocity_from_positions(before)
    sort_tracks(before)
    for column, copy in zip(before, copies):
        np.testing.assert_array_equal(column, copy)


def test_the_usual_interval():
    assert median_interval(tracks(hours(0, 6, 12, 24), 0.0, 0.0)) == 6 * HOUR
    assert np.isnat(median_interval(tracks(hours(0), 0.0, 0.0)))
