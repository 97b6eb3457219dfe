"""The analytic ocean obeys its own dynamics and looks like the North Atlantic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.grid import EARTH_RADIUS, EARTH_ROTATION
from halocast.sources.synthetic.ocean import AnalyticOcean, GriddedOcean
from halocast.sources.synthetic.ocean_kernels import GRAVITY
from hypothesis import given, settings
from hypothesis import strategies as st

NOON = np.datetime64("2024-08-05T12:00")
DEGREE = EARTH_RADIUS * np.pi / 180.0
BANDS = ((10, 20), (20, 30), (30, 36), (36, 45))


def balanced(seed: int = 0) -> AnalyticOcean:
    return AnalyticOcean(seed, inertial=0.0, ekman=0.0)


@settings(max_examples=200, deadline=None)
@given(
    lat=st.floats(10.0, 45.0),
    lon=st.floats(-60.0, -20.0),
    hours=st.integers(-2000, 2000),
    seed=st.integers(0, 3),
)
def test_velocity_is_geostrophic(lat: float, lon: float, hours: int, seed: int) -> None:
    ocean, time, step = balanced(seed), NOON + np.timedelta64(hours, "h"), 1e-4
    north, south, east, west = ocean.sample(
        "ssh", time, lat + step * np.array([1, -1, 0, 0]), lon + step * np.array([0, 0, 1, -1])
    )
    f = 2 * EARTH_ROTATION * np.sin(np.deg2rad(lat))
    u = -GRAVITY / f * (north - south) / (2 * step * DEGREE)
    v = GRAVITY / f * (east - west) / (2 * step * DEGREE * np.cos(np.deg2rad(lat)))
    here = ocean.surface(time, lat, lon)
    # finite differences: h² u'' and the rounding of ssh; eddies end at 4e-6 of their height
    assert here["u"] == pytest.approx(u, abs=2e-4)
    assert here["v"] == pytest.approx(v, abs=2e-4)


def test_sampling_broadcasts_and_forgets_the_longitude_convention() -> None:
    ocean = AnalyticOcean(3)
    times = NOON + np.arange(3).astype("m8[h]")
    lat, lon = np.linspace(12, 40, 4), np.linspace(-58, -22, 5)
    whole = ocean.sample("ssh", times[:, None, None], lat[:, None], lon)
    assert whole.shape == (3, 4, 5)
    assert whole[1, 2, 3] == ocean.sample("ssh", times[1], lat[2], lon[3])
    np.testing.assert_allclose(
        ocean.sample("u", NOON, lat[:4], lon[:4]),
        ocean.sample("u", NOON, lat[:4], lon[:4] + 360),
        atol=1e-9,
    )


def test_the_seed_chooses_the_ocean() -> None:
    place = (NOON, np.linspace(11, 44, 50), -40.0)
    first, again, other = (AnalyticOcean(s).sample("ssh", *place) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.02


def test_what_cannot_be_sampled_is_refused() -> None:
    with pytest.raises(InputError, match="unknown variable 'salt'"):
        AnalyticOcean().sample("salt", NOON, 30.0, -40.0)
    with pytest.raises(InputError, match="not defined at latitude 2"):
        AnalyticOcean().sample("ssh", NOON, 2.0, -40.0)


def statistics(ssh: np.ndarray, u: np.ndarray, v: np.ndarray, lat: np.ndarray) -> dict:
    speed = np.hypot(u, v)
    found = {
        "std": np.nanstd(ssh),
        "mean speed": np.nanmean(speed),
        "p95": np.nanpercentile(speed, 95),
        "p99": np.nanpercentile(speed, 99),
        "max": np.nanmax(speed),
    }
    for south, north in BANDS:
        rows = (lat >= south) & (lat < north)
        found[f"mean {south}"] = np.nanmean(ssh[rows])
        found[f"u {south}"] = np.sqrt(np.nanmean(u[rows] ** 2))
        found[f"v {south}"] = np.sqrt(np.nanmean(v[rows] ** 2))
    return found


# absolute altimetry of 2019-02-23 (DUACS) in 60W-20W, 10N-45N
PUBLISHED = {
    "std": 0.195, "mean speed": 0.146, "p95": 0.44, "p99": 0.84, "max": 1.56,
    "mean 10": 0.45, "mean 20": 0.49, "mean 30": 0.46, "mean 36": 0.25,
    "u 10": 0.08, "u 20": 0.08, "u 30": 0.13, "u 36": 0.25,
    "v 10": 0.08, "v 20": 0.07, "v 30": 0.13, "v 36": 0.25,
}  # fmt: skip


def assert_like_the_real_ocean(found: dict, real: dict) -> None:
    for name, value in real.items():
        if name.startswith("mean ") and name != "mean speed":
            assert found[name] == pytest.approx(value, abs=0.1), name  # metres of dynamic height
        else:
            assert 0.7 < found[name] / value < 1.4, (name, found[name], value)


@pytest.mark.parametrize("seed", range(4))
def test_height_and_speed_are_those_of_altimetry(seed: int) -> None:
    lat, lon = np.arange(10.125, 45, 0.25), np.arange(-59.875, -20, 0.25)
    surface = balanced(seed).surface(NOON, lat[:, None], lon)
    found = statistics(surface["ssh"], surface["u"], surface["v"], lat)
    assert_like_the_real_ocean(found, PUBLISHED)


def test_height_and_speed_against_the_altimetry_itself(real_data: Path) -> None:
    path = real_data / "altimetry_l4" / "nrt_global_allsat_phy_l4_20190223_20190226.nc"
    with xr.open_dataset(path) as ds:
        box = ds.sel(latitude=slice(10, 45), longitude=slice(300, 340)).isel(time=0).load()
    lat, lon = box.latitude.values.astype(float), box.longitude.values.astype(float)
    real = statistics(box.adt.values, box.ugos.values, box.vgos.values, lat)
    surface = balanced().surface(NOON, lat[:, None], lon)
    assert_like_the_real_ocean(statistics(surface["ssh"], surface["u"], surface["v"], lat), real)


def test_the_day_to_day_change_is_that_of_slow_eddies() -> None:
    lat, lon = np.arange(10.125, 45, 0.25)[:, None], np.arange(-59.875, -20, 0.25)
    today, tomorrow = (
        balanced().sample("ssh", NOON + np.timedelta64(d, "D"), lat, lon) for d in (0, 1)
    )
    change = np.sqrt(np.mean((tomorrow - today) ** 2))
    assert 0.003 < change < 0.015  # 7.5 mm in maps of 1/4 degree


def test_the_august_sea_is_warm_and_has_a_front_on_the_jet() -> None:
    ocean = balanced()
    lat = np.arange(10.0, 45.0, 0.1)
    t = ocean.sample("t", NOON, lat[:, None], np.arange(-60.0, -20.0, 0.5)) - 273.15
    assert 27.0 < t[lat < 20].mean() < 29.5
    assert 25.5 < t[np.abs(lat - 30) < 1].mean() < 27.5
    assert 17.0 < t[lat > 42].mean() < 21.5
    west = ocean.surface(NOON, lat[:, None], np.arange(-60.0, -50.0, 0.5))
    jet, where = np.unravel_index(np.argmax(west["u"]), west["u"].shape)
    assert 1.1 < west["u"][jet, where] < 1.7
    assert 36.0 < lat[jet] < 42.0
    across = np.abs(lat - lat[jet]) < 1.0
    assert 3.0 < np.ptp(west["t"][across, where]) < 7.0
    assert 0.6 < np.ptp(west["ssh"][across, where]) < 1.6  # an eddy on the jet adds to it
    steepest = int(np.argmin(np.gradient(west["t"][:, where])))
    assert abs(lat[steepest] - lat[jet]) < 0.5


def test_inertial_oscillations_turn_clockwise_with_the_inertial_period() -> None:
    calm, windy = balanced(), AnalyticOcean(0, inertial=0.1, ekman=0.0)
    lat, lon = np.linspace(12, 43, 60)[:, None], np.linspace(-58, -22, 60)
    times = NOON + (np.arange(0, 97) * 15).astype("m8[m]")
    wave = np.empty((times.size, 60, 60), complex)
    for k, time in enumerate(times):
        with_waves, without = windy.surface(time, lat, lon), calm.surface(time, lat, lon)
        wave[k] = with_waves["u"] - without["u"] + 1j * (with_waves["v"] - without["v"])
    assert np.sqrt(np.mean(np.abs(wave) ** 2)) == pytest.approx(0.1, rel=0.35)
    turn = np.angle(wave[1:] * np.conj(wave[:-1]))
    strong = np.abs(wave[:-1]) > 0.05
    f = 2 * EARTH_ROTATION * np.sin(np.deg2rad(np.broadcast_to(lat, strong.shape)))
    assert np.median(turn[strong] / (-f[strong] * 900.0)) == pytest.approx(1.0, abs=0.1)


def gridded(land: bool = False) -> tuple[GriddedOcean, xr.Dataset]:
    time = NOON.astype("M8[ns]") + (np.arange(4) * 6).astype("m8[h]")
    lat, lon = np.arange(20.0, 30.0, 0.5), np.arange(-50.0, -40.0, 0.5)
    hours = np.arange(4) * 6.0
    # linear in each coordinate, another multiple for each variable
    plane = 0.1 + 0.01 * hours[:, None, None] + 0.02 * lat[:, None] - 0.03 * lon
    dims, names = ("time", "lat", "lon"), ("ssh", "u", "v", "t")
    ds = xr.Dataset(
        {name: (dims, plane * (i + 1)) for i, name in enumerate(names)},
        {"time": time, "lat": lat, "lon": lon},
    )
    if land:
        ds = ds.where(~((ds.lat > 24) & (ds.lat < 26) & (ds.lon > -46) & (ds.lon < -44)))
    return GriddedOcean(ds), ds


@settings(max_examples=100, deadline=None)
@given(
    lat=st.floats(20.0, 29.5),
    lon=st.floats(-50.0, -40.5),
    hours=st.floats(0.0, 18.0),
    wrap=st.booleans(),
)
def test_a_gridded_ocean_is_exact_on_planes(
    lat: float, lon: float, hours: float, wrap: bool
) -> None:
    ocean, _ = gridded()
    nanoseconds = round(hours * 3600e9)
    time = NOON.astype("M8[ns]") + np.timedelta64(nanoseconds, "ns")
    plane = 0.1 + 0.01 * nanoseconds / 3600e9 + 0.02 * lat - 0.03 * lon
    found = ocean.sample("v", time, lat, lon + 360.0 * wrap)
    assert found == pytest.approx(3 * plane, abs=1e-6)


def test_near_land_a_gridded_ocean_takes_the_nearest_sea() -> None:
    ocean, ds = gridded(land=True)
    lat, lon = np.linspace(20, 29.5, 77)[:, None], np.linspace(-50, -40.5, 77)
    found = ocean.sample("ssh", NOON, lat, lon)
    assert np.isfinite(found).all()
    assert found.min() >= np.nanmin(ds.ssh) - 1e-12
    assert found.max() <= np.nanmax(ds.ssh) + 1e-12


def test_a_gridded_ocean_ends_where_its_fields_end() -> None:
    ocean, _ = gridded()
    assert np.isnan(ocean.sample("ssh", NOON, [19.7, 25.0], [-45.0, -50.3])).all()
    assert np.isfinite(ocean.sample("ssh", NOON, [19.8, 29.7], [-45.0, -50.2])).all()
    with pytest.raises(InputError, match="outside the fields'"):
        ocean.sample("ssh", NOON + np.timedelta64(19, "h"), 25.0, -45.0)
    with pytest.raises(InputError, match="unknown variable"):
        ocean.sample("salt", NOON, 25.0, -45.0)
