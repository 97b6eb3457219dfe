"""SWOT granules to rows: what is written is read, and every pixel is accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.sources import rows as R
from halocast.sources.swot import SwotSelection, read_swot
from halocast.sources.swot_noise import karin_noise
from halocast.sources.synthetic.swot_files import write_swot

BOX = (-60.0, -20.0, 10.0, 45.0)
START, STOP = np.datetime64("2024-08-01T09:00"), np.datetime64("2024-08-01T11:00")  # pass 46


class WavyOcean:
    """A smooth sea with an island at 20N-20.5N."""

    def sample(self, variable, time, lat, lon):
        assert variable == "ssh"
        hours = (time - START) / np.timedelta64(1, "h")
        ssh = 0.4 + 0.3 * np.sin(np.radians(12 * lat - 9 * lon)) + 0.01 * hours
        return np.where((lat > 20.0) & (lat < 20.5), np.nan, ssh)


@pytest.fixture(scope="module")
def granule(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("swot")
    (path,) = write_swot(folder, WavyOcean(), BOX, START, STOP, product="Expert", seed=5,
                         crossover_residual=0.0)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def rows(granule) -> xr.Dataset:
    return R.validate_rows(read_swot(granule, box=BOX))


def raw(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False, decode_times=False) as ds:
        return ds.load()


@pytest.fixture(scope="module")
def short(granule, tmp_path_factory) -> Path:
    """A tenth of the granule, to be spoilt."""
    folder = tmp_path_factory.mktemp("short")
    return rewritten(granule, folder, lambda ds: ds.isel(num_lines=slice(400, 600)))


@pytest.fixture(scope="module")
def short_rows(short) -> xr.Dataset:
    return read_swot(short, box=BOX)


def rewritten(granule: Path, folder: Path, change) -> Path:
    ds = raw(granule)
    ds = change(ds) or ds
    ds.to_netcdf(folder / granule.name, engine="h5netcdf")
    return folder / granule.name


def misfit(rows: xr.Dataset) -> np.ndarray:
    truth = WavyOcean().sample("ssh", rows["time"].values, rows["lat"].values, rows["lon"].values)
    return rows["value"].values - truth


def candidates(rows: xr.Dataset) -> xr.Dataset:
    return R.select_rows(rows, rows["fate"].values == R.Fate.CANDIDATE)


def test_absolute_dynamic_topography_comes_back_with_the_stated_noise(rows):
    used = candidates(rows)
    error = used["error"].values
    scaled = misfit(used) / error
    assert used.sizes["row"] > 40_000
    assert abs(scaled.mean()) < 0.02
    assert scaled.std() == pytest.approx(1.0, abs=0.01)
    for distance in (10e3, 20e3, 30e3, 40e3, 50e3, 60e3):
        column = np.isclose(error, karin_noise(distance), atol=6e-5)
        assert misfit(used)[column].std() == pytest.approx(karin_noise(distance), rel=0.06)


def test_without_the_crossover_correction_a_ramp_of_metres_remains(granule, rows):
    with xr.open_dataset(granule, engine="h5netcdf") as ds:
        ramp = float(ds["height_cor_xover"].std())
        with_it = float((ds["ssha_karin_2"] + ds["height_cor_xover"]).std())
        without = float(ds["ssha_karin_2"].std())
    assert ramp > 0.3
    assert with_it < 0.5 < without
    assert abs(misfit(candidates(rows))).max() < 0.15


def test_every_pixel_is_a_row_or_counted(granule, rows):
    pixels = raw(granule)["ssha_karin_2"].size
    dropped = sum(n for name, n in rows.attrs.items() if name.startswith("dropped_"))
    assert rows.sizes["row"] + dropped == pixels
    assert R.Fate.FLAGGED_RAIN in R.count_fates(rows)
    assert R.Fate.FLAGGED_QUALITY in R.count_fates(rows)


def test_identity_is_kept(rows, granule):
    assert (rows["platform"] == 19046).all()
    assert (rows["product"] == R.product_code("swot-expert")).all()
    assert rows.attrs["source_file"] == granule.name
    assert (rows.attrs["crid"], rows.attrs["product_version"]) == ("DG10", "simulated")
    assert (rows.attrs["cycle"], rows.attrs["pass"]) == (19, 46)


@pytest.mark.parametrize("box", [(-50.0, -45.0, 25.0, 30.0), (-59.0, -46.0, 12.0, 44.0)])
def test_a_box_selects_and_changes_nothing(rows, granule, box):
    west, east, south, north = box
    part = read_swot(granule, box=box)
    lat, lon = rows["lat"].values, rows["lon"].values
    expected = R.select_rows(rows, (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east))
    assert part.drop_attrs().equals(expected.drop_attrs())
    turned = read_swot(granule, box=(west + 360.0, east + 360.0, south, north))
    assert turned.identical(part)


def test_a_box_elsewhere_gives_no_rows(granule):
    empty = read_swot(granule, box=(0.0, 10.0, -10.0, 0.0))
    assert empty.sizes["row"] == 0
    assert empty.attrs["dropped_outside_box"] == raw(granule)["latitude"].size


def test_basic_is_expert_without_geometry(granule, rows, tmp_path):
    (path,) = write_swot(tmp_path, WavyOcean(), BOX, START, STOP, seed=5, crossover_residual=0.0)
    basic = read_swot(path, box=BOX)
    assert "cross_track_distance" not in raw(path)
    for name in ("time", "lat", "lon", "value", "error", "fate"):
        np.testing.assert_array_equal(basic[name], rows[name])

    # where only the nadir track is told, distances follow from it
    def hide(ds):
        return ds.drop_vars("cross_track_distance")

    by_track = read_swot(rewritten(granule, tmp_path, hide), box=BOX)
    assert (by_track["fate"].values == rows["fate"].values).mean() > 0.999


SURFACE = "ancillary_surface_classification_flag"
GATES = [
    (SURFACE, 1, R.Fate.FLAGGED_SURFACE),
    (SURFACE, 255, R.Fate.FLAGGED_SURFACE),
    ("cross_track_distance", 9_000.0, R.Fate.FLAGGED_SWATH_EDGE),
    ("cross_track_distance", -60_900.0, R.Fate.FLAGGED_SWATH_EDGE),
    ("dynamic_ice_flag", 2, R.Fate.FLAGGED_ICE),
    ("rain_flag", 1, R.Fate.FLAGGED_RAIN),
    ("ssha_karin_2_qual", 1 << 24, R.Fate.FLAGGED_QUALITY),
    ("ssha_karin_2_qual", 1 << 15, R.Fate.FLAGGED_QUALITY),
    ("ssha_karin_2_qual", 1 << 3, R.Fate.CANDIDATE),
    ("height_cor_xover_qual", 2, R.Fate.FLAGGED_CROSSOVER),
    ("height_cor_xover_qual", 1, R.Fate.CANDIDATE),
    ("height_cor_xover", 2147483647, R.Fate.FLAGGED_CROSSOVER),
    ("ssha_karin_2", 100_000, R.Fate.FLAGGED_RANGE),
    ("geoid", 2147483647, R.Fate.FLAGGED_INVALID),
    ("ssh_karin_uncert", 0, R.Fate.FLAGGED_INVALID),
    ("ssh_karin_uncert", 65535, R.Fate.CANDIDATE),
]


@pytest.fixture(scope="module")
def fates_of_spoilt_pixels(short, tmp_path_factory) -> list[int]:
    """What becomes of one pixel for each gate, spoilt in one value and otherwise clean."""
    lines = 10 + 10 * np.arange(len(GATES))

    def spoil(ds):
        for name in (SURFACE, "rain_flag", "ssha_karin_2_qual", "height_cor_xover_qual"):
            ds[name].values[lines, 10] = 0
        for name in ("ssha_karin_2", "height_cor_xover", "ssh_karin_uncert"):
            ds[name].values[lines, 10] = 100
        ds["time"].values[:] = ds["time"].values[-1] + 0.3 * np.arange(ds.sizes["num_lines"])
        for line, (name, value, _) in zip(lines, GATES):
            ds[name].values[line, 10] = value

    path = rewritten(short, tmp_path_factory.mktemp("spoilt"), spoil)
    ds, found = raw(path), read_swot(path)
    fates = []
    for line in lines:
        lat = 1e-6 * float(ds["latitude"].values[line, 10])
        lon = 1e-6 * float(ds["longitude"].values[line, 10]) - 360.0
        place = np.isclose(found["lat"], lat, atol=1e-9) & np.isclose(found["lon"], lon, atol=1e-9)
        (fate,) = found["fate"].values[place]
        fates.append(int(fate))
    return fates


@pytest.mark.parametrize("gate", range(len(GATES)))
def test_each_gate_gives_its_reason(fates_of_spoilt_pixels, gate):
    assert R.Fate(fates_of_spoilt_pixels[gate]) == GATES[gate][2]


def test_stricter_settings_keep_less(short):
    kept = [
        candidates(read_swot(short, box=BOX, settings=SwotSelection(**settings))).sizes["row"]
        for settings in (
            {"worst_quality": "good", "worst_crossover_quality": 0, "nearest": 15e3},
            {"worst_quality": "good"},
            {},
            {"worst_quality": "degraded"},
        )
    ]
    assert kept == sorted(set(kept))
    with pytest.raises(ValueError, match="neerest"):
        SwotSelection(neerest=15e3)


def test_radiometer_heights_differ_by_the_wet_troposphere(granule, rows):
    other = read_swot(granule, box=BOX, settings=SwotSelection(height="karin"))
    difference = other["value"].values - rows["value"].values
    assert 0.0 < np.nanstd(difference) < 0.02


def test_lines_without_a_time_are_counted(short, tmp_path, short_rows):
    def forget(ds):
        for name in ("time", "time_tai"):
            ds[name].values[100:110] = ds[name].attrs["_FillValue"]

    found = read_swot(rewritten(short, tmp_path, forget), box=BOX)
    lost = found.attrs["dropped_no_time"]
    assert lost > 300
    assert found.sizes["row"] == short_rows.sizes["row"] - lost


def test_utc_follows_from_atomic_time(short, tmp_path, short_rows):
    def atomic(ds):
        return ds.drop_vars("time")

    found = read_swot(rewritten(short, tmp_path, atomic), box=BOX)
    offset = np.abs(found["time"].values - short_rows["time"].values).max()
    assert offset < np.timedelta64(1, "us")


def test_values_do_not_depend_on_the_packing(short, tmp_path, short_rows):
    def finer(ds):
        for name in ("ssha_karin_2", "height_cor_xover"):
            raw_values = ds[name].values.astype("f8")
            raw_values[raw_values == 2147483647] = np.nan
            attrs = {k: v for k, v in ds[name].attrs.items() if k != "scale_factor"}
            attrs |= {"_FillValue": np.nan}
            ds[name] = (ds[name].dims, 1e-4 * raw_values, attrs)

    found = read_swot(rewritten(short, tmp_path, finer), box=BOX)
    np.testing.assert_allclose(found["value"], short_rows["value"], atol=1e-9)


def test_a_renamed_granule_is_known_by_its_attributes(short, tmp_path, short_rows):
    path = tmp_path / "mine.nc"
    path.write_bytes(short.read_bytes())
    found = read_swot(path, box=BOX)
    assert found.drop_attrs().equals(short_rows.drop_attrs())


def drop(name):
    def change(ds):
        return ds.drop_vars(name)

    return change


def relabel(name, **attrs):
    def change(ds):
        ds[name].attrs.update(attrs)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("geoid"), "no variable geoid"),
        (drop("mean_sea_surface_cnescls"), "mean_sea_surface_cnescls"),
        (drop("ssha_karin_2"), "ssha_karin_2"),
        (drop("height_cor_xover"), "height_cor_xover"),
        (drop(["time", "time_tai"]), "time_tai"),
        (relabel("ssha_karin_2", units="cm"), "cm"),
        (relabel("time", units="days since 1950-01-01"), "1950"),
        (lambda ds: ds.assign_attrs(pass_number=7), "pass_number"),
    ],
)
def test_wrong_granules_are_refused_with_a_reason(short, tmp_path, change, message):
    path = rewritten(short, tmp_path, change)
    with pytest.raises(InputError, match=message):
        read_swot(path, box=BOX)


def test_files_that_are_no_granules(short, tmp_path):
    truncated = tmp_path / short.name
    truncated.write_bytes(short.read_bytes()[: short.stat().st_size // 2])
    page = tmp_path / "page.nc"
    page.write_text("<!DOCTYPE html><html>Earthdata Login</html>")
    wind = tmp_path / short.name.replace("Expert", "WindWave")
    wind.write_bytes(short.read_bytes())
    nameless = tmp_path / "nameless.nc"
    raw(short).drop_attrs().to_netcdf(nameless, engine="h5netcdf")
    for path, message in [
        (truncated, "truncated|opened"),
        (page, "HTML"),
        (wind, "WindWave"),
        (nameless, "cycle and pass"),
        (tmp_path / "none.nc", "no such"),
    ]:
        with pytest.raises(InputError, match=message):
            read_swot(path)


def test_longitudes_of_a_granule_across_greenwich(tmp_path):
    days = np.datetime64("2024-08-01"), np.datetime64("2024-08-04")
    paths = write_swot(tmp_path, WavyOcean(), (-5.0, 5.0, 30.0, 31.0), *days, seed=1)
    lon = np.concatenate([read_swot(path)["lon"].values for path in paths])
    assert lon.min() < 0.0 < lon.max()
    assert np.abs(lon).max() < 6.0
