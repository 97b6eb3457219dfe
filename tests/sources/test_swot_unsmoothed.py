"""Unsmoothed granules are completed from the 2 km granule of the same pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.sources import rows as R
from halocast.sources.swot import read_swot
from halocast.sources.swot_lines import cross_track_distance, line_times
from halocast.sources.synthetic.swot_files import write_swot

BOX = (-60.0, -20.0, 27.0, 28.0)
WINDOW = np.datetime64("2024-08-01T09:00"), np.datetime64("2024-08-01T11:00")


class WavyOcean:
    def sample(self, variable, time, lat, lon):
        return 0.4 + 0.3 * np.sin(np.radians(12 * lat - 9 * lon))


def write(folder: Path, product: str, box=BOX) -> Path:
    (path,) = write_swot(folder, WavyOcean(), box, *WINDOW, product=product, seed=3,
                         crossover_residual=0.0)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unsmoothed")
    write(folder, "Unsmoothed")
    write(folder, "Basic", (-60.0, -20.0, 26.5, 28.5))
    return folder


def test_topography_comes_back_with_the_noise_of_250_m_pixels(folder):
    (path,) = folder.glob("*Unsmoothed*")
    rows = R.validate_rows(read_swot(path, box=BOX))
    used = R.select_rows(rows, rows["fate"].values == 0)
    truth = WavyOcean().sample("ssh", None, used["lat"].values, used["lon"].values)
    noise = (used["value"].values - truth) / used["error"].values
    assert used.sizes["row"] > 100_000
    # rain is not flagged at 250 m, and is noisier: the middle of the distribution is compared
    assert np.median(np.abs(noise)) == pytest.approx(0.6745, rel=0.08)
    assert abs(noise.mean()) < 0.05
    assert (rows["product"] == R.product_code("swot-unsmoothed")).all()


def test_a_box_that_only_one_side_touches(tmp_path):
    box = (-46.4, -46.3, 27.4, 27.5)
    path = write(tmp_path, "Unsmoothed", box)
    write(tmp_path, "Basic", (-60.0, -20.0, 27.0, 28.0))
    rows = read_swot(path, box=box)
    assert 0 < rows.sizes["row"] < 2000  # a hundred square kilometres
    assert read_swot(path, box=(0.0, 1.0, 0.0, 1.0)).sizes["row"] == 0


def test_without_the_smoothed_granule_the_remedy_is_said(folder, tmp_path):
    (path,) = folder.glob("*Unsmoothed*")
    alone = tmp_path / path.name
    alone.write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="Basic or Expert granule"):
        read_swot(alone)
    (basic,) = folder.glob("*Basic*")
    beside, named = read_swot(path), read_swot(alone, companion=basic)
    assert beside.identical(named)


def test_a_smoothed_granule_of_other_times_is_refused(folder, tmp_path):
    (path,) = folder.glob("*Unsmoothed*")
    elsewhere = write(tmp_path, "Basic", (-60.0, -20.0, 40.0, 41.0))
    with pytest.raises(InputError, match="does not cover"):
        read_swot(path, companion=elsewhere)


def test_a_real_half_swath(real_data: Path):
    path = real_data / "swot/real/ssh_unsmoothed_group.nc"
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False, decode_times=False) as ds:
        time = line_times(ds, "")
        lat, lon = (1e-6 * ds[name].values for name in ("latitude", "longitude"))
        distance = cross_track_distance(ds, time, lat, lon, "")
    assert str(time[0].astype("M8[ms]")) == "2024-02-16T23:28:09.373"
    assert str(time[-1].astype("M8[ms]")) == "2024-02-16T23:28:18.740"
    # no distance in the file: from the reference orbit, on the left, 250 m apart
    assert -58e3 < distance.min() < distance.max() < -33e3
    assert np.diff(distance, axis=1).mean() == pytest.approx(-250.0, rel=0.05)
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        above = ds["ssh_karin_2"] - ds["mean_sea_surface_cnescls"]
        assert float(above.std()) == pytest.approx(0.2116, abs=5e-4)
        assert (ds["time_tai"] - ds["time"] == np.timedelta64(37, "s")).all()
    with pytest.raises(InputError, match="cycle and pass"):
        read_swot(path)
