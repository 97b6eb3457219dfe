"""Synthetic SWOT granules: the format of the real ones, and draws no cropping changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.sources.sphere import distance_and_bearing
from halocast.sources.swot import read_swot
from halocast.sources.swot_granules import parse_granule
from halocast.sources.swot_noise import karin_noise
from halocast.sources.synthetic.swot_files import write_swot

BOX = (-60.0, -20.0, 20.0, 30.0)
WINDOW = np.datetime64("2024-08-01T09:00"), np.datetime64("2024-08-01T11:00")


class FlatOcean:
    def sample(self, variable, time, lat, lon):
        return 0.3 + 0.0 * lat


def undecoded(path: Path, group: str | None = None) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf", group=group, mask_and_scale=False,
                         decode_times=False) as ds:  # fmt: skip
        return ds.load()


@pytest.fixture(scope="module")
def granule(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    (path,) = write_swot(folder, FlatOcean(), BOX, *WINDOW, product="Expert", seed=9)
    return path


def test_names_and_attributes_say_simulated(granule):
    name = parse_granule(granule)
    assert (name.cycle, name.number, name.crid) == (19, 46, "DG10")
    assert granule.name.startswith("SWOT_L2_LR_SSH_Expert_019_046_20240801T094020_20240801T103148")
    attrs = undecoded(granule).attrs
    assert attrs["source"].startswith("Simulated")
    assert attrs["Conventions"] == "CF-1.7"
    assert (attrs["cycle_number"], attrs["pass_number"], attrs["crid"]) == (19, 46, "DG10")


def assert_stored_alike(ours: xr.DataArray, real: xr.DataArray) -> None:
    assert ours.dtype == real.dtype
    assert ours.dims == real.dims
    for key in ("_FillValue", "scale_factor", "flag_masks", "flag_values", "flag_meanings",
                "valid_min", "valid_max", "tai_utc_difference", "standard_name"):  # fmt: skip
        if key in real.attrs:
            np.testing.assert_array_equal(ours.attrs[key], real.attrs[key], err_msg=key)
    if "units" in real.attrs:
        assert ours.attrs["units"].startswith(real.attrs["units"])


def test_places_are_packed_as_in_a_real_granule(granule, real_data: Path):
    ours, real = undecoded(granule), undecoded(real_data / "swot/real/SWOT_GS.nc")
    assert ours.sizes["num_pixels"] == real.sizes["num_pixels"] == 69
    for name in ("latitude", "longitude", "latitude_nadir", "longitude_nadir"):
        assert_stored_alike(ours[name], real[name])
    spacing = [
        distance_and_bearing(
            *(1e-6 * ds[n].values[:-1, 34].astype("f8") for n in ("latitude", "longitude")),
            *(1e-6 * ds[n].values[1:, 34].astype("f8") for n in ("latitude", "longitude")),
        )[0].mean()
        for ds in (ours, real)
    ]
    assert spacing[0] == pytest.approx(spacing[1], rel=0.01)


def test_half_swaths_are_packed_as_in_a_real_granule(tmp_path, real_data: Path):
    box = (-50.0, -45.0, 27.0, 27.1)
    (path,) = write_swot(tmp_path, FlatOcean(), box, *WINDOW, product="Unsmoothed")
    real = undecoded(real_data / "swot/real/ssh_unsmoothed_group.nc")
    for side in ("left", "right"):
        ours = undecoded(path, side)
        for name in ours.variables:
            assert_stored_alike(ours[name], real[name])
    # columns run outward from nadir on the real left side
    step = real["longitude"].values[0, 0] - real["longitude"].values[0, -1]
    left = undecoded(path, "left")["longitude"].values
    assert step > 0
    assert left[0, -1] > left[0, 0]  # descending: left is east


def test_shapes_and_types_of_the_smoothed_products(granule):
    ds = undecoded(granule)
    stored = {name: (str(v.dtype), v.attrs.get("scale_factor")) for name, v in ds.items()}
    assert stored["ssha_karin_2"] == ("int32", 1e-4)
    assert stored["ssh_karin_uncert"] == ("uint16", 1e-4)
    assert stored["internal_tide_hret"] == ("int16", 1e-4)
    assert stored["distance_to_coast"] == ("uint16", 1000.0)
    assert stored["height_cor_xover_qual"] == ("uint8", None)
    assert stored["ssha_karin_2_qual"] == ("uint32", None)
    assert stored["cross_track_distance"] == ("float32", None)
    assert ds["rad_surface_type_flag"].dims == ("num_lines", "num_sides")
    assert ds["ssha_karin_2"].attrs["_FillValue"] == 2147483647
    assert (ds["longitude"].values >= 0).all()
    np.testing.assert_allclose(ds["time_tai"] - ds["time"], 37.0, atol=1e-6)


def test_anomaly_is_height_without_mean_surface_and_tides(granule):
    with xr.open_dataset(granule, engine="h5netcdf") as ds:
        tides = ("solid_earth_tide", "dac", "ocean_tide_fes", "internal_tide_hret", "pole_tide")
        removed = ds["mean_sea_surface_cnescls"] + sum(ds[name] for name in tides)
        difference = ds["ssh_karin_2"] - removed - ds["ssha_karin_2"]
    assert float(np.abs(difference).max()) < 5e-4  # eight roundings to 0.1 mm


def test_heights_are_measured_between_10_and_60_km_only(granule):
    with xr.open_dataset(granule, engine="h5netcdf") as ds:
        measured = np.isfinite(ds["ssha_karin_2"].values)
        distance = np.abs(ds["cross_track_distance"].values)[measured]
    assert distance.min() == 10e3
    assert distance.max() == 60e3


def test_a_share_of_pixels_is_usable(tmp_path):
    days = np.datetime64("2024-08-01"), np.datetime64("2024-08-03")
    usable = total = 0
    for path in write_swot(tmp_path, FlatOcean(), BOX, *days, seed=2):
        rows = read_swot(path, box=BOX)
        usable += int((rows["fate"] == 0).sum())
        total += undecoded(path)["latitude"].size
    assert 0.39 < usable / total < 0.70


def test_cropping_changes_no_pixel(granule, tmp_path):
    inner = (-55.0, -45.0, 23.0, 27.0)
    (small,) = write_swot(tmp_path, FlatOcean(), inner, *WINDOW, product="Expert", seed=9)
    ours, theirs = undecoded(small), undecoded(granule)
    first = int(np.flatnonzero(theirs["time"].values == ours["time"].values[0])[0])
    theirs = theirs.isel(num_lines=slice(first, first + ours.sizes["num_lines"]))
    inside = ours["ssha_karin_2"].values != 2147483647
    assert inside.sum() > 10_000
    for name in ("latitude", "longitude", "height_cor_xover", "geoid", "time", "rain_flag"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    for name in ("ssha_karin_2", "ssh_karin_2", "ssha_karin_2_qual"):
        np.testing.assert_array_equal(ours[name].values[inside], theirs[name].values[inside])


def test_the_seed_chooses_the_noise(tmp_path, granule):
    box = (-60.0, -20.0, 20.0, 30.0)
    (same,) = write_swot(tmp_path / "a", FlatOcean(), box, *WINDOW, product="Expert", seed=9)
    (other,) = write_swot(tmp_path / "b", FlatOcean(), box, *WINDOW, product="Expert", seed=10)
    assert undecoded(same).identical(undecoded(granule))
    assert not undecoded(other)["ssha_karin_2"].equals(undecoded(granule)["ssha_karin_2"])
    np.testing.assert_array_equal(undecoded(other)["latitude"], undecoded(granule)["latitude"])


def test_the_residual_of_the_crossover_correction_is_as_asked(tmp_path):
    box = (-60.0, -20.0, 10.0, 45.0)
    days = np.datetime64("2024-08-01"), np.datetime64("2024-08-02")
    edges = []
    for path in write_swot(tmp_path, FlatOcean(), box, *days, seed=4, crossover_residual=0.5):
        rows = read_swot(path, box=box)
        far = (rows["fate"].values == 0) & (rows["error"].values > 0.018)  # beyond 57 km
        edges.append(rows["value"].values[far] - 0.3)
    assert np.concatenate(edges).std() == pytest.approx(0.5, rel=0.35)


def test_a_whole_pass_has_all_its_lines(tmp_path):
    box = (-52.0, -45.0, 25.0, 27.0)
    (path,) = write_swot(tmp_path, FlatOcean(), box, *WINDOW, whole_pass=True)
    assert undecoded(path).sizes["num_lines"] == 9866
    (part,) = write_swot(tmp_path / "part", FlatOcean(), box, *WINDOW)
    whole_rows, part_rows = read_swot(path, box=box), read_swot(part, box=box)
    assert whole_rows.drop_attrs().equals(part_rows.drop_attrs())


def test_nothing_is_written_where_no_pass_goes(tmp_path):
    hour = np.datetime64("2024-08-01T03:00"), np.datetime64("2024-08-01T04:00")
    assert write_swot(tmp_path, FlatOcean(), BOX, *hour) == []
    instant = np.datetime64("2024-08-01T09:56:00.123"), np.datetime64("2024-08-01T09:56:00.124")
    assert write_swot(tmp_path, FlatOcean(), BOX, *instant) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["013_080", "013_442", "013_582"])
def test_the_noise_model_against_the_science_simulator(number, real_data: Path):
    path = real_data / f"swot/simulated/input_ssh_karin_{number}.nc"
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        error = (ds["ssh_karin"] - ds["ssh_true"]).values
    valid = np.isfinite(error)
    if number == "013_442":
        assert valid.sum() == 59_854
    distance = 2000.0 * np.abs(np.arange(71) - 35)
    columns = np.flatnonzero(valid.any(axis=0))
    assert set(distance[columns]) == set(2000.0 * np.arange(5, 31))
    measured = np.array([np.nanstd(error[:, c]) for c in columns])
    np.testing.assert_allclose(measured, karin_noise(distance[columns]), rtol=0.12)
    scaled = (error / karin_noise(distance))[valid]
    assert scaled.std() == pytest.approx(1.0, abs=0.02)
