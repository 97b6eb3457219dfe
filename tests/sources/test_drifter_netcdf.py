"""Ragged and per-drifter netCDF files: fills, row sizes, identifiers, the drogue's date."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.sources import rows as R
from halocast.sources.drifters import read_drifters

FILL = -1e34
SECONDS = {"units": "seconds since 1970-01-01 00:00:00"}


def ragged(folder: Path, change=None) -> Path:
    """Three drifters of 2, 0 and 3 hourly reports; attached, uncertain, lost at the second."""
    t0 = 1722470400.0  # 2024-08-01T00:00:00Z
    ds = xr.Dataset(
        {
            "rowsize": ("traj", np.array([2, 0, 3])),
            "ID": ("traj", np.array([300234060202320, 71187, 116362])),
            "drogue_lost_date": ("traj", np.array([FILL, 0.0, t0 + 3600.0]), dict(SECONDS)),
            "time": ("obs", t0 + 3600.0 * np.array([0, 1, 0, 1, 2]), dict(SECONDS)),
            "lat": ("obs", np.array([30.0, 30.1, 20.0, 20.1, 20.2]), {"units": "degrees_north"}),
            "lon": ("obs", np.array([320.0, 320.1, -30.0, -30.1, -30.2])),
            "ve": ("obs", np.array([0.1, FILL, 0.2, 0.3, 0.4]), {"units": "m/s"}),
            "vn": ("obs", np.zeros(5), {"units": "m/s"}),
            "sst": ("obs", np.full(5, 299.0), {"units": "Kelvin"}),
            "gap": ("obs", np.array([60.0, 60.0, 60.0, 60.0, FILL]), {"units": "seconds"}),
        }
    )
    if change:
        ds = change(ds) or ds
    path = folder / "ragged.nc"
    ds.to_netcdf(path, engine="h5netcdf")
    return path


def u_rows(rows):
    rows = R.select_rows(rows, rows["variable"].values == 1)
    order = np.lexsort([rows["time"].values, rows["platform"].values])
    return rows.isel(row=order)


def test_reports_go_to_their_drifters(tmp_path):
    u = u_rows(R.validate_rows(read_drifters(ragged(tmp_path))))
    assert u["platform"].values.tolist() == [116362] * 3 + [300234060202320] * 2
    assert u["detail"].values.tolist() == [R.DROGUE_ATTACHED, R.DROGUE_LOST, R.DROGUE_LOST,
                                           R.DROGUE_ATTACHED, R.DROGUE_ATTACHED]  # fmt: skip
    assert u["value"].values[:4].tolist() == [0.2, 0.3, 0.4, 0.1]
    np.testing.assert_allclose(u["lon"].values[3:], [-40.0, -39.9])
    assert u["time"].values[0] == np.datetime64("2024-08-01")


def test_fill_values_are_missing_everywhere(tmp_path):
    def spoil(ds):
        ds["time"].values[0] = FILL

    rows = read_drifters(ragged(tmp_path, spoil))
    assert rows.attrs["dropped_no_time"] == 1
    fates = u_rows(rows)["fate"].values.tolist()
    assert fates == [0, 0, 0, R.Fate.FLAGGED_INVALID]


def test_a_drifter_uncertain_from_the_beginning(tmp_path):
    def uncertain(ds):
        ds["drogue_lost_date"].values[:] = 0.0

    rows = read_drifters(ragged(tmp_path, uncertain))
    assert (rows["detail"] == R.DROGUE_UNCERTAIN).all()


def test_the_drogue_by_status_where_no_date_is_told(tmp_path):
    def status(ds):
        ds["drogue_status"] = ("obs", np.array([1, 0, 1, 1, 0], "i1"))
        return ds.drop_vars("drogue_lost_date")

    u = u_rows(read_drifters(ragged(tmp_path, status)))
    assert u["detail"].values.tolist() == [1, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: ds.assign(rowsize=("traj", np.array([2, 0, 2]))), "row sizes"),
        (lambda ds: ds.assign(ID=("traj", np.array([1, 2, 3], "f4"))), "float32"),
        (lambda ds: ds.drop_vars("time"), "no variable time"),
        (lambda ds: ds.drop_vars("ID"), "no column ID"),
        (lambda ds: ds.isel(obs=slice(0, 0)), "no reports"),
        (lambda ds: ds.assign(time=ds["time"].assign_attrs(units="furlongs")), "furlongs"),
        (lambda ds: ds.assign(ve=ds["ve"].drop_attrs()), "no unit"),
    ],
)
def test_damaged_files(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        read_drifters(ragged(tmp_path, change))


def test_truncated_and_missing_files(tmp_path):
    path = ragged(tmp_path)
    short = tmp_path / "short.nc"
    short.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    page = tmp_path / "page.nc"
    page.write_text("<html>busy</html>")
    for file, message in [
        (short, "truncated|opened"),
        (page, "HTML"),
        (tmp_path / "n.nc", "no such"),
    ]:
        with pytest.raises(InputError, match=message):
            read_drifters(file)


def test_one_drifter_in_a_file_with_a_name_of_characters(tmp_path):
    name = np.array(["300234060202320"], "S15").view("S1").reshape(1, 15)
    time = 1722470400.0 + 21600.0 * np.arange(3)[None, :]
    ds = xr.Dataset(
        {
            "ID": (("traj", "n"), name),
            "drogue_lost_date": ("traj", [FILL], dict(SECONDS)),
            "time": (("traj", "obs"), time, dict(SECONDS)),
            "latitude": (("traj", "obs"), [[30.0, 30.1, 30.2]]),
            "longitude": (("traj", "obs"), [[-40.0, -40.0, -40.0]]),
            "ve": (("traj", "obs"), np.zeros((1, 3)), {"units": "m/s"}),
            "vn": (("traj", "obs"), np.full((1, 3), 0.5), {"units": "m/s"}),
            "temp": (("traj", "obs"), np.full((1, 3), 299.0), {"units": "Kelvin"}),
        }
    )
    path = tmp_path / "drifter_6h.nc"
    ds.to_netcdf(path, engine="h5netcdf")
    rows = read_drifters(path)
    assert (rows["platform"] == 300234060202320).all()
    assert (rows["product"] == R.product_code("gdp-6hourly")).all()
    assert rows.sizes["row"] == 13 * 3
